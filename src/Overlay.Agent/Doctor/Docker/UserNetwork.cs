namespace Overlay.Agent.Doctor.Docker;

/// <summary>A network of <c>docker network create</c>, or of compose, as the host sees it: a bridge that is named by the network's id.</summary>
internal static class UserNetwork
{
    private const string Prefix = "br-";
    private const int IdLength = 12;

    /// <summary>Whether a link is the bridge of one.</summary>
    public static bool Has(string? link) => link?.Length == Prefix.Length + IdLength && link.StartsWith(Prefix, StringComparison.Ordinal) && link[Prefix.Length..].All(char.IsAsciiHexDigitLower);

    /// <summary>The command that removes it; its addresses and routes by themselves would be back with Docker's next start.</summary>
    public static string Removal(string link) => $"docker network rm {link[Prefix.Length..]} # its containers before; then make it with another --subnet, or keep Docker off these addresses: default-address-pools in daemon.json";
}
