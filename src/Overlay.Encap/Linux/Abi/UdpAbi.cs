namespace Overlay.Encap.Linux.Abi;

/// <summary>
/// Socket constants of linux/udp.h and asm-generic/socket.h that Tmds.LibC lacks, and the cmsg arithmetic it gets wrong:
/// its CMSG_LEN rounds up, and the kernel answers EINVAL to a UDP_SEGMENT message of such a length. Tested against the C compiler.
/// </summary>
internal static class UdpAbi
{
    public const int SOL_UDP = 17;

    /// <summary>Option and cmsg (16 bits): payload bytes per datagram of a segmented send. Since Linux 4.18.</summary>
    public const int UDP_SEGMENT = 103;

    /// <summary>Option: take coalesced datagrams. As a cmsg on receipt (32 bits): bytes per datagram. Since Linux 5.0.</summary>
    public const int UDP_GRO = 104;


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
