using System.Net;
using Overlay.Agent.Docker;
using Overlay.Agent.Files;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Docker;

/// <summary>Docker's options file, as the daemon and the verb write it: what flannel's script writes, byte for byte.</summary>
public sealed class MkDockerOptsTests : IDisposable
{
    private const string Bip = "DOCKER_OPT_BIP=\"--bip=10.1.74.1/24\"\n", Masq = "DOCKER_OPT_IPMASQ=\"--ip-masq=true\"\n", Mtu = "DOCKER_OPT_MTU=\"--mtu=1472\"\n";
    private const string All = "DOCKER_OPTS=\" --bip=10.1.74.1/24 --ip-masq=true --mtu=1472\"\n";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Each was compared with flannel's dist/mk-docker-opts.sh (August 2026).
    [Theory]
    [InlineData("", Bip + Masq + Mtu + All)]
    [InlineData("-i", Bip + Masq + Mtu)]
    [InlineData("-c", All)]
    [InlineData("-i -c", Bip + Masq + Mtu + All)]
    [InlineData("-ic", Bip + Masq + Mtu + All)]
    [InlineData("-im", Bip + Mtu)]
    [InlineData("-m -c", "DOCKER_OPTS=\" --bip=10.1.74.1/24 --mtu=1472\"\n")]
    [InlineData("-c -k DOCKER_NETWORK_OPTIONS", "DOCKER_NETWORK_OPTIONS=\" --bip=10.1.74.1/24 --ip-masq=true --mtu=1472\"\n")]
    [InlineData("-cmkX", "X=\" --bip=10.1.74.1/24 --mtu=1472\"\n")]
    public async Task The_scripts_options_give_the_scripts_file(string options, string expected)
    {
        (VerbRun run, string? written) = await RunAsync(Env("false"), options.Split(' ', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal((0, "", "", expected), (run.Code, run.Out, run.Error, written));
    }

    [Fact]
    public async Task Docker_does_not_masquerade_where_the_agent_does() =>
        Assert.Contains("--ip-masq=false", (await RunAsync(Env("true"), [])).Written);

    [Fact]
    public async Task Options_in_the_environment_are_kept_and_an_older_combined_value_stands_first()
    {
        (_, string? written) = await RunAsync(Env("false"), ["-k", "OPTS"], ("DOCKER_OPT_A", "--debug"), ("OPTS", "--foo"), ("DOCKER_OPT_MTU", "--mtu=9"));
        Assert.Equal("DOCKER_OPT_A=\"--debug\"\n" + Bip + Masq + Mtu + "OPTS=\"--foo  --debug --bip=10.1.74.1/24 --ip-masq=true --mtu=1472\"\n", written);
    }

    [Fact]
    public async Task Without_subnet_env_only_what_the_environment_holds_is_written() =>
        Assert.Equal("DOCKER_OPT_A=\"--label \\\"x\\\"\"\nDOCKER_OPTS=\" --label \\\"x\\\"\"\n", (await RunAsync(null, [], ("DOCKER_OPT_A", "--label \"x\""))).Written);

    [Fact]
    public async Task An_odd_ipmasq_exits_1_and_writes_nothing()
    {
        (VerbRun run, string? written) = await RunAsync(Env("maybe"), []);
        Assert.Equal((1, null), (run.Code, written));
        Assert.Contains("FLANNEL_IPMASQ", run.Error);
        Assert.Equal(0, (await RunAsync(Env("maybe"), ["-m"])).Run.Code);
    }

    [Fact]
    public void The_daemon_writes_the_same_file_with_mode_0644()
    {
        string path = _folder.File("sub/docker.env");
        Assert.True(DockerOptionsFile.TryWrite(path, new SubnetEnv(IPNetwork.Parse("10.1.0.0/16"), IPNetwork.Parse("10.1.74.0/24"), 1472, false), out _));
        Assert.Equal(Bip + Masq + Mtu + All, File.ReadAllText(path));
        Assert.Equal("644", Convert.ToString((int)File.GetUnixFileMode(path), 8));
        Assert.Equal([path], Directory.GetFiles(_folder.File("sub")));
    }

    [Fact]
    public void The_shell_gets_back_what_was_meant()
    {
        SortedDictionary<string, string> options = new() { ["DOCKER_OPT_X"] = "a\"b\\c$d`e" };
        File.WriteAllText(_folder.File("e"), DockerOptions.File(options, singly: true, combinedKey: null));
        Assert.Equal("a\"b\\c$d`e", Tool.Run("sh", "-c", $". {_folder.File("e")}; printf %s \"$DOCKER_OPT_X\"").Output);
    }

    private string Env(string masquerade)
    {
        File.WriteAllText(_folder.File("subnet.env"), $"FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=10.1.74.1/24\nFLANNEL_MTU=1472\nFLANNEL_IPMASQ={masquerade}\n");
        return _folder.File("subnet.env");
    }

    private async Task<(VerbRun Run, string? Written)> RunAsync(string? env, string[] options, params (string, string)[] environment)
    {
        string file = _folder.File("docker.env");
        VerbRun run = await VerbRun.OfAsync(["mk-docker-opts", "-f", env ?? _folder.File("none"), "-d", file, .. options], environment: environment);
        return (run, File.Exists(file) ? await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken) : null);
    }
}
