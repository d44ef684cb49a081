namespace Overlay.Agent.Configuration;

/// <summary>The rules and routes around the overlay.</summary>
public sealed record FirewallSettings
{
    /// <summary>Masquerade what leaves the overlay; also the value of FLANNEL_IPMASQ (<c>--ip-masq</c>). Defaults to false.</summary>
    public bool Masquerade { get; init; }

    /// <summary>Use <c>--random-fully</c> where iptables has it (not <c>--ip-masq-fully-random-disable</c>). Defaults to true.</summary>
    public bool FullyRandom { get; init; } = true;

    /// <summary>Accept overlay traffic in FORWARD (<c>--iptables-forward-rules</c>). Defaults to true.</summary>
    public bool ForwardRules { get; init; } = true;

    /// <summary>Time within which rules that somebody flushes are back, whole seconds: they are looked at a little more often (<c>--iptables-resync</c>). Defaults to 5 s.</summary>
    public TimeSpan Resync { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Keep a blackhole route for the own subnet (<c>--ip-blackhole-route</c>). Defaults to false.</summary>
    public bool BlackholeRoute { get; init; }
}
