using Overlay.Agent.Cli;
using Overlay.Agent.Configuration;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Cli;

/// <summary>The spellings of Go's flag package, one by one.</summary>
public sealed class GoFlagGrammarTests
{
    [Theory]
    [InlineData("-etcd-prefix=/a")]
    [InlineData("--etcd-prefix=/a")]
    [InlineData("-etcd-prefix", "/a")]
    [InlineData("--etcd-prefix", "/a")]
    [InlineData("--etcd-prefix=/b", "-etcd-prefix=/a")]
    [InlineData("run", "--etcd-prefix=/a")]
    [InlineData("--etcd-prefix=/a", "--")]
    public void A_text_flag_takes_its_value_in_every_spelling(params string[] arguments) =>
        Assert.Equal("/a", Parsed.Options(arguments).Etcd.Prefix);

    [Fact]
    public void A_value_may_hold_an_equals_sign_and_may_look_like_a_flag()
    {
        AgentOptions options = Parsed.Options("-etcd-username", "-iface", "-etcd-password==x=");
        Assert.Equal("-iface", options.Etcd.Username);
        Assert.Equal("=x=", options.Etcd.Password!.Reveal());
        Assert.Empty(options.Underlay.Interfaces);
    }

    [Theory]
    [InlineData("-ip-masq", true)]
    [InlineData("--ip-masq", true)]
    [InlineData("-ip-masq=true", true)]
    [InlineData("-ip-masq=1", true)]
    [InlineData("-ip-masq=t", true)]
    [InlineData("-ip-masq=T", true)]
    [InlineData("-ip-masq=TRUE", true)]
    [InlineData("-ip-masq=True", true)]
    [InlineData("--ip-masq=false", false)]
    [InlineData("-ip-masq=0", false)]
    [InlineData("-ip-masq=f", false)]
    [InlineData("-ip-masq=F", false)]
    [InlineData("-ip-masq=FALSE", false)]
    [InlineData("-ip-masq=False", false)]
    public void A_boolean_takes_Gos_twelve_spellings(string argument, bool expected) =>
        Assert.Equal(expected, Parsed.Options(argument).Firewall.Masquerade);

    [Theory]
    [InlineData("-ip-masq=yes")]
    [InlineData("-ip-masq=tRUE")]
    [InlineData("-ip-masq=")]
    [InlineData("-ip-masq=on")]
    public void J6_other_booleans_are_refused_by_name(string argument) => Assert.StartsWith("--ip-masq: ", Assert.Single(Parsed.Errors([argument])));

    [Fact]
    public void J6_a_boolean_does_not_take_the_next_argument()
    {
        string error = Assert.Single(Parsed.Errors(["-ip-masq", "true", "--v=1"]));
        Assert.Contains("\"true\"", error);
        Assert.Contains("--ip-masq=true", error);
    }

    [Fact]
    public void Iface_and_iface_regex_repeat_in_order()
    {
        AgentOptions options = Parsed.Options("--iface", "a", "-iface=b", "--iface", "c", "-iface-regex", "x.", "-iface-regex=y");
        Assert.Equal(["a", "b", "c"], options.Underlay.Interfaces);
        Assert.Equal(["x.", "y"], options.Underlay.InterfacePatterns.Select(p => p.ToString()));
    }

    [Theory]
    [InlineData("10", 10)]
    [InlineData("+10", 10)]
    [InlineData("0x1F", 31)]
    [InlineData("0b11", 3)]
    [InlineData("0o17", 15)]
    [InlineData("017", 15)]
    [InlineData("1_0", 10)]
    [InlineData("0x_1f", 31)]
    public void An_integer_takes_Gos_notations(string text, int minutes) =>
        Assert.Equal(TimeSpan.FromMinutes(minutes), Parsed.Options("-subnet-lease-renew-margin", text).RenewMargin);

    [Theory]
    [InlineData("")]
    [InlineData("1.5")]
    [InlineData("ten")]
    [InlineData("09")]
    [InlineData("0x")]
    [InlineData("_1")]
    [InlineData("1_")]
    [InlineData("1__0")]
    [InlineData("10 ")]
    [InlineData("9223372036854775808")]
    [InlineData("99999999999999999999999999999999999999999999999999")]
    public void J6_other_integers_are_refused_by_name(string text) =>
        Assert.StartsWith("--subnet-lease-renew-margin: ", Assert.Single(Parsed.Errors(["-subnet-lease-renew-margin=" + text])));

    [Theory]
    [InlineData("---iface=a")]
    [InlineData("--=a")]
    [InlineData("-=a")]
    public void J6_bad_syntax_is_refused(string argument) => Assert.Contains("bad flag syntax", Assert.Single(Parsed.Errors([argument])));

    [Theory]
    [InlineData("-ifce=a", "--ifce", "--iface?")]
    [InlineData("--etcd-endpoint=a", "--etcd-endpoint", "--etcd-endpoints?")]
    [InlineData("-ipmasq", "--ipmasq", "--ip-masq?")]
    [InlineData("-i", "--i", null)]
    [InlineData("--completely-else=secret", "--completely-else", null)]
    public void J6_an_unknown_flag_is_named_and_the_near_one_suggested(string argument, string named, string? suggested)
    {
        string error = Assert.Single(Parsed.Errors([argument, "--v=1"]));
        Assert.StartsWith($"unknown flag {named}", error);
        Assert.Equal(suggested is not null, error.Contains("did you mean"));
        if (suggested is not null) Assert.EndsWith(suggested, error);
        Assert.DoesNotContain("secret", error);
    }

    [Theory]
    [InlineData("-")]
    [InlineData("")]
    [InlineData("--v=1", "eth0", "--v=2")]
    [InlineData("--", "eth0")]
    [InlineData("--v=1", "run")]
    public void J6_stray_arguments_are_refused(params string[] arguments) => Assert.Contains("stray argument", Assert.Single(Parsed.Errors(arguments)));

    [Fact]
    public void J6_a_missing_value_is_refused() => Assert.StartsWith("--iface: ", Assert.Single(Parsed.Errors(["--v=1", "--iface"])));

    [Theory]
    [InlineData("-h")]
    [InlineData("--h")]
    [InlineData("-help")]
    [InlineData("--help")]
    [InlineData("--v=1", "--help", "--nonsense")]
    [InlineData("run", "--help")]
    public void Help_lists_every_flag_with_its_default(params string[] arguments)
    {
        string text = Assert.IsType<Invocation.Print>(Parsed.Line(arguments)).Text;
        Assert.All(AgentFlags.All, flag => Assert.Contains($"-{flag.Name} ", text.Replace("\n", " \n")));
        Assert.Contains("[/run/flannel/subnet.env]", text);
    }

    [Theory]
    [InlineData("-version")]
    [InlineData("--version=true")]
    public void Version_is_one_line_with_the_runtime(string argument)
    {
        string text = Assert.IsType<Invocation.Print>(Parsed.Line([argument])).Text;
        Assert.Matches(@"^overlay-agent \d+\.\d+\.\d+\S* \(\.NET 10\S*, (JIT|NativeAOT), linux-\w+\)\n$", text);
    }

    [Fact]
    public void J6_a_bad_value_wins_over_version() => Assert.Single(Parsed.Errors(["--version", "--v=x"]));
}
