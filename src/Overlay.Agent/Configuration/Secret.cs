namespace Overlay.Agent.Configuration;

/// <summary>Text that prints as <c>***</c>, so that no record, log line or exception that holds it can show it by accident.</summary>
public sealed class Secret
{
    private readonly string _text;

    /// <summary>Wraps a secret.</summary>
    public Secret(string text) => _text = text;

    /// <summary>The secret itself, for the one place that must send it.</summary>
    public string Reveal() => _text;

    /// <summary>Always <c>***</c>.</summary>
    public override string ToString() => "***";
}
