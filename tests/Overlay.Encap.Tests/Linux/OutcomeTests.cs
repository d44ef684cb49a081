using Overlay.Encap.Devices;
using Overlay.Encap.Linux;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Encap.Tests.Linux;

/// <summary>What each error number means for a packet.</summary>
public sealed class OutcomeTests
{
    [Theory]
    [InlineData(Errno.EAGAIN, IoStatus.WouldBlock)]
    [InlineData(Errno.ENOBUFS, IoStatus.Rejected)]
    [InlineData(Errno.ENOMEM, IoStatus.Rejected)]
    [InlineData(Errno.EPERM, IoStatus.Rejected)]
    [InlineData(Errno.ENETUNREACH, IoStatus.Rejected)]
    [InlineData(Errno.EHOSTUNREACH, IoStatus.Rejected)]
    [InlineData(Errno.ECONNREFUSED, IoStatus.Rejected)]
    [InlineData(Errno.EADDRNOTAVAIL, IoStatus.Rejected)]
    [InlineData((Errno)133, IoStatus.Rejected)]
    [InlineData(Errno.EINVAL, IoStatus.Unsupported)]
    [InlineData(Errno.EIO, IoStatus.Unsupported)]
    [InlineData(Errno.EOPNOTSUPP, IoStatus.Unsupported)]
    [InlineData(Errno.EMSGSIZE, IoStatus.TooBig)]
    [InlineData(Errno.EBADF, IoStatus.Fatal)]
    [InlineData(Errno.EBADFD, IoStatus.Fatal)]
    [InlineData(Errno.ENODEV, IoStatus.Fatal)]
    public void K7_errors_are_sorted(Errno errno, IoStatus expected) => Assert.Equal(new IoResult(expected, 0, (int)errno), Outcome.Of(-(int)errno));

    [Fact]
    public void K7_a_tun_that_is_down_refuses_writes_and_any_failed_read_but_an_empty_one_is_its_end()
    {
        Assert.Equal(IoStatus.Rejected, Outcome.OfWrite(-(int)Errno.EIO).Status);
        Assert.Equal(IoStatus.Unsupported, Outcome.OfWrite(-(int)Errno.EINVAL).Status);
        Assert.Equal(IoStatus.WouldBlock, Outcome.OfRead(-(int)Errno.EAGAIN).Status);
        Assert.Equal(IoStatus.Fatal, Outcome.OfRead(-(int)Errno.EIO).Status);
    }

    [Fact]
    public void A_count_is_a_success() => Assert.Equal([IoResult.Done(7), IoResult.Done(0), IoResult.Done(1)], [Outcome.Of(7), Outcome.OfRead(0), Outcome.OfWrite(1)]);
}
