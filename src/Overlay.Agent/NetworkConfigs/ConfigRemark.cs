namespace Overlay.Agent.NetworkConfigs;

/// <summary>Something to say about a network config.</summary>
/// <param name="Key">The JSON key, such as <c>SubnetLen</c> or <c>Backend.VNI</c>; empty for the document as a whole.</param>
/// <param name="Value">Its value as written, shortened; null where there is none.</param>
/// <param name="Text">What there is to say, in words safe to print.</param>
internal sealed record ConfigRemark(string Key, string? Value, string Text)
{
    /// <summary>One line.</summary>
    public override string ToString() => Key.Length == 0 ? Text : Value is null ? $"{Key}: {Text}" : $"{Key} = {Value}: {Text}";
}
