namespace Overlay.Agent.Docker;

/// <summary>Something about Docker on this host that keeps containers off the overlay, or will.</summary>
/// <param name="Harm">What it does.</param>
/// <param name="Subject">What it is about: a key of daemon.json, a flag of dockerd, or the bridge.</param>
/// <param name="Found">What was found and what follows from it, in words safe to print.</param>
/// <param name="Advice">What to do.</param>
internal sealed record DockerFinding(DockerHarm Harm, string Subject, string Found, string Advice);

/// <summary>What a finding does to containers.</summary>
internal enum DockerHarm
{
    /// <summary>Nothing as long as Docker runs; its next start fails, or brings trouble.</summary>
    AtNextStart,

    /// <summary>They talk, but not as well as they might.</summary>
    Slight,

    /// <summary>Their traffic is lost.</summary>
    Breaks,
}
