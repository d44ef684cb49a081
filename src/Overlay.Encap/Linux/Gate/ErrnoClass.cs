namespace Overlay.Encap.Linux.Gate;

/// <summary>What a packet loop does about a failed system call.</summary>
public enum ErrnoClass
{
    /// <summary>Nothing failed.</summary>
    None,

    /// <summary>Not now: poll, then call again with the same packets.</summary>
    Retry,

    /// <summary>This packet is lost and counted; the next one may pass. Every error that is not known to be worse is of this class,
    /// so that no packet a stranger can craft stops the agent.</summary>
    Drop,

    /// <summary>The packet exceeds what the path takes now: learn the MTU, tell the sender, drop.</summary>
    TooBig,

    /// <summary>The descriptor is of no use any more: the device was deleted, or this program is at fault. The loop ends.</summary>
    Fatal,
}

/// <summary>Sorts error numbers into <see cref="ErrnoClass"/>.</summary>
internal static class ErrnoClassifier
{
    /// <summary>The class of <paramref name="errno"/> when it came from reading or writing packets.</summary>
    public static ErrnoClass Classify(this Errno errno) => errno switch
    {
        Errno.None => ErrnoClass.None,
        Errno.EAGAIN or Errno.EINTR => ErrnoClass.Retry,
        Errno.EMSGSIZE => ErrnoClass.TooBig,
        Errno.EBADF or Errno.EBADFD or Errno.ENODEV or Errno.ENXIO or Errno.ENOTSOCK or Errno.EFAULT or Errno.ENOSYS => ErrnoClass.Fatal,
        _ => ErrnoClass.Drop,
    };
}
