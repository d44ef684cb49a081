using Microsoft.Extensions.Time.Testing;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Following;

namespace Overlay.Subnet.Tests.Etcd;

public sealed class EtcdOptionsTests
{
    [Fact]
    public void Flannels_defaults_are_valid() => Assert.Empty(EtcdOptionsValidator.Validate(new EtcdOptions()));

    [Theory]
    [InlineData("127.0.0.1:2379", "not of the form http://host:port")]
    [InlineData("unix:///run/etcd.sock", "not of the form http://host:port")]
    [InlineData("", "not of the form http://host:port")]
    [InlineData("http://127.0.0.1", "has no port")]
    [InlineData("http://127.0.0.1:2379/v3", "has a path")]
    [InlineData("http://root:hunter2@127.0.0.1:2379", "use etcd-username")]
    [InlineData("http://127.0.0.1:2379,https://127.0.0.2:2379", "http and https are mixed")]
    public void Bad_endpoints_are_named(string endpoints, string error)
    {
        string said = Assert.Single(EtcdOptionsValidator.Validate(new EtcdOptions { Endpoints = endpoints.Split(',') }));
        Assert.StartsWith("etcd-endpoints: ", said, StringComparison.Ordinal);
        Assert.Contains(error, said, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", said, StringComparison.Ordinal);
    }

    [Fact]
    public void The_flag_is_a_comma_list_in_which_the_scheme_may_be_missing() =>
        Assert.Equal(["http://a:1", "https://b:2", "http://c:3"], EtcdOptions.SplitEndpoints("a:1, https://b:2,,http://c:3"));

    [Theory]
    [InlineData("http://127.0.0.1:2379/")]
    [InlineData("https://etcd.example:2379")]
    [InlineData("http://[::1]:2379")]
    [InlineData("http://127.0.0.1:80")]
    public void Good_endpoints_pass(string endpoint) => Assert.Empty(EtcdOptionsValidator.Validate(new EtcdOptions { Endpoints = [endpoint] }));

    [Fact]
    public void Every_flag_at_fault_has_its_line()
    {
        var options = new EtcdOptions { Endpoints = [], Prefix = "network/", KeyFile = "/nonexistent/key", CaFile = "/nonexistent/ca", Password = "x" };
        Assert.Equal(
            ["etcd-endpoints", "etcd-prefix", "etcd-keyfile", "etcd-keyfile", "etcd-cafile", "etcd-username"],
            EtcdOptionsValidator.Validate(options).Select(error => error.Split(':')[0]));
        Assert.Equal("etcd-certfile: needs etcd-keyfile too", EtcdOptionsValidator.Validate(new EtcdOptions { CertFile = "/etc/hostname" })[0]);
        Assert.Equal("etcd-password: missing, though etcd-username is set", EtcdOptionsValidator.Validate(new EtcdOptions { Username = "u" })[0]);
    }

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
