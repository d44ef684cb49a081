using System.Net;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Cli;
using Overlay.Agent.Configuration;
using Overlay.Agent.Tests.Support;
using Overlay.Encap.Forwarding;

namespace Overlay.Agent.Tests.Cli;

/// <summary>What values make sense, and that every mistake is reported at once, by name, with nothing touched.</summary>
public sealed class OptionRuleTests
{
    [Theory]
    [InlineData("--subnet-lease-renew-margin=0")]
    [InlineData("--subnet-lease-renew-margin=1440")]
    [InlineData("--subnet-lease-renew-margin=-1")]
    [InlineData("--subnet-lease-ttl=4")]
    [InlineData("--subnet-lease-ttl=2592001")]
    [InlineData("--healthz-port=-1")]
    [InlineData("--healthz-port=65536")]
    [InlineData("--healthz-ip=localhost")]
    [InlineData("--iptables-resync=0")]
    [InlineData("--v=-1")]
    [InlineData("--public-ip=10.0.0.256")]
    [InlineData("--public-ip=10.1")]
    [InlineData("--public-ip=010.0.0.1")]
    [InlineData("--public-ip=fd00::1")]
    [InlineData("--public-ip=0.0.0.0")]
    [InlineData("--public-ip=127.0.0.1")]
    [InlineData("--public-ip=224.0.0.1")]
    [InlineData("--public-ip=255.255.255.255")]
    [InlineData("--public-ipv6=10.0.0.1")]
    [InlineData("--listen-address=239.0.0.1")]
    [InlineData("--iface-can-reach=host")]
    [InlineData("--iface-regex=[")]
    [InlineData(@"--iface-regex=(a)\1")]
    [InlineData("--device=0123456789abcdef")]
    [InlineData("--device=a/b")]
    [InlineData("--device=..")]
    [InlineData("--device=tun%d")]
    [InlineData("--device=a b")]
    [InlineData("--device=é23456789abcdef")]
    [InlineData("--source-check=Strict")]
    [InlineData("--source-check=")]
    [InlineData("--offload-gso=yes")]
    [InlineData("--offload-gro=true")]
    [InlineData("--offload-tso=1")]
    [InlineData("--spin=-1")]
    [InlineData("--spin=1001")]
    [InlineData("--spin=200us")]
    [InlineData("--log-format=xml")]
    [InlineData("--subnet-file=")]
    [InlineData("--state-dir=")]
    [InlineData("--state-dir=/a\nb")]
    [InlineData("--etcd-prefix=")]
    [InlineData("--etcd-prefix=/")]
    [InlineData("--etcd-prefix=/a/../b")]
    [InlineData("--etcd-endpoints=")]
    [InlineData("--etcd-endpoints=,")]
    [InlineData("--etcd-keyfile=k")]
    [InlineData("--etcd-certfile=c")]
    [InlineData("--etcd-username=u")]
    [InlineData("--etcd-password=p")]
    public void J6_a_bad_value_is_refused_by_name(string argument)
    {
        string flag = argument[..argument.IndexOf('=')];
        Assert.Contains(Parsed.Errors([argument]), e => e.StartsWith(flag + ": ", StringComparison.Ordinal));
        Assert.All(Parsed.Errors([argument]), e => Assert.DoesNotContain('\n', e));
    }

    [Theory]
    [InlineData("ftp://a")]
    [InlineData("http://")]
    [InlineData("http://a:99999")]
    [InlineData("http://a/v3")]
    [InlineData("http://a:2379,https://b:2379")]
    [InlineData("http://user:hunter2@a:2379")]
    public void J6_a_bad_endpoint_is_refused_without_showing_a_password(string endpoints)
    {
        IReadOnlyList<string> errors = Parsed.Errors(["--etcd-endpoints=" + endpoints]);
        Assert.All(errors, e => Assert.StartsWith("--etcd-endpoints: ", e));
        Assert.All(errors, e => Assert.DoesNotContain("hunter2", e));
    }

    [Theory]
    [InlineData("https://a:2379", "https://a:2379/")]
    [InlineData("https://a", "https://a:2379/")]
    [InlineData("https://a:443/", "https://a/")]
    [InlineData("a:2379", "http://a:2379/")]
    [InlineData("10.0.0.1:4001", "http://10.0.0.1:4001/")]
    [InlineData("http://[fd00::1]", "http://[fd00::1]:2379/")]
    [InlineData("http://a:1, http://b:2,", "http://a:1/ http://b:2/")]
    public void Endpoints_are_a_comma_list_of_URLs(string text, string expected) =>
        Assert.Equal(expected, string.Join(' ', Parsed.Options("--etcd-endpoints=" + text).Etcd.Endpoints));

