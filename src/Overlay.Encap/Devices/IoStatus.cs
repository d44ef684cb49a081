namespace Overlay.Encap.Devices;

/// <summary>How a call on a device ended: what the loop has to do, not which errno it was.</summary>
public enum IoStatus
{
    /// <summary>Done.</summary>
    Ok,

    /// <summary>Nothing to read, or no room to write: wait.</summary>
    WouldBlock,

    /// <summary>The datagram is longer than the path takes (EMSGSIZE).</summary>
    TooBig,

    /// <summary>The kernel or device does not do what was asked of it (EINVAL, EIO, EOPNOTSUPP): try without offload.</summary>
    Unsupported,

    /// <summary>This packet is refused; the next may pass (EPERM, ENOBUFS, EHOSTUNREACH, ECONNREFUSED, ...).</summary>
    Rejected,

    /// <summary>The descriptor is of no use any more (EBADFD, ENODEV, ...).</summary>
    Fatal,
}
