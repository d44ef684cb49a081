using System.Text.Json;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;

namespace Overlay.Netns.Tests.Doctor;

/// <summary>What <c>overlay-agent doctor --json</c> says on a host.</summary>
/// <param name="ExitCode">Its exit code.</param>
/// <param name="Findings">All findings.</param>
/// <param name="Output">All it printed, for a failure.</param>
internal sealed record DoctorReport(int ExitCode, IReadOnlyList<(string Id, string Subject, string Verdict, string Found)> Findings, string Output)
{
    /// <summary>Runs it as an operator would: without a flag, in a shell that knows nothing of the agent.</summary>
    public static DoctorReport Of(Host host, params string[] more)
    {
        (int exitCode, string output) = host.Namespace.Run(AgentProcess.Binary, ["doctor", "--json", .. more]);
        int start = output.IndexOf('{', StringComparison.Ordinal), end = output.LastIndexOf('}');
        Assert.True(start >= 0 && end > start, output);
        using JsonDocument document = JsonDocument.Parse(output[start..(end + 1)]);
        return new DoctorReport(exitCode, [.. document.RootElement.GetProperty("findings").EnumerateArray().Select(finding => (
            finding.GetProperty("id").GetString()!,
            finding.TryGetProperty("subject", out JsonElement subject) ? subject.GetString()! : "",
            finding.GetProperty("verdict").GetString()!,
            finding.GetProperty("found").GetString()!))], output);
    }

    /// <summary>The ids with a verdict.</summary>
    public string[] With(string verdict) => [.. Findings.Where(f => f.Verdict == verdict).Select(f => f.Id).Distinct()];

    /// <summary>A check named the trouble, in words that hold <paramref name="text"/>.</summary>
    public void AssertNames(string verdict, string id, string text) =>
        Assert.True(Findings.Any(f => f.Id == id && f.Verdict == verdict && f.Found.Contains(text, StringComparison.Ordinal)), $"no {verdict} of {id} that says \"{text}\" in\n{Output}");
}
