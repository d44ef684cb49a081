namespace Overlay.Encap.Linux.Gate;

/// <summary>
/// The error numbers this agent meets, with <c>const</c> values (those of Tmds.LibC are properties and cannot be <c>case</c> labels).
/// The members keep the spelling of errno.h because their names are printed in messages and looked up in man pages.
/// </summary>
public enum Errno
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>Operation not permitted: a missing capability, or a packet that the OUTPUT firewall dropped.</summary>
    EPERM = 1,

    /// <summary>No such file, address or rule.</summary>
    ENOENT = 2,

    /// <summary>No such process; for netlink: no such route.</summary>
    ESRCH = 3,

    /// <summary>Interrupted by a signal. Never leaves the gate.</summary>
    EINTR = 4,

    /// <summary>Input/output error; a TUN that is down answers so to a write.</summary>
    EIO = 5,

    /// <summary>No such device or address.</summary>
    ENXIO = 6,

    /// <summary>Not an open descriptor.</summary>
    EBADF = 9,

    /// <summary>Nothing to read, no room to write, at this moment (also EWOULDBLOCK).</summary>
    EAGAIN = 11,

    /// <summary>Out of memory, possibly only for this packet.</summary>
    ENOMEM = 12,

    /// <summary>Permission denied by file mode, security module, or a broadcast route.</summary>
    EACCES = 13,

    /// <summary>A pointer outside our memory: a defect of this program.</summary>
    EFAULT = 14,

    /// <summary>Device or resource busy; a TUN whose queue another process holds.</summary>
    EBUSY = 16,

    /// <summary>Already exists.</summary>
    EEXIST = 17,

    /// <summary>The two ends are in different places; of a packet: its source is not where its way back leads.</summary>
    EXDEV = 18,

    /// <summary>No such device.</summary>
    ENODEV = 19,

    /// <summary>A part of the path that should be a folder is none.</summary>
    ENOTDIR = 20,

    /// <summary>Invalid argument; for a packet: the kernel does not accept its headers.</summary>
    EINVAL = 22,

    /// <summary>System limit of open files reached.</summary>
    ENFILE = 23,

    /// <summary>Process limit of open files reached.</summary>
    EMFILE = 24,

    /// <summary>The descriptor does not know the ioctl.</summary>
    ENOTTY = 25,

    /// <summary>The file system is read-only.</summary>
    EROFS = 30,

    /// <summary>Function not implemented by this kernel.</summary>
    ENOSYS = 38,

    /// <summary>File descriptor in bad state: the TUN behind it has been deleted.</summary>
    EBADFD = 77,

    /// <summary>The descriptor is not a socket.</summary>
    ENOTSOCK = 88,

    /// <summary>Message too long for the path or the socket.</summary>
    EMSGSIZE = 90,

    /// <summary>The kernel does not know this option.</summary>
    ENOPROTOOPT = 92,

    /// <summary>Operation not supported.</summary>
    EOPNOTSUPP = 95,

    /// <summary>Address family not supported.</summary>
    EAFNOSUPPORT = 97,

    /// <summary>Address or port already in use.</summary>
    EADDRINUSE = 98,

    /// <summary>The source address is not on this host.</summary>
    EADDRNOTAVAIL = 99,

    /// <summary>Network interface is down.</summary>
    ENETDOWN = 100,

    /// <summary>No route to the network.</summary>
    ENETUNREACH = 101,

    /// <summary>The kernel does not know this protocol.</summary>
    EPROTONOSUPPORT = 93,

    /// <summary>A queue of the device or socket is full; for netlink: messages were lost.</summary>
    ENOBUFS = 105,

    /// <summary>Timed out.</summary>
    ETIMEDOUT = 110,

    /// <summary>An earlier datagram met an ICMP port unreachable.</summary>
    ECONNREFUSED = 111,

    /// <summary>No route to the host, or ICMP says so.</summary>
    EHOSTUNREACH = 113,
}
