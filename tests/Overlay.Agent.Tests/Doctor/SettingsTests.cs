using Overlay.Agent.Cli;
using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Configuration;
using Overlay.Agent.Doctor;
using Overlay.Agent.Files;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Doctor;

/// <summary>Where the daemon's settings are found, and which daemon's.</summary>
public class SettingsTests
{
    private const string Stat = " (overlay-agent) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 4711 0 0";

    // Two daemons of one host: the first, and an instance with what its unit gives it.
    private static readonly (string, string)[] Two =
    [
        ("/proc/321/comm", "overlay-agent\n"), ("/proc/321/stat", "321" + Stat), ("/proc/321/cmdline", "/usr/bin/overlay-agent\0"), ("/proc/321/environ", "FLANNELD_IP_MASQ=true\0"),
        ("/proc/322/comm", "overlay-agent\n"), ("/proc/322/stat", "322" + Stat), ("/proc/322/cmdline", "/usr/bin/overlay-agent\0"),
        ("/proc/322/environ", "FLANNELD_ETCD_PREFIX=/blue/network\0FLANNELD_SUBNET_FILE=/run/flannel/blue/subnet.env\0FLANNELD_STATE_DIR=/var/lib/overlay-agent/blue\0"),
        ("/etc/default/overlay-agent", "FLANNELD_ETCD_ENDPOINTS=http://192.0.2.1:2379"), ("/etc/default/overlay-agent-blue", "FLANNELD_ETCD_PREFIX=/blue/network"),
    ];

    [Fact]
    public void They_come_from_the_running_agent_where_nothing_is_given()
    {
        using HostRoot root = new(
            ("/proc/9/comm", "overlay-agent\n"), ("/proc/9/stat", "9 (overlay-agent) S 1"),
            ("/proc/9/cmdline", "/usr/bin/overlay-agent\0run\0--etcd-prefix=/over/net\0--iface\0eth1\0"), ("/proc/9/environ", "FLANNELD_IP_MASQ=true\0FLANNELD_IFACE=eth7\0"),
            ("/proc/10/comm", "overlay-agent\n"), ("/proc/10/stat", "10 (overlay-agent) S 1"), ("/proc/10/cmdline", "overlay-agent\0leases\0"),
            ("/etc/default/overlay-agent", "FLANNELD_ETCD_PREFIX=/file"));
        List<string> errors = [];
        FlagValues given = new();
        given.Add(AgentFlags.SubnetFile, new FlagValue("/tmp/s.env", "--subnet-file"));

        DoctorSettings settings = DoctorSettings.Resolve(given, null, null, root.Files, errors)!;

        Assert.Empty(errors);
        Assert.Equal("this command line and environment, then process 9", settings.Source);
        Assert.Equal("/over/net", settings.Options.Etcd.Prefix);
        Assert.Equal(["eth1"], settings.Options.Underlay.Interfaces);
        Assert.True(settings.Options.Firewall.Masquerade);
        Assert.Equal("/tmp/s.env", settings.Options.SubnetFile);
        Assert.Equal(9, Assert.Single(settings.Agents).Id);
    }

