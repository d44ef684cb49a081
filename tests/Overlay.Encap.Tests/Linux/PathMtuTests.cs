using System.Net;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Linux;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Tests.Oracles;

namespace Overlay.Encap.Tests.Linux;

/// <summary>What the real sender says of a path, asked of the kernel.</summary>
public sealed class PathMtuTests
{
    private static readonly uint Narrow = Address("10.9.1.1"), Wide = Address("10.9.2.1"), Unreachable = Address("10.9.3.1");

    [Fact]
    public void H6_each_path_has_its_own_mtu_and_an_unknown_one_none() => WithSender(sender =>
    {
        int[] answers = [.. new[] { Narrow, Wide, Unreachable, Narrow }.Select(sender.PathMtu)];
        Assert.Equal([1300, 1400, 0, 1300], answers);
        PrivateNetwork.Ip("route change 10.9.1.0/24 dev ovl0 mtu 1200");
        Assert.Equal(1200, sender.PathMtu(Narrow));
    });

    // No memory also means no descriptor: each has an object that owns it, so a process at its limit of open files still gets its answer.
    [Fact]
    public void H6_asking_takes_neither_memory_nor_descriptors() => WithSender(sender =>
    {
        Allocation.AssertNone(
            () =>
            {
                sender.PathMtu(Wide);
                sender.PathMtu(Unreachable);
            },
            warmup: 100, times: 1000);
    });

    private static void WithSender(Action<UdpSender> body) => PrivateNetwork.Run(() =>
    {
        using FileDescriptor tun = TestTun.Create("ovl0");
        PrivateNetwork.Ip("address add 10.9.0.1/32 dev ovl0");
        PrivateNetwork.Ip("link set ovl0 up");
        PrivateNetwork.Ip("route add 10.9.1.0/24 dev ovl0 mtu 1300");
        PrivateNetwork.Ip("route add 10.9.2.0/24 dev ovl0 mtu 1400");
        using ShutdownSignal signal = new();
        using UdpSender sender = UdpSender.Open(IPAddress.Parse("10.9.0.1"), 8472, 2, signal);
        body(sender);
    });

    private static uint Address(string text) => Prefix.AddressOf(IPAddress.Parse(text));
}
