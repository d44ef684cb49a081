using Overlay.Agent.Cli;
using Overlay.Agent.Configuration;
using Overlay.Agent.Telemetry;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Cli;

/// <summary>The table of flags against flannel's (main.go, init), its environment, and the defaults that result.</summary>
public sealed class FlannelFlagTests
{
    public static TheoryData<string, string> FlannelFlags => new()
    {
        { "etcd-endpoints", "http://127.0.0.1:4001,http://127.0.0.1:2379" }, { "etcd-prefix", "/coreos.com/network" },
        { "etcd-keyfile", "" }, { "etcd-certfile", "" }, { "etcd-cafile", "" }, { "etcd-username", "" }, { "etcd-password", "" },
        { "iface", "" }, { "iface-regex", "" }, { "iface-can-reach", "" }, { "subnet-file", "/run/flannel/subnet.env" },
        { "public-ip", "" }, { "public-ipv6", "" }, { "subnet-lease-renew-margin", "60" },
        { "ip-masq", "false" }, { "ip-masq-fully-random-disable", "false" }, { "iptables-resync", "5" }, { "iptables-forward-rules", "true" },
        { "ip-blackhole-route", "false" }, { "healthz-ip", "0.0.0.0" }, { "healthz-port", "0" }, { "version", "false" },
        { "v", "0" }, { "vmodule", "" }, { "log_backtrace_at", ":0" },
        { "kube-subnet-mgr", "false" }, { "kube-api-url", "" }, { "kube-annotation-prefix", "flannel.alpha.coreos.com" },
        { "kubeconfig-file", "" }, { "net-config-path", "/etc/kube-flannel/net-conf.json" }, { "set-node-network-unavailable", "true" },
    };

    [Theory]
    [MemberData(nameof(FlannelFlags))]
    public void Flannels_flag_exists_with_its_default(string name, string expected) =>
        Assert.Equal(expected, AgentFlags.All.Single(f => f.Name == name).Default);

    [Fact]
    public void No_flag_stands_twice_in_the_table() => Assert.Equal(AgentFlags.All.Count, AgentFlags.All.Select(f => f.Variable).Distinct().Count());

    [Fact]
    public void Nothing_given_means_the_defaults()
    {
        AgentOptions options = Parsed.Options();
        Assert.Equal(["http://127.0.0.1:4001/", "http://127.0.0.1:2379/"], options.Etcd.Endpoints.Select(e => e.ToString()));
        Assert.Equal("/coreos.com/network", options.Etcd.Prefix);
        Assert.False(options.Etcd.UsesTls);
        Assert.Equal(new FirewallSettings(), options.Firewall);
        Assert.Equal(new DataPathSettings(), options.DataPath);
        Assert.Equal(new AgentOptions { Etcd = options.Etcd, Underlay = options.Underlay }, options);
        Assert.False(options.Underlay.NamesInterface);
    }

    [Theory]
    [InlineData("FLANNELD_ETCD_PREFIX", "/env", "/env")]
    [InlineData("FLANNELD_ETCD_PREFIX", "", "/coreos.com/network")]
    [InlineData("flanneld_etcd_prefix", "/env", "/coreos.com/network")]
    public void Environment_stands_in_for_a_flag(string name, string value, string expected) =>
        Assert.Equal(expected, Parsed.Run([], (name, value)).Options.Etcd.Prefix);

    [Fact]
    public void J6_a_flag_beats_the_environment() =>
        Assert.Equal("/flag", Parsed.Run(["-etcd-prefix=/flag"], ("FLANNELD_ETCD_PREFIX", "/env")).Options.Etcd.Prefix);

    [Fact]
    public void J6_an_empty_flag_beats_the_environment() =>
        Assert.Null(Parsed.Run(["-public-ip="], ("FLANNELD_PUBLIC_IP", "10.0.0.1")).Options.Underlay.PublicIp);

    [Fact]
    public void J6_a_bad_variable_is_not_looked_at_when_the_flag_is_given() =>
        Assert.Equal(LogFormat.Json, Parsed.Run(["--log-format=json"], ("FLANNELD_LOG_FORMAT", "nonsense")).Options.LogFormat);

    [Fact]
    public void A_repeatable_flag_gets_one_element_from_the_environment() =>
        Assert.Equal(["eth0,eth1"], Parsed.Run([], ("FLANNELD_IFACE", "eth0,eth1")).Options.Underlay.Interfaces);

    [Theory]
    [InlineData("FLANNELD_IP_MASQ", "yes")]
    [InlineData("FLANNELD_V", "x")]
    [InlineData("FLANNELD_HEALTHZ_PORT", "70000")]
    [InlineData("FLANNELD_PUBLIC_IP", "10.0.0")]
    [InlineData("FLANNELD_IFACE_REGEX", "(")]
    [InlineData("FLANNELD_SOURCE_CHECK", "lax")]
    [InlineData("FLANNELD_KUBE_SUBNET_MGR", "true")]
    public void J6_a_bad_variable_is_refused_by_name(string name, string value) =>
        Assert.StartsWith(name + ": ", Assert.Single(Parsed.Errors([], (name, value))));

    [Fact]
    public void Version_in_the_environment_does_not_stop_the_daemon() => Parsed.Run([], ("FLANNELD_VERSION", "true"));

    [Fact]
    public void A_misspelled_variable_earns_a_warning() =>
        Assert.Contains(Parsed.Run([], ("FLANNELD_IPMASQ", "true")).Warnings, w => w.Contains("FLANNELD_IPMASQ") && w.Contains("did you mean FLANNELD_IP_MASQ?"));

    [Theory]
    [InlineData("--kube-api-url=http://k")]
    [InlineData("--kubeconfig-file=f")]
    [InlineData("--kube-annotation-prefix=p")]
    [InlineData("--net-config-path=p")]
    [InlineData("--set-node-network-unavailable=false")]
    [InlineData("--vmodule=a=1")]
    [InlineData("--public-ipv6=fd00::1")]
    public void A_flag_without_effect_is_taken_with_a_warning(string argument) =>
        Assert.Contains(Parsed.Run([argument]).Warnings, w => w == argument[..argument.IndexOf('=')] + " has no effect in this agent");

    [Fact]
    public void Kube_subnet_mgr_is_refused_only_when_true()
    {
        Parsed.Run(["--kube-subnet-mgr=false"]);
        Assert.StartsWith("--kube-subnet-mgr: ", Assert.Single(Parsed.Errors(["--kube-subnet-mgr"])));
    }

    [Theory]
    [InlineData("-ip-masq-fully-random-disable", "no effect without --ip-masq")]
    public void What_this_version_does_not_do_is_said(string argument, string warning) =>
        Assert.Contains(Parsed.Run([argument]).Warnings, w => w.Contains(warning));
}
