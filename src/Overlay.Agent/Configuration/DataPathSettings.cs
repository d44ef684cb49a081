using Overlay.Encap.Forwarding;

namespace Overlay.Agent.Configuration;

/// <summary>The TUN device, the filter and the offloads.</summary>
public sealed record DataPathSettings
{
    /// <summary>Name of the TUN device, 1 to 15 bytes (<c>--device</c>). Defaults to null: <c>flannel.&lt;VNI&gt;</c>, once the VNI is known.</summary>
    public string? Device { get; init; }

    /// <summary>Which inner sources are taken from a peer (<c>--source-check</c>). Defaults to <see cref="SourceCheck.Strict"/>.</summary>
    public SourceCheck SourceCheck { get; init; }

    /// <summary>UDP_SEGMENT on send (<c>--offload-gso</c>). Defaults to <see cref="OffloadMode.Auto"/>.</summary>
    public OffloadMode Gso { get; init; }

    /// <summary>UDP_GRO on receive (<c>--offload-gro</c>). Defaults to <see cref="OffloadMode.Auto"/>.</summary>
    public OffloadMode Gro { get; init; }

    /// <summary>Segmentation offload on the TUN device (<c>--offload-tso</c>). Defaults to <see cref="OffloadMode.Auto"/>.</summary>
    public OffloadMode Tso { get; init; }

    /// <summary>Super-packets leave whole, for the network card to cut (<c>--offload-tunnel-gso</c>). Defaults to <see cref="OffloadMode.Auto"/>.</summary>
    public OffloadMode TunnelGso { get; init; }

    /// <summary>
    /// Workers, each with a TUN queue, sockets and a thread for each direction (<c>--workers</c>), 1 to 64. Defaults to half the
    /// processors: a worker keeps two busy.
    /// </summary>
    public int Workers { get; init; } = Math.Clamp(Environment.ProcessorCount / 2, 1, 8);

    /// <summary>
    /// How long a packet thread looks for the next packet before it sleeps (<c>--spin</c>), at most 1 ms; zero: not at all. Defaults to
    /// 300 µs: some two wake-ups of a virtual machine, less does not bridge one (<c>bench/README.md</c>).
    /// </summary>
    public TimeSpan Spin { get; init; } = TimeSpan.FromMicroseconds(300);
}
