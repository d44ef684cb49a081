using System.Globalization;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Encap.Linux;

/// <summary>What the running kernel can do for the data path. Asked once, at start; what a device behind a route cannot do shows when it is used.</summary>
/// <param name="Release">The kernel's version, as uname says it.</param>
/// <param name="SegmentsSends">UDP_SEGMENT is known (Linux 4.18).</param>
/// <param name="JoinsReceives">UDP_GRO is known (Linux 5.0).</param>
public sealed record KernelFeatures(Version Release, bool SegmentsSends, bool JoinsReceives)
{
    // Segmented UDP sends come out damaged on some devices (tailscale issues 19777, 19918, 21335).
    private static readonly Version FirstDamaging = new(7, 0), FirstMended = new(7, 1, 5);

    private static readonly Version FirstWithTunnels = new(6, 17);

    /// <summary>Whether this kernel is one of those that damage segmented sends in silence (FAULTS G6).</summary>
    public bool DamagesSegmentedSends => Release >= FirstDamaging && Release < FirstMended;

    /// <summary>Whether a TAP device takes tunnel packets to be segmented behind it. To know it for certain takes one to try.</summary>
    public bool TakesTunnelPackets => Release >= FirstWithTunnels;

    /// <summary>Asks the kernel.</summary>
    /// <exception cref="LinuxException">No UDP socket is to be had.</exception>
    public static KernelFeatures Probe()
    {
        using FileDescriptor socket = UnderlaySocket.Create(sends: true);
        return new KernelFeatures(
            ReleaseOf(Environment.OSVersion.Version),
            Syscall.SetSockOpt(socket, UdpAbi.SOL_UDP, UdpAbi.UDP_SEGMENT, 0) >= 0,
            Syscall.SetSockOpt(socket, UdpAbi.SOL_UDP, UdpAbi.UDP_GRO, 1) >= 0);
    }

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"Linux {Release}");

    private static Version ReleaseOf(Version version) => new(version.Major, version.Minor, Math.Max(0, version.Build));
}
