namespace Overlay.Agent.Tunnel;

/// <summary>One thing on this host that is not as the overlay needs it, and the way back.</summary>
/// <param name="Thing">What it is about, for as long as the agent runs: flaws of one thing are mended at a bounded rate.</param>
/// <param name="Found">What was found, in words for the log.</param>
/// <param name="Mend">Puts it right. Throws a LinuxException where the kernel refuses.</param>
internal sealed record Flaw(string Thing, string Found, Action Mend);
