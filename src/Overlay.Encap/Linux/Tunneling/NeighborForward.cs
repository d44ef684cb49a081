using System.Buffers.Binary;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Encap.Linux.Tunneling;

/// <summary>
/// A rule of nf_tables that hands each IPv4 packet that comes in on one device to the neighbour of its destination address on another, before
/// the host's own IP layer sees it: no route, no forwarding switch, no chain of anybody takes part. The kernel resolves the neighbour's MAC.
/// </summary>
/// <remarks>
/// The table belongs to a socket of this object, so a flush of everything leaves it alone, and it goes with the process, however that ends.
/// As <c>nft</c> would say it: <c>table netdev NAME { chain out { type filter hook ingress device IN priority 0; fwd ip to ip daddr device OUT } }</c>.
/// </remarks>
internal sealed class NeighborForward : IDisposable
{
    private const string Chain = "out";
    private const int DestinationAt = 16;   // in an IPv4 header

    private readonly NetlinkSocket _owner = new(NetlinkAbi.NETLINK_NETFILTER);

    /// <summary>Makes the rule.</summary>
    /// <param name="table">Name of the table, which nobody else may have.</param>
    /// <param name="from">Name of the device that packets come in on.</param>
    /// <param name="to">Index of the device they leave by.</param>
    /// <exception cref="LinuxException">The kernel refuses: no nf_tables with the netdev family, or the name is taken.</exception>
    public NeighborForward(string table, string from, int to)
    {
        Span<byte> batch = stackalloc byte[1024];
        int length = 0;
        length += Frame(batch[length..], FilterAbi.NFNL_MSG_BATCH_BEGIN);
        length += Table(batch[length..], table);
        length += ChainOn(batch[length..], table, from);
        length += Rule(batch[length..], table, to);
        length += Frame(batch[length..], FilterAbi.NFNL_MSG_BATCH_END);
        try
        {
            _owner.Change(batch[..length], $"make the nf_tables rule that forwards from {from}");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Removes the table.</summary>
    public void Dispose() => _owner.Dispose();

    private static int Frame(Span<byte> room, ushort type)
    {
        NetlinkWriter message = new(room, type, 0, acknowledged: false);
        message.Append(new nfgenmsg { res_id = BinaryPrimitives.ReverseEndianness(FilterAbi.NFNL_SUBSYS_NFTABLES) });
        return message.Message.Length;
    }

    private static NetlinkWriter Begin(Span<byte> room, ushort type, ushort flags, bool acknowledged)
    {
        NetlinkWriter message = new(room, (ushort)(FilterAbi.NFNL_SUBSYS_NFTABLES << 8 | type), flags, acknowledged);
        message.Append(new nfgenmsg { nfgen_family = FilterAbi.NFPROTO_NETDEV });
        return message;
    }

    private static int Table(Span<byte> room, string table)
    {
        NetlinkWriter message = Begin(room, FilterAbi.NFT_MSG_NEWTABLE, NetlinkAbi.NLM_F_CREATE | NetlinkAbi.NLM_F_EXCL, acknowledged: false);
        message.Attribute(FilterAbi.NFTA_TABLE_NAME, table);
        message.AttributeBigEndian(FilterAbi.NFTA_TABLE_FLAGS, FilterAbi.NFT_TABLE_F_OWNER);
        return message.Message.Length;
    }

    private static int ChainOn(Span<byte> room, string table, string device)
    {
        NetlinkWriter message = Begin(room, FilterAbi.NFT_MSG_NEWCHAIN, NetlinkAbi.NLM_F_CREATE, acknowledged: false);
        message.Attribute(FilterAbi.NFTA_CHAIN_TABLE, table);
        message.Attribute(FilterAbi.NFTA_CHAIN_NAME, Chain);
        message.Attribute(FilterAbi.NFTA_CHAIN_TYPE, "filter");
        int hook = message.BeginNest(FilterAbi.NFTA_CHAIN_HOOK);
        message.AttributeBigEndian(FilterAbi.NFTA_HOOK_HOOKNUM, FilterAbi.NF_NETDEV_INGRESS);
        message.AttributeBigEndian(FilterAbi.NFTA_HOOK_PRIORITY, 0);
        message.Attribute(FilterAbi.NFTA_HOOK_DEV, device);
        message.EndNest(hook);
        return message.Message.Length;
    }

    private static int Rule(Span<byte> room, string table, int device)
    {
        NetlinkWriter message = Begin(room, FilterAbi.NFT_MSG_NEWRULE, NetlinkAbi.NLM_F_CREATE | NetlinkAbi.NLM_F_APPEND, acknowledged: true);
        message.Attribute(FilterAbi.NFTA_RULE_TABLE, table);
        message.Attribute(FilterAbi.NFTA_RULE_CHAIN, Chain);
        int rule = message.BeginNest(FilterAbi.NFTA_RULE_EXPRESSIONS);

        (int element, int data) = BeginExpression(ref message, "immediate");
        message.AttributeBigEndian(FilterAbi.NFTA_IMMEDIATE_DREG, FilterAbi.NFT_REG_1);
        int value = message.BeginNest(FilterAbi.NFTA_IMMEDIATE_DATA);
        message.Attribute(FilterAbi.NFTA_DATA_VALUE, (uint)device);   // as the kernel has it: in host order
        message.EndNest(value);
        EndExpression(ref message, element, data);

        (element, data) = BeginExpression(ref message, "payload");
        message.AttributeBigEndian(FilterAbi.NFTA_PAYLOAD_DREG, FilterAbi.NFT_REG_2);
        message.AttributeBigEndian(FilterAbi.NFTA_PAYLOAD_BASE, FilterAbi.NFT_PAYLOAD_NETWORK_HEADER);
        message.AttributeBigEndian(FilterAbi.NFTA_PAYLOAD_OFFSET, DestinationAt);
        message.AttributeBigEndian(FilterAbi.NFTA_PAYLOAD_LEN, sizeof(uint));
        EndExpression(ref message, element, data);

        (element, data) = BeginExpression(ref message, "fwd");
        message.AttributeBigEndian(FilterAbi.NFTA_FWD_SREG_DEV, FilterAbi.NFT_REG_1);
        message.AttributeBigEndian(FilterAbi.NFTA_FWD_SREG_ADDR, FilterAbi.NFT_REG_2);
        message.AttributeBigEndian(FilterAbi.NFTA_FWD_NFPROTO, FilterAbi.NFPROTO_IPV4);
        EndExpression(ref message, element, data);

        message.EndNest(rule);
        return message.Message.Length;
    }

    private static (int Element, int Data) BeginExpression(ref NetlinkWriter message, string name)
    {
        int element = message.BeginNest(FilterAbi.NFTA_LIST_ELEM);
        message.Attribute(FilterAbi.NFTA_EXPR_NAME, name);
        return (element, message.BeginNest(FilterAbi.NFTA_EXPR_DATA));
    }

    private static void EndExpression(ref NetlinkWriter message, int element, int data)
    {
        message.EndNest(data);
        message.EndNest(element);
    }
}
