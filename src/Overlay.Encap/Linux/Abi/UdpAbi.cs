using System.Runtime.InteropServices;

#pragma warning disable CS8981 // the C spelling is what man pages are searched for

namespace Overlay.Encap.Linux.Abi;

/// <summary>
/// Socket constants of linux/udp.h, linux/filter.h and asm-generic/socket.h that Tmds.LibC lacks, and the cmsg arithmetic it gets wrong:
/// its CMSG_LEN rounds up, and the kernel answers EINVAL to a UDP_SEGMENT message of such a length. Tested against the C compiler.
/// </summary>
internal static class UdpAbi
{
    public const int SOL_UDP = 17;

    /// <summary>Option and cmsg (16 bits): payload bytes per datagram of a segmented send. Since Linux 4.18.</summary>
    public const int UDP_SEGMENT = 103;

    /// <summary>Option: take coalesced datagrams. As a cmsg on receipt (32 bits): bytes per datagram. Since Linux 5.0.</summary>
    public const int UDP_GRO = 104;

    /// <summary>Option: which of the sockets that share a port gets a datagram, by its index in the order of their binding. Since Linux 4.5.</summary>
    public const int SO_ATTACH_REUSEPORT_CBPF = 51;

    /// <summary>Option: the device to receive on, by its index. Since Linux 5.0.</summary>
    public const int SO_BINDTOIFINDEX = 62;

    /// <summary>Offset of a load that counts from the network header on.</summary>
    public const int SKF_NET_OFF = -0x100000;

    // Operations of classic BPF, and their parts.
    public const ushort BPF_LD = 0x00, BPF_LDX = 0x01, BPF_ST = 0x02, BPF_ALU = 0x04, BPF_RET = 0x06, BPF_MISC = 0x07;
    public const ushort BPF_H = 0x08, BPF_ABS = 0x20, BPF_MEM = 0x60, BPF_X = 0x08, BPF_A = 0x10;
    public const ushort BPF_ADD = 0x00, BPF_AND = 0x50, BPF_LSH = 0x60, BPF_RSH = 0x70, BPF_MOD = 0x90, BPF_TAX = 0x00, BPF_TXA = 0x80;

    /// <summary>sizeof(struct cmsghdr), aligned: where the data of a control message begins.</summary>
    public const int CMSG_HDRLEN = 16;

    private const int CMSG_ALIGNMENT = 8;

    /// <summary>The value of cmsg_len for <paramref name="dataLength"/> bytes of data; not rounded up.</summary>
    public static int CMSG_LEN(int dataLength) => CMSG_HDRLEN + dataLength;

    /// <summary>Bytes a control message with <paramref name="dataLength"/> bytes of data takes in msg_control.</summary>
    public static int CMSG_SPACE(int dataLength) => CMSG_HDRLEN + CMSG_ALIGN(dataLength);

    /// <summary>Rounds up to where the next control message may begin.</summary>
    public static int CMSG_ALIGN(int length) => (length + CMSG_ALIGNMENT - 1) & ~(CMSG_ALIGNMENT - 1);
}

/// <summary>One instruction of classic BPF.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct sock_filter
{
    public ushort code;
    public byte jt;
    public byte jf;
    public uint k;
}

/// <summary>A program of classic BPF.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct sock_fprog
{
    /// <summary>Number of instructions.</summary>
    public ushort len;
    public sock_filter* filter;
}
