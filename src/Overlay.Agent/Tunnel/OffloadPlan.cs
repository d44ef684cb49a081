using Overlay.Agent.Configuration;
using Overlay.Agent.Startup;
using Overlay.Encap.Linux;

namespace Overlay.Agent.Tunnel;

/// <summary>Which offloads are used: what the flags ask for, held against what the kernel has.</summary>
/// <param name="SegmentsSends">Many datagrams leave in one send (UDP_SEGMENT).</param>
/// <param name="JoinsReceives">Many datagrams arrive in one buffer (UDP_GRO).</param>
/// <param name="SuperPackets">The TUN device exchanges super-packets.</param>
/// <param name="Tunnel">Whether they may leave whole; the host decides where and when (<see cref="Segmentation.TunnelSegmentation"/>).</param>
/// <param name="Reason">What was decided against the kernel's word, for the log; null for nothing.</param>
internal sealed record OffloadPlan(bool SegmentsSends, bool JoinsReceives, bool SuperPackets, OffloadMode Tunnel, string? Reason)
{
    /// <summary>Decides.</summary>
    /// <exception cref="CannotStartException">A flag says "on" to what the kernel lacks.</exception>
    public static OffloadPlan Decide(DataPathSettings flags, KernelFeatures kernel)
    {
        bool distrusts = flags.Gso == OffloadMode.Auto && kernel.DamagesSegmentedSends;
        return new OffloadPlan(
            Use(flags.Gso, kernel.SegmentsSends, "--offload-gso", "UDP_SEGMENT (Linux 4.18)", kernel) && !distrusts,
            Use(flags.Gro, kernel.JoinsReceives, "--offload-gro", "UDP_GRO (Linux 5.0)", kernel),
            flags.Tso != OffloadMode.Off,
            flags.Tso != OffloadMode.Off && Use(flags.TunnelGso, kernel.TakesTunnelPackets, "--offload-tunnel-gso", "TUN_F_UDP_TUNNEL_GSO (Linux 6.17)", kernel)
                ? flags.TunnelGso : OffloadMode.Off,
            distrusts ? $"{kernel} is known to damage segmented UDP sends, so they are off; --offload-gso=on insists" : null);
    }

    /// <summary>In words.</summary>
    /// <param name="takesUdp">Whether the TUN device took UDP super-packets too.</param>
    public string Describe(bool takesUdp) =>
        $"segmented sends {Word(SegmentsSends)}, joined receives {Word(JoinsReceives)}, super-packets {(SuperPackets ? takesUdp ? "TCP and UDP" : "TCP" : "off")}";

    private static bool Use(OffloadMode mode, bool has, string flag, string feature, KernelFeatures kernel) => mode switch
    {
        OffloadMode.Off => false,
        OffloadMode.On when !has => throw new CannotStartException($"{flag}=on: {kernel} lacks {feature}; use auto or off"),
        _ => has,
    };

    private static string Word(bool isOn) => isOn ? "on" : "off";
}
