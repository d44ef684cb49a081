using System.Net;
using Overlay.Agent.Firewall.Rules;

namespace Overlay.Agent.Firewall.Iptables;

/// <summary>
/// An accept of ours in front of Docker's own rules, which since Docker 28 drop what comes for a container from anywhere but its bridge: in
/// DOCKER before the end of FORWARD is reached (moby pull request 48724), and for each container in raw (49325). It takes only what comes out
/// of the overlay's device, so that whatever else an operator or Docker keeps away from the containers stays away.
/// </summary>
/// <param name="Table">Its table.</param>
/// <param name="Parent">The chain of somebody else that it stands in; where there is none, it is not needed.</param>
internal sealed record IptablesAccept(string Table, string Parent)
{
    /// <summary>In the chain that Docker keeps for rules of others, and asks first.</summary>
    public static readonly IptablesAccept Docker = new("filter", "DOCKER-USER");

    /// <summary>Before routing; only once Docker has dropped something there, for not every kernel has that table.</summary>
    public static readonly IptablesAccept Raw = new("raw", "PREROUTING");

    /// <summary>Both.</summary>
    public static readonly IReadOnlyList<IptablesAccept> All = [Docker, Raw];

    private const string Mark = "--comment overlay-agent";

    /// <summary>What is to stand in the chain, as iptables-save prints it; null for nothing.</summary>
    /// <param name="rules">The overlay.</param>
    /// <param name="standing">All rules of the chain.</param>
    public string? Wanted(OverlayRules rules, IReadOnlyList<string> standing) =>
        rules is { Forward: true, Device: { } device } && (this == Docker || standing.Any(rule => IsOwn(rule, rules) || IsTooLateAfter(rule, rules)))
            ? $"-d {rules.Network} -i {device} -m comment {Mark} -j ACCEPT" : null;

    /// <summary>Whether a rule is ours, of this run or of an earlier one, and of no daemon beside us.</summary>
    public static bool IsOwn(string rule, OverlayRules rules) => SharedChain.Words(rule).Contains(Mark, StringComparison.Ordinal) && SharedChain.Names(rule, rules);

    /// <summary>
    /// Whether nothing behind a rule is reached by packets of ours: Docker's drop for a container, or the RETURN with which Dockers up to 27 end
    /// their chain. What the operator has put in front of it goes first.
    /// </summary>
    public bool IsTooLateAfter(string rule, OverlayRules rules) => this == Docker
        ? rule == "-j RETURN"
        : rule.EndsWith("-j DROP", StringComparison.Ordinal) && Destination(rule) is { } dropped && rules.Subnet.Contains(dropped);

    /// <summary>The address that a rule is about (<c>-d</c>); null for none, or a whole network.</summary>
    public static IPAddress? Destination(string rule) =>
        rule.Split(' ') is ["-d", var word, ..] && IPNetwork.TryParse(word, out IPNetwork network) && network.PrefixLength == 32 ? network.BaseAddress : null;
}
