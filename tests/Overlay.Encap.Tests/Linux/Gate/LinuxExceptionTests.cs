using System.Runtime.InteropServices;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Tests.Linux.Gate;

public sealed class LinuxExceptionTests
{
    [Fact]
    public void Message_has_attempt_name_words_kernel_and_advice()
    {
        LinuxException exception = new("create TUN flannel.1", Errno.EBUSY, "stop the other agent", "Device held");
        Assert.Equal(Errno.EBUSY, exception.Errno);
        Assert.Equal(
            "cannot create TUN flannel.1: EBUSY (Device or resource busy), the kernel says \"Device held\"; stop the other agent",
            exception.Message);
    }

    [Fact]
    public void Message_without_advice_ends_after_the_error() =>
        Assert.Equal("cannot list routes: EIO (Input/output error)", new LinuxException("list routes", Errno.EIO).Message);

    [Fact]
    public void K8_missing_capability_is_one_line_that_names_it() => PrivateNetwork.Run(() =>
    {
        using RouteNetlink netlink = new();
        int lo = netlink.Link("lo")!.Index;
        DropCapabilitiesOfThisThread();

        LinuxException refusal = Assert.Throws<LinuxException>(() => netlink.SetLink(lo, 1500, true, 100, 62000));

        Assert.Equal(Errno.EPERM, refusal.Errno);
        Assert.StartsWith("cannot set up interface 1 (mtu 1500", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("EPERM (Operation not permitted)", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("CAP_NET_ADMIN", refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', refusal.Message);
    });

    [Fact]
    public void K8_tun_without_capability_is_one_line_that_names_it() => PrivateNetwork.Run(() =>
    {
        DropCapabilitiesOfThisThread();
        LinuxException refusal = Assert.Throws<LinuxException>(() => TestTun.Create("k8").Dispose());
        Assert.True(refusal.Errno is Errno.EPERM or Errno.EACCES, refusal.Message);
        Assert.Contains("CAP_NET_ADMIN", refusal.Message, StringComparison.Ordinal);
    });

    // The raw call, since the C library's wrapper changes all threads. The thread ends with the test.
    private static void DropCapabilitiesOfThisThread()
    {
        const int Nobody = 65534;
        int number = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? 147 : 117;
        Assert.Equal(0, (int)syscall(number, Nobody, Nobody, Nobody));
    }
}
