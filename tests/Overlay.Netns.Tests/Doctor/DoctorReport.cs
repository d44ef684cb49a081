using System.Text.Json;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;

namespace Overlay.Netns.Tests.Doctor;

/// <summary>What <c>overlay-agent doctor --json</c> says on a host.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Findings">All findings.</param>
/// <param name="Output">All it printed, for a failure.</param>
internal sealed record DoctorReport(int ExitCode, IReadOnlyList<(string Id, string Subject, string Verdict, string Found, string Mend)> Findings, string Output)
{
    /// <summary>Runs it as an operator would: without a flag, in a shell that knows nothing of the agent.</summary>
    public static DoctorReport Of(Host host, params string[] more) => From(host.Namespace.Run(AgentProcess.Binary, ["doctor", "--json", .. more]));

    /// <summary>
    /// Runs what a report has printed as the mends of some ids, then doctor again. The files that a host reads at boot are those of the
    /// machine the test runs on: both get folders of their own in their place.
    /// </summary>
    public DoctorReport Mended(Host host, params string[] ids)
    {
        string[] mends = [.. Findings.Where(f => ids.Contains(f.Id) && f.Mend.Length > 0).Select(f => f.Mend)];
        string script = string.Join('\n', ["for folder in sysctl.d modules-load.d; do mkdir -p /etc/$folder; mount -t tmpfs none /etc/$folder; done", .. mends, $"exec '{AgentProcess.Binary}' doctor --json"]);
        return From(host.Namespace.Run("unshare", "--mount", "sh", "-ec", script));
    }

    /// <summary>Reads what a run printed.</summary>
    public static DoctorReport From((int ExitCode, string Output) run)
    {
        (int exitCode, string output) = run;
        int start = output.IndexOf('{', StringComparison.Ordinal), end = output.LastIndexOf('}');
        Assert.True(start >= 0 && end > start, output);
        using JsonDocument document = JsonDocument.Parse(output[start..(end + 1)]);
        return new DoctorReport(exitCode, [.. document.RootElement.GetProperty("findings").EnumerateArray().Select(finding => (
            finding.GetProperty("id").GetString()!,
            finding.TryGetProperty("subject", out JsonElement subject) ? subject.GetString()! : "",
            finding.GetProperty("verdict").GetString()!,
            finding.GetProperty("found").GetString()!,
            finding.TryGetProperty("mend", out JsonElement mend) ? mend.GetString()! : ""))], output);
    }

    /// <summary>The ids with a verdict.</summary>
    public string[] With(string verdict) => [.. Findings.Where(f => f.Verdict == verdict).Select(f => f.Id).Distinct()];

    /// <summary>Everything that was found for an id is well.</summary>
    public void AssertWell(string id) =>
        Assert.True(Findings.Any(f => f.Id == id) && Findings.All(f => f.Id != id || f.Verdict is "OK" or "SKIP"), $"{id} is not well in\n{Output}");

    /// <summary>A check named the trouble, in words that hold <paramref name="text"/>.</summary>
    public void AssertNames(string verdict, string id, string text) =>
        Assert.True(Findings.Any(f => f.Id == id && f.Verdict == verdict && f.Found.Contains(text, StringComparison.Ordinal)), $"no {verdict} of {id} that says \"{text}\" in\n{Output}");
}
