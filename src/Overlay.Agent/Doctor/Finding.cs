namespace Overlay.Agent.Doctor;

/// <summary>What a check found on this host.</summary>
/// <param name="Check">What was looked at.</param>
/// <param name="Verdict">What it came to.</param>
/// <param name="Found">The value found, or why it was not looked at; made safe for a terminal when it is printed.</param>
internal sealed record Finding(Check Check, Verdict Verdict, string Found)
{
    /// <summary>The command or step that mends it; null where nothing needs mending.</summary>
    public string? Mend { get; init; }

    /// <summary>Which of several: a peer, a device, an etcd member. Null where there is only one.</summary>
    public string? Subject { get; init; }

    /// <summary>The same, of one of several.</summary>
    public Finding Of(string subject) => this with { Subject = subject };
}
