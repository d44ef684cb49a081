using System.Runtime.InteropServices;

#pragma warning disable CS8981 // the C spelling is what man pages are searched for

namespace Overlay.Encap.Linux.Abi;

/// <summary>
/// The part of linux/netfilter/nfnetlink.h and nf_tables.h for one rule of the netdev family, and of linux/xfrm.h for the number of IPsec
/// policies. Numbers in nf_tables' attributes are big-endian. Tested against the C compiler.
/// </summary>
internal static class FilterAbi
{
    public const byte NFPROTO_IPV4 = 2;
    public const byte NFPROTO_NETDEV = 5;
    public const uint NF_NETDEV_INGRESS = 0;

    // Message types: those of a batch as they are, the others with the subsystem in the upper octet.
    public const ushort NFNL_MSG_BATCH_BEGIN = 0x10;
    public const ushort NFNL_MSG_BATCH_END = 0x11;
    public const ushort NFNL_SUBSYS_NFTABLES = 10;
    public const ushort NFT_MSG_NEWTABLE = 0;
    public const ushort NFT_MSG_NEWCHAIN = 3;
    public const ushort NFT_MSG_NEWRULE = 6;

    // Attributes.
    public const ushort NFTA_TABLE_NAME = 1;
    public const ushort NFTA_TABLE_FLAGS = 2;
    public const ushort NFTA_CHAIN_TABLE = 1;
    public const ushort NFTA_CHAIN_NAME = 3;
    public const ushort NFTA_CHAIN_HOOK = 4;
    public const ushort NFTA_CHAIN_TYPE = 7;
    public const ushort NFTA_HOOK_HOOKNUM = 1;
    public const ushort NFTA_HOOK_PRIORITY = 2;
    public const ushort NFTA_HOOK_DEV = 3;
    public const ushort NFTA_RULE_TABLE = 1;
    public const ushort NFTA_RULE_CHAIN = 2;
    public const ushort NFTA_RULE_EXPRESSIONS = 4;
    public const ushort NFTA_LIST_ELEM = 1;
    public const ushort NFTA_EXPR_NAME = 1;
    public const ushort NFTA_EXPR_DATA = 2;
    public const ushort NFTA_IMMEDIATE_DREG = 1;
    public const ushort NFTA_IMMEDIATE_DATA = 2;
    public const ushort NFTA_DATA_VALUE = 1;
    public const ushort NFTA_PAYLOAD_DREG = 1;
    public const ushort NFTA_PAYLOAD_BASE = 2;
    public const ushort NFTA_PAYLOAD_OFFSET = 3;
    public const ushort NFTA_PAYLOAD_LEN = 4;
    public const ushort NFTA_FWD_SREG_DEV = 1;
    public const ushort NFTA_FWD_SREG_ADDR = 2;
    public const ushort NFTA_FWD_NFPROTO = 3;

    /// <summary>The table belongs to the socket that made it, goes with it, and nobody else can change or flush it (Linux 5.12).</summary>
    public const uint NFT_TABLE_F_OWNER = 2;
    public const uint NFT_REG_1 = 1;
    public const uint NFT_REG_2 = 2;
    public const uint NFT_PAYLOAD_NETWORK_HEADER = 1;

    public const ushort XFRM_MSG_NEWSPDINFO = 0x24;
    public const ushort XFRM_MSG_GETSPDINFO = 0x25;
    public const ushort XFRMA_SPD_INFO = 1;
}

/// <summary>Begins the body of every netfilter message.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct nfgenmsg
{
    /// <summary>NFPROTO_*.</summary>
    public byte nfgen_family;
    public byte version;

    /// <summary>Big-endian; the subsystem, in the messages that begin and end a batch.</summary>
    public ushort res_id;
}

/// <summary>How many IPsec policies the network namespace has, by direction.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct xfrmu_spdinfo
{
    public uint incnt;
    public uint outcnt;
    public uint fwdcnt;
    public uint inscnt;
    public uint outscnt;
    public uint fwdscnt;
}
