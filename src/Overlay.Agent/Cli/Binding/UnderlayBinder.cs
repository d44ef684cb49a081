using System.Net;
using System.Text.RegularExpressions;
using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Configuration;
using Overlay.Agent.Text;
using static Overlay.Agent.Cli.AgentFlags;

namespace Overlay.Agent.Cli.Binding;

/// <summary>The flags that choose the interface and the addresses.</summary>
internal static class UnderlayBinder
{
    public static UnderlaySettings Bind(ValueReader reader, List<string> errors) => new()
    {
        Interfaces = [.. reader.All(Iface).Where(v => v.Text.Length > 0).Select(v => v.Text)],
        InterfacePatterns = [.. reader.All(IfaceRegex).Where(v => v.Text.Length > 0).Select(v => Pattern(v, errors)).OfType<Regex>()],
        CanReach = reader.Address(IfaceCanReach),
        PublicIp = reader.UnicastAddress(PublicIp),
        ListenAddress = Listen(reader),
    };

    // Non-backtracking takes nearly the language of Go's regexp, refuses what it refuses (back references, look-around) and cannot run away.
    private static Regex? Pattern(FlagValue value, List<string> errors)
    {
        try
        {
            return new Regex(value.Text, RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException)
        {
            errors.Add($"{value.Origin}: {Printable.Quote(value.Text)} is not a pattern: {Printable.Line(e.Message)}");
            return null;
        }
    }

    private static IPAddress? Listen(ValueReader reader)
    {
        IPAddress? address = reader.Address(ListenAddress);
        bool isGroup = address?.GetAddressBytes()[0] >= 224;
        if (isGroup) reader.Fail(ListenAddress, $"{address} is not an address of an interface");
        return isGroup ? null : address;
    }
}
