using System.Reflection;
using System.Text.Json;
using Overlay.Agent.Cli.Verbs.Catalog;
using Overlay.Agent.Doctor;

namespace Overlay.Agent.Tests.Doctor;

/// <summary>Ids, report and exit codes.</summary>
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
}