    [Fact]
    public void J6_certificates_for_an_http_endpoint_are_a_contradiction() =>
        Assert.Contains("in the clear", Assert.Single(Parsed.Errors(["--etcd-cafile=ca", "--etcd-endpoints=http://a:1"])));

    [Fact]
    public void A_CA_alone_is_enough_for_TLS()
    {
        EtcdSettings etcd = Parsed.Options("--etcd-cafile=ca", "--etcd-endpoints=https://a:1").Etcd;
        Assert.True(etcd.UsesTls);
        Assert.Equal("ca", etcd.CaFile);
    }

    [Theory]
    [InlineData("/a/b/", "/a/b")]
    [InlineData("//a//b", "/a/b")]
    [InlineData("a/b", "a/b")]
    public void The_prefix_is_cleaned_as_path_Join_does(string text, string expected) =>
        Assert.Equal(expected, Parsed.Options("--etcd-prefix=" + text).Etcd.Prefix);

    [Fact]
    public void J6_all_mistakes_are_reported_at_once()
    {
        IReadOnlyList<string> errors = Parsed.Errors(["--v=x", "--healthz-port=-5", "--iface-regex=("], ("FLANNELD_SOURCE_CHECK", "none"));
        Assert.Equal(4, errors.Count);
    }

    [Fact]
    public void J7_the_password_shows_nowhere()
    {
        string[] arguments = ["--etcd-username=u", "--etcd-password=hunter2"];
        Invocation.Run run = Parsed.Run(arguments);
        Assert.Equal("hunter2", run.Options.Etcd.Password!.Reveal());
        Assert.DoesNotContain("hunter2", run.ToString() + run.Options + run.Options.Etcd + run.Given + string.Join(' ', run.Warnings));
        Assert.Contains("--etcd-password=***", run.Given);
        Assert.Contains(run.Warnings, w => w.Contains("FLANNELD_ETCD_PASSWORD"));
        Assert.DoesNotContain(Parsed.Errors([.. arguments, "--etcd-username=", "--v=x"]), e => e.Contains("hunter2"));
    }

    [Fact]
    public void J7_a_password_from_the_environment_earns_no_warning()
    {
        Invocation.Run run = Parsed.Run(["--etcd-username=u"], ("FLANNELD_ETCD_PASSWORD", "hunter2"));
        Assert.Equal("hunter2", run.Options.Etcd.Password!.Reveal());
        Assert.DoesNotContain(run.Warnings, w => w.Contains("with ps"));
    }

    [Fact]
    public void Given_says_what_came_from_where() =>
        Assert.Equal("--iface=a,b --ip-masq=1 (from FLANNELD_IP_MASQ)", Parsed.Run(["--iface=a", "--iface=b"], ("FLANNELD_IP_MASQ", "1")).Given);

    [Fact]
    public void A_short_lease_halves_the_default_margin_and_refuses_a_longer_one()
    {
        Assert.Equal(TimeSpan.FromSeconds(30), Parsed.Options("--subnet-lease-ttl=60").RenewMargin);
        Assert.StartsWith("--subnet-lease-renew-margin: ", Assert.Single(Parsed.Errors(["--subnet-lease-ttl=60", "--subnet-lease-renew-margin=1"])));
        Assert.Equal(TimeSpan.FromMinutes(1), Parsed.Options("--subnet-lease-ttl=61", "--subnet-lease-renew-margin=1").RenewMargin);
    }

    [Fact]
    public void Our_flags_arrive_in_the_options()
    {
        AgentOptions options = Parsed.Options(
            "--state-dir=/s", "--device=ov0", "--source-check=antispoof", "--offload-gso=on", "--offload-gro=off", "--subnet-lease-ttl=100",
            "--listen-address=0.0.0.0", "--healthz-port=8080", "-v=4", "--subnet-file=/x/./y.env");
        Assert.Equal("/s", options.StateDirectory);
        Assert.Equal("/x/y.env", options.SubnetFile);
        Assert.Equal(new DataPathSettings { Device = "ov0", SourceCheck = SourceCheck.AntiSpoof, Gso = OffloadMode.On, Gro = OffloadMode.Off }, options.DataPath);
        Assert.Equal(TimeSpan.FromSeconds(100), options.LeaseTtl);
        Assert.Equal(IPAddress.Any, options.Underlay.ListenAddress);
        Assert.Equal(new IPEndPoint(IPAddress.Any, 8080), options.Health);
        Assert.Equal(LogLevel.Debug, options.LogLevel);
        Assert.Equal(LogLevel.Trace, Parsed.Options("-v=10").LogLevel);
    }
}
