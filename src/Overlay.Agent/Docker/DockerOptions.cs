using System.Text;

namespace Overlay.Agent.Docker;

/// <summary>
/// The environment file from which Docker's unit takes its options, in the form of flannel's dist/mk-docker-opts.sh: one variable per
/// option, sorted by name, and one with all of them behind a space each. Pure.
/// </summary>
internal static class DockerOptions
{
    /// <summary>The combined variable unless another name is asked for.</summary>
    public const string DefaultKey = "DOCKER_OPTS";

    /// <summary>What the names of the single options begin with.</summary>
    public const string Prefix = "DOCKER_OPT_";

    /// <summary>
    /// The options that follow from the variables of subnet.env, with those that are there already as <c>DOCKER_OPT_*</c>. Docker shall
    /// masquerade when nobody else does, so that value is turned round.
    /// </summary>
    /// <param name="variables">The environment and subnet.env.</param>
    /// <param name="withMasquerade">Give <c>--ip-masq</c>; very old Dockers do not know it.</param>
    /// <exception cref="FormatException">FLANNEL_IPMASQ is neither true nor false; the message says so.</exception>
    public static SortedDictionary<string, string> From(IReadOnlyDictionary<string, string> variables, bool withMasquerade)
    {
        SortedDictionary<string, string> options = new(StringComparer.Ordinal);
        foreach ((string name, string value) in variables)
        {
            if (name.StartsWith(Prefix, StringComparison.Ordinal)) options[name] = value;
        }
        if (Value("FLANNEL_SUBNET") is { } subnet) options[Prefix + "BIP"] = $"--bip={subnet}";
        if (Value("FLANNEL_MTU") is { } mtu) options[Prefix + "MTU"] = $"--mtu={mtu}";
        if (withMasquerade && Value("FLANNEL_IPMASQ") is { } masquerade)
        {
            options[Prefix + "IPMASQ"] = masquerade switch
            {
                "true" => "--ip-masq=false",
                "false" => "--ip-masq=true",
                _ => throw new FormatException($"FLANNEL_IPMASQ is neither true nor false: {Text.Printable.Quote(masquerade)}"),
            };
        }
        return options;

        string? Value(string name) => variables.TryGetValue(name, out string? value) && value.Length > 0 ? value : null;
    }

    /// <summary>The content of the file.</summary>
    /// <param name="options">The options by variable name.</param>
    /// <param name="singly">Write each option's own variable.</param>
    /// <param name="combinedKey">Name of the variable for all of them; null for none.</param>
    /// <param name="already">What the combined variable holds already, to stand before the options; empty for nothing.</param>
    public static string File(SortedDictionary<string, string> options, bool singly, string? combinedKey, string already = "")
    {
        StringBuilder text = new();
        if (singly)
        {
            foreach ((string name, string value) in options) text.Append($"{name}=\"{Escape(value)}\"\n");
        }
        if (combinedKey is not null)
        {
            string combined = (already.Length > 0 ? already + " " : "") + string.Concat(options.Values.Select(value => " " + value));
            text.Append($"{combinedKey}=\"{Escape(combined)}\"\n");
        }
        return text.ToString();
    }

    // What systemd and the shell both take back out of double quotes; flannel's script leaves such a value broken.
    private static string Escape(string value) => value.AsSpan().IndexOfAny("\\\"$`") < 0 ? value
        : value.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("$", "\\$").Replace("`", "\\`");
}
