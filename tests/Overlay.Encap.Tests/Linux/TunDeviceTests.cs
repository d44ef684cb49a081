using System.Net;
using Overlay.Encap.Buffers;
using Overlay.Encap.Devices;
using Overlay.Encap.Linux;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Encap.Tests.Linux;

/// <summary>Whose device it is.</summary>
public sealed class TunDeviceTests
{
    [Theory]
    [InlineData("tuntap add ovl0 mode tun", 1)]
    [InlineData("tuntap add ovl0 mode tun multi_queue vnet_hdr", 2)]   // in all its flags as ours would be
    [InlineData("link add ovl0 type bridge", 1)]
    public void K4_a_device_that_exists_is_not_taken_over(string theirs, int queues) => PrivateNetwork.Run(() =>
    {
        Assert.SkipUnless(File.Exists("/dev/net/tun"), "there is no /dev/net/tun");
        PrivateNetwork.Ip(theirs);
        using ShutdownSignal signal = new();
        LinuxException refusal = Assert.Throws<LinuxException>(() => TunDevice.Open("ovl0", queues, segments: true, signal).Dispose());
        Assert.Equal(Errno.EBUSY, refusal.Errno);
        Assert.Contains("another process or a left-over persistent device holds ovl0: remove it (ip link delete ovl0) or choose --device", refusal.Message, StringComparison.Ordinal);

        PrivateNetwork.Ip("link delete ovl0");   // as advised
        TunDevice.Open("ovl0", queues, segments: true, signal).Dispose();
    });

    [Fact]
    public void One_that_another_agent_holds_is_refused_and_every_queue_of_ours_is_of_one_device() => PrivateNetwork.Run(() =>
    {
        Assert.SkipUnless(File.Exists("/dev/net/tun"), "there is no /dev/net/tun");
        using ShutdownSignal signal = new();
        using TunDevice device = TunDevice.Open("ovl0", 3, segments: true, signal);
        Assert.Equal(3, device.Queues.Count);
        Assert.Equal(Errno.EBUSY, Assert.Throws<LinuxException>(() => TunDevice.Open("ovl0", 3, segments: true, signal).Dispose()).Errno);
        Assert.Contains(" ovl0: ", PrivateNetwork.Ip("-o link show"), StringComparison.Ordinal);
        Assert.DoesNotContain(" ovl1: ", PrivateNetwork.Ip("-o link show"), StringComparison.Ordinal);
    });

    [Fact]
    public void K19_a_wait_for_packets_that_do_not_come_ends_after_a_while_so_that_the_loop_turns() => PrivateNetwork.Run(() =>
    {
        Assert.SkipUnless(File.Exists("/dev/net/tun"), "there is no /dev/net/tun");
        using ShutdownSignal signal = new();
        using TunDevice device = TunDevice.Open("ovl0", 1, segments: true, signal);
        using UdpReceiver receiver = UdpReceiver.Open(IPAddress.Loopback, 8472, workers: 1, joins: false, signal)[0];
        byte[] room = new byte[2048];
        Assert.True(device.Queues[0].WaitReadable());
        Assert.Equal(IoStatus.WouldBlock, device.Queues[0].Read(room).Status);
        Assert.True(receiver.WaitReadable());
        Assert.Equal(IoStatus.WouldBlock, receiver.Receive(new ReceiveBatch(4)).Status);
        signal.Trigger();
        Assert.False(device.Queues[0].WaitReadable());
        Assert.False(receiver.WaitReadable());
    });

    [Theory]
    [InlineData("")]
    [InlineData("sixteen-letters.")]
    [InlineData("overl\u00e4y")]
    [InlineData("ovl%d")]
    [InlineData("ovl 0")]
    [InlineData("a/b")]
    [InlineData("..")]
    public void A_name_that_is_none_is_a_clear_refusal(string name)
    {
        using ShutdownSignal signal = new();
        LinuxException refusal = Assert.Throws<LinuxException>(() => TunDevice.Open(name, 1, segments: true, signal).Dispose());
        Assert.Equal(Errno.EINVAL, refusal.Errno);
        Assert.Contains("1 to 15 ASCII characters", refusal.Message, StringComparison.Ordinal);
    }
}
