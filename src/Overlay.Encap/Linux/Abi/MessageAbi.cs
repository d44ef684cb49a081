using System.Runtime.InteropServices;

#pragma warning disable CS8981 // the C spelling is what man pages are searched for

namespace Overlay.Encap.Linux.Abi;

// The message structures of sys/socket.h and netinet/in.h for 64-bit Linux. Tmds.LibC has them with properties for members, of which
// neither a ref nor an assignment in place can be had; a vector of headers laid out once and then adjusted needs both.
// Sizes and offsets are tested against the C compiler.

/// <summary>One piece of a scattered buffer. The memory must stay pinned for as long as the kernel may see it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct iovec
{
    public void* iov_base;
    public nuint iov_len;
}

/// <summary>One message: peer address, pieces and control data.</summary>
[StructLayout(LayoutKind.Sequential, Size = 56)]
internal unsafe struct msghdr
{
    public void* msg_name;
    public uint msg_namelen;
    public iovec* msg_iov;
    public nuint msg_iovlen;
    public void* msg_control;
    public nuint msg_controllen;
    public int msg_flags;
}

/// <summary>One element of the vectors of sendmmsg and recvmmsg.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct mmsghdr
{
    public msghdr msg_hdr;

    /// <summary>Bytes sent or received, set by the kernel.</summary>
    public uint msg_len;
}

/// <summary>Header of one control message; data follows at <see cref="UdpAbi.CMSG_HDRLEN"/>.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct cmsghdr
{
    public nuint cmsg_len;
    public int cmsg_level;
    public int cmsg_type;
}

/// <summary>An IPv4 socket address.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct sockaddr_in
{
    /// <summary>AF_INET in host order.</summary>
    public ushort sin_family;

    /// <summary>Port in network byte order.</summary>
    public ushort sin_port;

    /// <summary>Address in network byte order.</summary>
    public uint sin_addr;
}
