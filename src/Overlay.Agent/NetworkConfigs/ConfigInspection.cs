using Overlay.Subnet.Model;

namespace Overlay.Agent.NetworkConfigs;

/// <summary>A network config looked at before it is written: what agents make of it, every mistake, and what they pass over.</summary>
/// <param name="Config">What agents take from it; null when there is any mistake.</param>
/// <param name="Mistakes">Why agents refuse it.</param>
/// <param name="Warnings">What is likely not meant so, or not done.</param>
/// <param name="Document">Its keys.</param>
internal sealed record ConfigInspection(
    NetworkConfig? Config, IReadOnlyList<ConfigRemark> Mistakes, IReadOnlyList<ConfigRemark> Warnings, ConfigDocument Document)
{
    // Without a sound network or length nobody can tell whether the limits fit.
    private static readonly string[] Limits = ["SubnetMin", "SubnetMax"];

    /// <summary>
    /// Inspects. The rules are those of <see cref="NetworkConfig.Parse"/>, which stops at the first mistake: so the key at fault is taken
    /// out and the rest is parsed again.
    /// </summary>
    public static ConfigInspection Of(ReadOnlyMemory<byte> utf8)
    {
        ConfigDocument document = ConfigDocument.Read(utf8);
        List<ConfigRemark> mistakes = [];
        HashSet<string> wrong = new(StringComparer.OrdinalIgnoreCase);
        NetworkConfig? config = null;
        ReadOnlyMemory<byte> rest = utf8;
        while (config is null)
        {
            try
            {
                config = NetworkConfig.Parse(rest.Span);
            }
            catch (NetworkConfigException e)
            {
                bool isConsequence = wrong.Contains(e.Key);
                if (!isConsequence) mistakes.Add(new ConfigRemark(e.Key, document.Value(e.Key), e.Key.Length == 0 ? e.Message : e.Message[(e.Key.Length + 2)..]));
                if (isConsequence || !document.Has(e.Key)) break;
                wrong.Add(e.Key);
                if (e.Key is "Network" or "SubnetLen") wrong.UnionWith(Limits);
                rest = ConfigDocument.Without(utf8, wrong);
            }
        }
        if (mistakes.Count > 0) config = null;
        return new ConfigInspection(config, mistakes, [.. ConfigWarnings.Of(document, config)], document);
    }
}
