using System.Net;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Traffic;

/// <summary>The ping tool.</summary>
internal static class Ping
{
    /// <summary>IPv4 and ICMP header: what <c>ping -s</c> does not count.</summary>
    private const int Headers = 28;

    /// <summary>Pings until there is an answer: both nodes know each other.</summary>
    public static Task UntilAnsweredAsync(NetworkNamespace from, IPAddress to) => Eventually.TrueAsync(
        () => from.Run("ping", "-q", "-c", "1", "-W", "1", $"{to}").ExitCode == 0, $"{from.Name} gets an answer from {to}");

    /// <summary>One ping of a size.</summary>
    /// <param name="from">The sender's network.</param>
    /// <param name="to">The target.</param>
    /// <param name="packet">Length of the IP packet, bytes.</param>
    /// <param name="mayFragment">False sets DF.</param>
    /// <returns>Whether it was answered, and all that ping printed.</returns>
    public static (bool Answered, string Output) Once(NetworkNamespace from, IPAddress to, int packet, bool mayFragment)
    {
        (int exitCode, string output) = from.Run("ping", "-c", "1", "-W", "2", "-s", $"{packet - Headers}", "-M", mayFragment ? "dont" : "do", $"{to}");
        return (exitCode == 0, output);
    }
}
