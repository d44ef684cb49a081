using System.Reflection;
using System.Text.Json;
using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Cli.Verbs.Catalog;
using Overlay.Agent.Doctor;

namespace Overlay.Agent.Tests.Doctor;

/// <summary>Ids, report and exit codes, and where the daemon's settings are found.</summary>
public class ReportTests
{
    private static readonly Finding[] Three =
    [
        Checks.Steal.Ok("0.0 % stolen"), Checks.BridgeMtu.Fail("docker0 1500\u001b[2J\nforged", "mend it").Of("docker0"), Checks.Reach.Skip("no peers"),
    ];

    [Fact]
    public void Every_check_is_in_the_table_once_under_an_id_of_its_own_that_the_help_names()
    {
        Check[] declared = [.. typeof(Checks).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => f.GetValue(null)).OfType<Check>()];

        Assert.Equal(declared.Length, Checks.All.Count);
        Assert.Empty(declared.Except(Checks.All));
        Assert.Equal(declared.Length, declared.Select(c => c.Id).Distinct().Count());
        string help = DoctorVerb.Verb.Usage();
        Assert.All(declared, check => Assert.Contains(check.Id, help, StringComparison.Ordinal));
        // The groups follow each other, so that the report has each heading once.
        Assert.Equal(declared.Select(c => c.Group).Distinct().Count(), Checks.All.Zip(Checks.All.Skip(1)).Count(pair => pair.First.Group != pair.Second.Group) + 1);
    }

    [Fact]
    public void The_text_has_a_line_for_each_and_says_why_and_how_to_mend()
    {
        string text = Report.Text(Three, "the defaults");

        Assert.Contains("  OK    host.steal ", text, StringComparison.Ordinal);
        Assert.Contains("  FAIL  mtu.docker0 docker0 ", text, StringComparison.Ordinal);
        Assert.Contains($"        why   {Checks.BridgeMtu.Why}\n        mend  mend it\n", text, StringComparison.Ordinal);
        Assert.Contains("docker0 1500\\u001B[2J\\nforged\n", text, StringComparison.Ordinal);
        Assert.EndsWith("\n1 OK, 0 WARN, 1 FAIL, 1 SKIP\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_json_says_the_same()
    {
        using JsonDocument json = JsonDocument.Parse(Report.Json(Three, "the defaults"));

        Assert.Equal("FAIL", json.RootElement.GetProperty("verdict").GetString());
        Assert.Equal(1, json.RootElement.GetProperty("counts").GetProperty("SKIP").GetInt32());
        JsonElement broken = json.RootElement.GetProperty("findings")[1];
        Assert.Equal("mtu.docker0", broken.GetProperty("id").GetString());
        Assert.Equal("docker0", broken.GetProperty("subject").GetString());
        Assert.Equal("mend it", broken.GetProperty("mend").GetString());
    }

    [Fact]
    public void The_exit_code_is_that_of_the_worst()
    {
        Assert.Equal(0, DoctorCommand.ExitCode(Report.Worst([])));
        Assert.Equal(0, DoctorCommand.ExitCode(Report.Worst([Checks.Steal.Ok(""), Checks.Reach.Skip("")])));
        Assert.Equal(3, DoctorCommand.ExitCode(Report.Worst([Checks.Steal.Warn("", "x"), Checks.Reach.Skip("")])));
        Assert.Equal(1, DoctorCommand.ExitCode(Report.Worst([Checks.Steal.Warn("", "x"), Checks.Agent.Fail("", "x")])));
    }

    [Fact]
    public void Settings_come_from_the_running_agent_where_nothing_is_given()
    {
        using HostRoot root = new(
            ("/proc/9/comm", "overlay-agent\n"), ("/proc/9/stat", "9 (overlay-agent) S 1"),
            ("/proc/9/cmdline", "/usr/bin/overlay-agent\0run\0--etcd-prefix=/over/net\0--iface\0eth1\0"), ("/proc/9/environ", "FLANNELD_IP_MASQ=true\0FLANNELD_IFACE=eth7\0"),
            ("/proc/10/comm", "overlay-agent\n"), ("/proc/10/stat", "10 (overlay-agent) S 1"), ("/proc/10/cmdline", "overlay-agent\0leases\0"),
            ("/etc/default/overlay-agent", "FLANNELD_ETCD_PREFIX=/file"));
        List<string> errors = [];
        FlagValues given = new();
        given.Add(Overlay.Agent.Cli.AgentFlags.SubnetFile, new FlagValue("/tmp/s.env", "--subnet-file"));

        DoctorSettings settings = DoctorSettings.Resolve(given, null, root.Files, errors)!;

        Assert.Empty(errors);
        Assert.Equal("this command line and environment, then process 9", settings.Source);
        Assert.Equal("/over/net", settings.Options.Etcd.Prefix);
        Assert.Equal(["eth1"], settings.Options.Underlay.Interfaces);
        Assert.True(settings.Options.Firewall.Masquerade);
        Assert.Equal("/tmp/s.env", settings.Options.SubnetFile);
        Assert.Equal(9, Assert.Single(settings.Agents).Id);
    }

    [Fact]
    public void Settings_come_from_the_units_file_where_no_agent_runs_and_a_named_file_must_be_there()
    {
        using HostRoot root = new(("/etc/default/overlay-agent", "# comment\nFLANNELD_ETCD_PREFIX=\"/file\"\n"));
        List<string> errors = [];

        Assert.Equal("/file", DoctorSettings.Resolve(new FlagValues(), null, root.Files, errors)!.Options.Etcd.Prefix);
        Assert.Empty(errors);
        Assert.Null(DoctorSettings.Resolve(new FlagValues(), "/absent", root.Files, errors));
        Assert.Contains("--env-file: /absent cannot be read", Assert.Single(errors), StringComparison.Ordinal);
    }
}
