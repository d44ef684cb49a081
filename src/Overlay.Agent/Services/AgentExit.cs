namespace Overlay.Agent.Services;

/// <summary>The exit code to be: 0 asked to stop, 1 cannot start or a fatal fault. The host itself would say 0 for both.</summary>
internal sealed class AgentExit
{
    /// <summary>The code so far.</summary>
    public int Code { get; private set; }

    /// <summary>It was not a stop that somebody asked for.</summary>
    public void Fail() => Code = 1;
}
