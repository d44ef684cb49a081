using Microsoft.Extensions.Time.Testing;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Following;

namespace Overlay.Subnet.Tests.Etcd;

public sealed class EtcdOptionsTests
{
    [Fact]
    public void The_password_is_never_printed() =>
        Assert.DoesNotContain("hunter2", $"{new EtcdOptions { Username = "u", Password = "hunter2" }}", StringComparison.Ordinal);

    [Fact]
    public void Backoff_doubles_with_jitter_up_to_its_limit_and_starts_over()
    {
        var backoff = new Backoff(new FakeTimeProvider(), random: new Random(1));
        TimeSpan[] delays = [.. Enumerable.Range(0, 9).Select(_ => backoff.Next())];
        Assert.All(delays.Index(), delay =>
        {
            double full = Math.Min(100 * Math.Pow(2, delay.Index), 5000);
            Assert.InRange(delay.Item.TotalMilliseconds, full / 2, full);
        });
        backoff.Reset();
        Assert.True(backoff.Next() <= TimeSpan.FromMilliseconds(100));
    }
}
