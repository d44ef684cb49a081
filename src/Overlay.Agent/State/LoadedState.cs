namespace Overlay.Agent.State;

/// <summary>Outcome of reading a state file.</summary>
/// <param name="State">The state, or null where there is none to be had.</param>
/// <param name="Problem">What is wrong with the file, in words for one log line; null when it is good or not there.</param>
public sealed record LoadedState(AgentState? State, string? Problem);
