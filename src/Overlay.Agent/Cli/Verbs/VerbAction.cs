namespace Overlay.Agent.Cli.Verbs;

/// <summary>The work of a verb, with every argument bound and checked.</summary>
/// <param name="console">Where it reads and writes.</param>
/// <param name="stop">Asks it to end early.</param>
/// <returns>The exit code: 0 done; 1 not done, or what was looked at is not well (each verb's help says which).</returns>
public delegate Task<int> VerbAction(VerbConsole console, CancellationToken stop);
