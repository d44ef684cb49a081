namespace Overlay.Encap.Linux.Abi;

/// <summary>
/// The part of linux/netlink.h, linux/rtnetlink.h, linux/if_link.h and linux/if_addr.h for links, addresses and routes.
/// Numbers are in host byte order on the wire unless said otherwise. Tested against the C compiler.
/// </summary>
internal static class NetlinkAbi
{
    public const int NETLINK_ROUTE = 0;
    public const int NETLINK_XFRM = 6;
    public const int NETLINK_NETFILTER = 12;

    // Socket options at SOL_NETLINK.
    public const int NETLINK_EXT_ACK = 11;
    public const int NETLINK_GET_STRICT_CHK = 12;

    // nl_groups of a socket's address: what it is told of unasked.
    public const uint RTMGRP_LINK = 0x1;
    public const uint RTMGRP_IPV4_IFADDR = 0x10;
    public const uint RTMGRP_IPV4_ROUTE = 0x40;
    public const uint RTMGRP_IPV4_RULE = 0x80;

    /// <summary>Number of the group, not a bit: forwarding and rp_filter of an interface.</summary>
    public const int RTNLGRP_IPV4_NETCONF = 24;

    // Message types that are not of a family.
    public const ushort NLMSG_ERROR = 2;
    public const ushort NLMSG_DONE = 3;
    public const ushort NLMSG_OVERRUN = 4;

    // nlmsg_flags of requests.
    public const ushort NLM_F_REQUEST = 0x001;
    public const ushort NLM_F_ACK = 0x004;
    public const ushort NLM_F_DUMP = 0x300;
    public const ushort NLM_F_REPLACE = 0x100;
    public const ushort NLM_F_EXCL = 0x200;
    public const ushort NLM_F_CREATE = 0x400;
    public const ushort NLM_F_APPEND = 0x800;

    // nlmsg_flags of answers; the last two only on NLMSG_ERROR (and ACK_TLVS on NLMSG_DONE).
    public const ushort NLM_F_DUMP_INTR = 0x010;
    public const ushort NLM_F_CAPPED = 0x100;
    public const ushort NLM_F_ACK_TLVS = 0x200;

    public const ushort NLMSGERR_ATTR_MSG = 1;

    /// <summary>Set in the type of an attribute that holds attributes.</summary>
    public const ushort NLA_F_NESTED = 0x8000;

    /// <summary>Removes NLA_F_NESTED and NLA_F_NET_BYTEORDER from an attribute's type.</summary>
    public const ushort NLA_TYPE_MASK = 0x3fff;

    /// <summary>Messages and attributes begin at multiples of this.</summary>
    public const int NLMSG_ALIGNTO = 4;

    public const ushort RTM_NEWLINK = 16;
    public const ushort RTM_DELLINK = 17;
    public const ushort RTM_GETLINK = 18;
    public const ushort RTM_SETLINK = 19;
    public const ushort RTM_NEWADDR = 20;
    public const ushort RTM_DELADDR = 21;
    public const ushort RTM_GETADDR = 22;
    public const ushort RTM_NEWROUTE = 24;
    public const ushort RTM_DELROUTE = 25;
    public const ushort RTM_GETROUTE = 26;

    /// <summary>Interface flag: administratively up.</summary>
    public const uint IFF_UP = 0x1;

    public const ushort IFLA_ADDRESS = 1;
    public const ushort IFLA_IFNAME = 3;
    public const ushort IFLA_MTU = 4;
    public const ushort IFLA_MASTER = 10;
    public const ushort IFLA_TXQLEN = 13;
    public const ushort IFLA_LINKINFO = 18;
    public const ushort IFLA_AF_SPEC = 26;
    public const ushort IFLA_EXT_MASK = 29;
    public const ushort IFLA_GSO_MAX_SIZE = 41;

    /// <summary>Since Linux 6.3; older kernels skip it.</summary>
    public const ushort IFLA_GSO_IPV4_MAX_SIZE = 63;

    public const ushort IFLA_INET6_ADDR_GEN_MODE = 8;
    public const byte IN6_ADDR_GEN_MODE_NONE = 1;

    public const ushort IFLA_INFO_KIND = 1;
    public const ushort IFLA_INFO_DATA = 2;

    public const ushort IFLA_VXLAN_ID = 1;

    /// <summary>UDP port, 16 bits in network byte order.</summary>
    public const ushort IFLA_VXLAN_PORT = 15;

    /// <summary>IFLA_EXT_MASK: leave the statistics out of a dump.</summary>
    public const uint RTEXT_FILTER_SKIP_STATS = 8;

    public const ushort IFA_ADDRESS = 1;
    public const ushort IFA_LOCAL = 2;
    public const ushort IFA_FLAGS = 8;

    public const ushort RTA_DST = 1;
    public const ushort RTA_SRC = 2;
    public const ushort RTA_IIF = 3;
    public const ushort RTA_OIF = 4;
    public const ushort RTA_GATEWAY = 5;
    public const ushort RTA_PRIORITY = 6;
    public const ushort RTA_PREFSRC = 7;
    public const ushort RTA_TABLE = 15;

    /// <summary>A next hop of another family: 16 bits of family, then the address.</summary>
    public const ushort RTA_VIA = 18;

    public const byte RT_TABLE_MAIN = 254;
    public const byte RT_SCOPE_LINK = 253;
    public const byte RT_SCOPE_UNIVERSE = 0;
    public const byte RTPROT_STATIC = 4;
    public const byte RTN_UNICAST = 1;
    public const byte RTN_BLACKHOLE = 6;

    /// <summary>rtm_flags: an exception of the route cache (a learned path MTU), not an entry of a table.</summary>
    public const uint RTM_F_CLONED = 0x200;
}
