using System.Runtime.InteropServices;

namespace Overlay.Encap.Linux.Gate;

/// <summary>
/// A system call of the start-up or repair path failed. The message is one line: what was tried, the error by name and in words, what the
/// kernel added, and what an operator can do. The packet path never throws it.
/// </summary>
public sealed class LinuxException : Exception
{
    /// <summary>Describes a failure.</summary>
    /// <param name="attempt">What was tried, to follow "cannot": <c>create TUN flannel.1</c>.</param>
    /// <param name="errno">What the kernel answered.</param>
    /// <param name="advice">What to do about it; null takes the usual advice for <paramref name="errno"/>, where there is one.</param>
    /// <param name="kernelMessage">The kernel's own words (netlink extended acknowledgement), or null.</param>
    public LinuxException(string attempt, Errno errno, string? advice = null, string? kernelMessage = null)
        : base(Describe(attempt, errno, advice, kernelMessage)) => Errno = errno;

    /// <summary>What the kernel answered.</summary>
    public Errno Errno { get; }

    /// <summary>Returns a result of <see cref="Syscall"/> that is a count, throws for one that is an error.</summary>
    internal static int Check(int result, string attempt, string? advice = null) =>
        result >= 0 ? result : throw new LinuxException(attempt, Syscall.ErrorOf(result), advice);

    private static string Describe(string attempt, Errno errno, string? advice, string? kernelMessage)
    {
        string text = $"cannot {attempt}: {errno} ({Marshal.GetPInvokeErrorMessage((int)errno)})";
        if (kernelMessage is not null) text += $", the kernel says \"{kernelMessage}\"";
        advice ??= UsualAdvice(errno);
        return advice is null ? text : $"{text}; {advice}";
    }

    private static string? UsualAdvice(Errno errno) => errno switch
    {
        Errno.EPERM or Errno.EACCES =>
            "CAP_NET_ADMIN is needed: run as root or grant it to the service, and check that no seccomp or security profile refuses the call",
        Errno.EMFILE => "raise the limit of open files of the process (LimitNOFILE=)",
        Errno.ENFILE => "raise the limit of open files of the system (fs.file-max)",
        _ => null,
    };
}