    [Fact]
    public void They_come_from_the_units_file_where_no_agent_runs_and_a_named_file_must_be_there()
    {
        using HostRoot root = new(("/etc/default/overlay-agent", "# comment\nFLANNELD_ETCD_PREFIX=\"/file\"\n"));
        List<string> errors = [];

        AgentOptions options = DoctorSettings.Resolve(new FlagValues(), null, null, root.Files, errors)!.Options;

        Assert.Equal(("/file", "/run/flannel/docker_opts.env"), (options.Etcd.Prefix, options.DockerOptionsFile));
        Assert.Empty(errors);
        Assert.Null(DoctorSettings.Resolve(new FlagValues(), "/absent", null, root.Files, errors));
        Assert.Contains("/absent cannot be read, it is not there", Assert.Single(errors), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_several_agents_one_has_to_be_named()
    {
        using HostRoot root = new(Two);
        List<string> errors = [];

        Assert.Null(DoctorSettings.Resolve(new FlagValues(), null, null, root.Files, errors));
        Assert.Equal("2 agents run here (processes 321, 322): name one by its flags, --instance or --env-file=/etc/default/overlay-agent", Assert.Single(errors));
    }

    [Theory]
    [InlineData(null, "blue", "process 322")]
    [InlineData("/etc/default/overlay-agent-blue", null, "/etc/default/overlay-agent-blue")]
    public void An_instance_has_the_files_of_its_unit_and_its_own_agent(string? file, string? instance, string source)
    {
        using HostRoot root = new(Two);

        DoctorSettings settings = DoctorSettings.Resolve(new FlagValues(), file, instance, root.Files, [])!;

        Assert.Equal(source, settings.Source);
        Assert.Equal("/blue/network", settings.Options.Etcd.Prefix);
        Assert.Equal(("/run/flannel/blue/subnet.env", "/var/lib/overlay-agent/blue"), (settings.Options.SubnetFile, settings.Options.StateDirectory));
        Assert.Equal(322, Assert.Single(settings.Agents).Id);
    }

    [Fact]
    public void The_first_of_several_is_named_by_its_file_and_an_instance_that_does_not_run_has_no_agent()
    {
        using HostRoot root = new([.. Two, ("/etc/default/overlay-agent-red", "FLANNELD_SUBNET_FILE=/run/red.env")]);

        Assert.Equal(321, Assert.Single(DoctorSettings.Resolve(new FlagValues(), "/etc/default/overlay-agent", null, root.Files, [])!.Agents).Id);
        DoctorSettings red = DoctorSettings.Resolve(new FlagValues(), null, "red", root.Files, [])!;
        Assert.Empty(red.Agents);
        Assert.Equal(("/run/red.env", "/var/lib/overlay-agent/red"), (red.Options.SubnetFile, red.Options.StateDirectory));   // the file beats its unit
    }

    [Fact]
    public void Settings_that_only_root_can_read_are_asked_for_and_not_guessed()
    {
        using HostRoot root = new([.. Two.Where(f => f.Item1.StartsWith("/proc/321", StringComparison.Ordinal) && !f.Item1.EndsWith("environ", StringComparison.Ordinal))]);
        List<string> errors = [];

        Assert.Null(DoctorSettings.Resolve(new FlagValues(), null, null, root.Files, errors));
        Assert.Contains("run doctor as root (sudo)", Assert.Single(errors), StringComparison.Ordinal);

        FlagValues given = new();
        given.Add(AgentFlags.EtcdEndpoints, new FlagValue("http://192.0.2.1:2379", "--etcd-endpoints"));
        DoctorSettings settings = DoctorSettings.Resolve(given, null, null, root.Files, [])!;
        Assert.Equal("this command line and environment, then the command line of process 321 (its environment is only root's to read)", settings.Source);
        Assert.Equal(321, Assert.Single(settings.Agents).Id);
    }

    [Theory]
    [InlineData(null, "overlay-agent.service")]
    [InlineData("blue", "overlay-agent@.service")]
    public void The_units_of_the_package_set_what_the_program_knows_of_them(string? instance, string name)
    {
        AgentUnit unit = new(instance);
        string[] lines = [.. File.ReadAllLines(Checkout.File($"deploy/systemd/{name}")).Select(line => line.Replace("%i", instance, StringComparison.Ordinal))];
        Dictionary<string, string> set = DotEnv.Parse(string.Join('\n', lines.Where(line => line.StartsWith("Environment=", StringComparison.Ordinal)).Select(line => line["Environment=".Length..])));

        Assert.Equal(unit.Variables.Append(new("FLANNELD_LOG_FORMAT", "systemd")).OrderBy(v => v.Key), set.OrderBy(v => v.Key));
        Assert.Contains(lines, line => line.TrimEnd() == $"EnvironmentFile={(instance is null ? "-" : "")}{unit.EnvironmentFile}");
        Assert.Equal(unit, AgentUnit.OfFile(unit.EnvironmentFile));
        Assert.Equal(unit, AgentUnit.OfState(unit.Variables.GetValueOrDefault("FLANNELD_STATE_DIR", new AgentOptions { Etcd = Some.Node.Options.Etcd }.StateDirectory)));
        Assert.True(AgentUnit.IsDockerOptions(unit.Variables["FLANNELD_DOCKER_OPTS_FILE"]));
    }
}
