using System.Runtime.InteropServices;

#pragma warning disable CS8981 // the C spelling is what man pages are searched for

namespace Overlay.Encap.Linux.Abi;

// The fixed parts of netlink messages, all in host byte order. Sizes and offsets are tested against the C compiler.

/// <summary>Address of a netlink socket.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct sockaddr_nl
{
    public ushort nl_family;
    public ushort nl_pad;
    public uint nl_pid;
    public uint nl_groups;
}

/// <summary>Begins every message.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct nlmsghdr
{
    /// <summary>Bytes of the message with this header, without the padding behind it.</summary>
    public uint nlmsg_len;
    public ushort nlmsg_type;
    public ushort nlmsg_flags;
    public uint nlmsg_seq;
    public uint nlmsg_pid;
}

/// <summary>Begins the body of NLMSG_ERROR; an error of 0 is an acknowledgement.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct nlmsgerr
{
    /// <summary>Negated errno.</summary>
    public int error;

    /// <summary>Header of the request, whose body follows unless NLM_F_CAPPED is set.</summary>
    public nlmsghdr msg;
}

/// <summary>Begins every attribute.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct rtattr
{
    /// <summary>Bytes of the attribute with this header, without the padding behind it.</summary>
    public ushort rta_len;
    public ushort rta_type;
}

/// <summary>Begins the body of RTM_*LINK.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ifinfomsg
{
    public byte ifi_family;
    public byte __ifi_pad;
    public ushort ifi_type;
    public int ifi_index;
    public uint ifi_flags;

    /// <summary>Which bits of ifi_flags a request changes.</summary>
    public uint ifi_change;
}

/// <summary>Begins the body of RTM_*ADDR.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ifaddrmsg
{
    public byte ifa_family;
    public byte ifa_prefixlen;
    public byte ifa_flags;
    public byte ifa_scope;
    public int ifa_index;
}

/// <summary>Begins the body of RTM_*ROUTE.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct rtmsg
{
    public byte rtm_family;
    public byte rtm_dst_len;
    public byte rtm_src_len;
    public byte rtm_tos;

    /// <summary>The table where it fits 8 bits; RTA_TABLE has it always.</summary>
    public byte rtm_table;
    public byte rtm_protocol;
    public byte rtm_scope;
    public byte rtm_type;
    public uint rtm_flags;
}
