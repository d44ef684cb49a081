using Overlay.Agent.Cli;
using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Cli.Verbs;

/// <summary>The way from a command line to a verb: names, flags among operands, variables, help, secrets.</summary>
public sealed class VerbSeamTests
{
    [Theory]
    [InlineData("unknown verb \"mk-docker-opt\"; did you mean mk-docker-opts?", "mk-docker-opt")]
    [InlineData("unknown verb \"leasse\"; did you mean leases?", "leasse")]
    [InlineData("unknown verb \"rnu\"; did you mean run?", "rnu", "--v=1")]
    [InlineData("unknown verb \"start\"; overlay-agent --help names the verbs", "start")]
    [InlineData("unknown verb \"eth0\"; overlay-agent --help names the verbs", "eth0")]
    [InlineData("unknown verb \"config chek\"; did you mean config check?", "config", "chek", "f")]
    [InlineData("unknown verb \"leases resrve\"; did you mean leases reserve?", "leases", "resrve", "10.1.2.0/24")]
    [InlineData("\"config\" is not a whole verb: config check, config put", "config", "--help")]
    [InlineData("unknown verb \"x\\n\\u001B[2J\"; overlay-agent --help names the verbs", "x\n\e[2J")]
    public void An_unknown_verb_is_named_and_the_near_one_suggested(string error, params string[] arguments) =>
        Assert.Equal(error, Parsed.Errors(arguments)[0]);

    [Fact]
    public void Every_verb_explains_itself_in_three_ways()
    {
        string all = Assert.IsType<Invocation.Print>(Parsed.Line(["--help"])).Text;
        foreach (Verb verb in VerbTable.All)
        {
            string[] name = verb.Name.Split(' ');
            Assert.Contains($"  {verb.Name}", all);
            string help = Assert.IsType<Invocation.Print>(Parsed.Line([.. name, "--help"])).Text;
            Assert.Equal(verb.Usage(), help);
            Assert.StartsWith($"overlay-agent {verb.Name} - ", help);
            Assert.All(help.Split('\n').TakeWhile(line => line != "flags"), line => Assert.True(line.Length <= 120, line));
            Assert.IsType<Invocation.Perform>(Parsed.Line(["help", .. name]));
        }
    }

    [Fact]
    public async Task Help_prints_a_verbs_usage() => Assert.Equal(VerbTable.Find(["leases"], out _)!.Usage(), (await VerbRun.OfAsync(["help", "leases"])).Out);

    [Fact]
    public void Help_for_an_unknown_verb_suggests() => Assert.Equal("help: unknown verb \"lease\"; did you mean leases?", Assert.Single(Parsed.Errors(["help", "lease"])));

    [Theory]
    [InlineData("release", "10.1.2.0/24", "--yes", "--etcd-prefix", "/p")]
    [InlineData("release", "--etcd-prefix", "/p", "10.1.2.0/24", "--yes")]
    [InlineData("release", "--yes", "--", "10.1.2.0-24")]
    public void Flags_may_stand_before_and_after_operands(params string[] arguments) => Assert.IsType<Invocation.Perform>(Parsed.Line(["leases", .. arguments]));

    [Theory]
    [InlineData("unknown flag --etcd-endpoint; did you mean --etcd-endpoints?", "leases", "--etcd-endpoint=x")]
    [InlineData("unknown flag --iface", "leases", "--iface=eth0")]
    [InlineData("leases release: stray argument \"b\"", "leases", "release", "10.1.2.0/24", "b")]
    [InlineData("config check: FILE|- is missing", "config", "check")]
    [InlineData("leases release: 10.1.2.3/24 is not the start of a subnet; 10.1.2.0/24 holds it", "leases", "release", "10.1.2.3/24")]
    [InlineData("leases release: \"10.1.2/24\" is not a subnet such as 10.1.15.0/24", "leases", "release", "10.1.2/24")]
    [InlineData("--public-ip: is needed: a reservation is for one node", "leases", "reserve", "10.1.2.0/24")]
    [InlineData("--public-ip: 127.0.0.1 is a loopback address, which no other node can reach", "leases", "reserve", "10.1.2.0/24", "--public-ip=127.0.0.1")]
    [InlineData("--network: \"10.1/16\" is no IPv4 network such as 10.1.0.0/16", "cleanup", "--network=10.1/16")]
    [InlineData("-k: \"A;B\" is not a variable's name", "mk-docker-opts", "-k", "A;B")]
    public void A_mistake_is_refused_by_name(string error, params string[] arguments) => Assert.Contains(error, Parsed.Errors(arguments));

    [Fact]
    public void The_daemons_variables_count_for_a_verb_and_the_others_do_not()
    {
        Assert.StartsWith("FLANNELD_ETCD_ENDPOINTS: ", Parsed.Errors(["leases"], ("FLANNELD_ETCD_ENDPOINTS", "ftp://x"))[0]);
        Assert.IsType<Invocation.Perform>(Parsed.Line(["leases"], ("FLANNELD_IFACE_REGEX", "("), ("FLANNELD_NONSENSE", "1")));
        Assert.Contains("is needed", Parsed.Errors(["leases", "reserve", "10.1.2.0/24"], ("FLANNELD_PUBLIC_IP", "192.168.0.1"))[0]);
    }

    [Fact]
    public async Task A_secret_is_not_printed_and_its_place_is_warned_of()
    {
        string[] arguments = ["leases", "--etcd-username=u", "--etcd-password=hunter2", "--etcd-endpoints=http://127.0.0.1:1"];
        Assert.Contains("ps", Assert.Single(Assert.IsType<Invocation.Perform>(Parsed.Line(arguments)).Warnings));
        VerbRun run = await VerbRun.OfAsync(arguments);
        Assert.Equal(1, run.Code);
        Assert.DoesNotContain("hunter2", run.Error + run.Out);
        Assert.Matches(@"^overlay-agent: cannot read [^\n]+127\.0\.0\.1:1[^\n]*\n$", run.Error);
    }
}
