namespace Overlay.Agent.Reading;

/// <summary>A process of this host and network namespace.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Arguments">Its command line, the program first.</param>
/// <param name="Started">When it was started, by this host's clock.</param>
internal sealed record ProcessInfo(int Id, IReadOnlyList<string> Arguments, DateTimeOffset Started)
{
    /// <summary>Whether it is stopped (SIGSTOP, or a debugger) and does nothing until it is let go on.</summary>
    public bool IsStopped { get; init; }

    /// <summary>The value of an option in either spelling, <c>--x=v</c> or <c>--x v</c>; null where it is not given.</summary>
    public string? Option(params ReadOnlySpan<string> names)
    {
        string? value = null;
        for (int i = 1; i < Arguments.Count; i++)
        {
            foreach (string name in names)
            {
                if (Arguments[i] == name) value = i + 1 < Arguments.Count ? Arguments[i + 1] : "";
                else if (Arguments[i].StartsWith(name + "=", StringComparison.Ordinal)) value = Arguments[i][(name.Length + 1)..];
            }
        }
        return value;
    }
}
