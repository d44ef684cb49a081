namespace Overlay.Agent.Docker;

/// <summary>Something about Docker on this host that keeps containers off the overlay.</summary>
/// <param name="Subject">What it is about: a key of daemon.json, a flag of dockerd, or the bridge.</param>
/// <param name="Found">What was found and what follows from it, in words safe to print.</param>
/// <param name="Advice">What to do.</param>
internal sealed record DockerFinding(string Subject, string Found, string Advice);
