using Overlay.Encap.Devices;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Encap.Linux;

/// <summary>Turns what the gate returns into what the packet loops understand. The only place where an errno gets its meaning for a packet.</summary>
internal static class Outcome
{
    /// <summary>The result of reading from a TUN device: any error but "nothing there" means that the device is gone.</summary>
    public static IoResult OfRead(int result) =>
        result >= 0 ? IoResult.Done(result) : Failed(result, result == -(int)Errno.EAGAIN ? IoStatus.WouldBlock : IoStatus.Fatal);

    /// <summary>The result of writing to a TUN device. EIO says that it is down, not that it lacks something.</summary>
    public static IoResult OfWrite(int result) => result == -(int)Errno.EIO ? Failed(result, IoStatus.Rejected) : Of(result);

    /// <summary>
    /// The result of any other call on a packet. Every error that is not known to be worse costs that packet only, so that no
    /// packet a stranger can craft stops the agent.
    /// </summary>
    public static IoResult Of(int result) => result >= 0 ? IoResult.Done(result) : Failed(result, Syscall.ErrorOf(result) switch
    {
        Errno.EAGAIN => IoStatus.WouldBlock,
        Errno.EMSGSIZE => IoStatus.TooBig,
        Errno.EINVAL or Errno.EIO or Errno.EOPNOTSUPP => IoStatus.Unsupported,
        // The device is deleted, or this program is at fault.
        Errno.EBADF or Errno.EBADFD or Errno.ENODEV or Errno.ENXIO or Errno.ENOTSOCK or Errno.EFAULT or Errno.ENOSYS => IoStatus.Fatal,
        _ => IoStatus.Rejected,
    });

    private static IoResult Failed(int result, IoStatus status) => new(status, 0, -result);
}
