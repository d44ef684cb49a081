using System.Net;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Startup;
using Overlay.Agent.Telemetry;
using Overlay.Encap.Flow;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Linux;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;

namespace Overlay.Agent.Tunnel;

/// <summary>
/// The overlay on this host: the TUN device with address, MTU and route, the sockets of the underlay, and the packet loops
/// between them. All of it goes when this is disposed.
/// </summary>
/// <remarks>Used by one caller at a time.</remarks>
internal sealed class OverlayDevice : IDisposable
{
    private const int TxQueueLength = 500;

    /// <summary>
    /// As large as containers' super-packets come: the kernel cuts what it forwards into single packets where it exceeds the device's
    /// limit. That the headers of the segments then do not fit into one send of 65,507 bytes costs a second one, of a few segments.
    /// </summary>
    private const int GsoMaxSize = 65_536;

    private static readonly string ProbeName = $"ovl{Environment.ProcessId}";

    private readonly RouteNetlink _netlink;
    private readonly ShutdownSignal _signal = new();
    private readonly List<IDisposable> _sockets = [];
    private readonly IPNetwork _network;
    private readonly int _linkIndex;
    private readonly TunDevice _tun;
    private IPNetwork _subnet;

    private OverlayDevice(OverlaySettings settings, IPNetwork subnet, ForwardingTableRef table, RouteNetlink netlink)
    {
        _netlink = netlink;
        _network = settings.Network;
        _subnet = subnet;
        try
        {
            Offloads = OffloadPlan.Decide(settings.DataPath, KernelFeatures.Probe());
            _tun = TunDevice.Open(settings.Device, settings.DataPath.Workers, Offloads.SuperPackets, _signal);
            DataPlaneOptions options = new()
            {
                SegmentsSends = Offloads.SegmentsSends,
                JoinsTcp = Offloads.SuperPackets,
                JoinsUdp = _tun.TakesUdpSegments,
            };
            WorkerEnds[] workers = [.. _tun.Queues.Select(queue => OpenWorker(queue, settings, options))];
            _linkIndex = netlink.Link(settings.Device)?.Index ?? throw new CannotStartException($"{settings.Device} vanished while it was being set up");
            Plane = new DataPlane(workers, table, settings.Mtu, options, _signal, PacketThread.Prepare);
            Plane.Start();
            DisableIPv6(settings.Device);
            netlink.SetLink(_linkIndex, settings.Mtu.Bytes, up: true, TxQueueLength, GsoMaxSize);
            SetAddress();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The packet loops.</summary>
    public DataPlane Plane { get; }

    /// <summary>Which offloads are in use.</summary>
    public OffloadPlan Offloads { get; }

    /// <summary>
    /// Looks whether this host can carry the overlay, before anything is written to etcd: the UDP port is free, and a TUN device can be made.
    /// Leaves nothing behind.
    /// </summary>
    /// <returns>The kernel vxlan device of the same name that <see cref="Open"/> is to replace (flanneld leaves one when it ends), or null.</returns>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    /// <exception cref="CannotStartException">The device's name belongs to an interface of another kind.</exception>
    public static LinkInfo? CheckHost(OverlaySettings settings, RouteNetlink netlink)
    {
        LinkInfo? standing = netlink.Link(settings.Device);
        if (standing is { Kind: not ("vxlan" or "tun") })
            throw new CannotStartException($"{settings.Device} exists and is no VXLAN device ({standing.Kind ?? "a plain interface"}): remove it, or choose --device");
        LinkInfo? replaced = standing is { Kind: "vxlan" } ? standing : null;
        using ShutdownSignal signal = new();
        if (replaced?.VxlanPort != settings.Port) UdpReceiver.Open(settings.ListenAddress, settings.Port, shared: false, joins: false, signal).Dispose();
        TunDevice.Open(replaced is null ? settings.Device : ProbeName, queues: 1, segments: false, signal).Dispose();
        return replaced;
    }

    /// <summary>Sets everything up and starts to forward.</summary>
    /// <param name="settings">What to set up.</param>
    /// <param name="subnet">This node's lease.</param>
    /// <param name="table">What packets are judged by.</param>
    /// <param name="netlink">Stays with the caller, and open for as long as the device is.</param>
    /// <param name="replaced">What <see cref="CheckHost"/> returned.</param>
    /// <param name="log">Says what was done.</param>
    /// <exception cref="LinuxException">The kernel refuses something; what was made is removed again.</exception>
    public static OverlayDevice Open(
        OverlaySettings settings, IPNetwork subnet, ForwardingTableRef table, RouteNetlink netlink, LinkInfo? replaced, ILogger log)
    {
        if (replaced is not null)
        {
            log.KernelDeviceReplaced(settings.Device, replaced.Mac);
            netlink.DeleteLink(replaced.Index);
        }
        OverlayDevice device = new(settings, subnet, table, netlink);
        if (device.Offloads.Reason is { } reason) log.OffloadWithheld(reason);
        log.OffloadsChosen(device.Offloads.Describe(device._tun.TakesUdpSegments), settings.DataPath.Workers);
        log.DeviceUp(settings.Device, subnet.BaseAddress, settings.Mtu.Bytes, settings.Network, settings.ListenAddress, settings.Port, settings.Vni);
        return device;
    }

    /// <summary>Waits until the packet loops end.</summary>
    /// <exception cref="DeviceLostException">They ended by themselves.</exception>
    public async Task WatchAsync(CancellationToken stop)
    {
        if (await Plane.Completion.WaitAsync(stop).ConfigureAwait(false) is { } fault) throw new DeviceLostException(fault);
    }

    /// <summary>Takes another subnet's address in place of the present one.</summary>
    public void Move(IPNetwork subnet)
    {
        IPNetwork old = _subnet;
        _subnet = subnet;
        SetAddress();
        _netlink.DeleteAddress(_linkIndex, old.BaseAddress, 32);
    }

    /// <summary>Stops forwarding, closes the sockets and removes the device.</summary>
    public void Dispose()
    {
        Plane?.Stop();
        _sockets.ForEach(socket => socket.Dispose());
        _tun?.Dispose();
        _signal.Dispose();
    }

    // Nothing but IPv4 passes, so the kernel need not look for IPv6 routers there. A host without IPv6 has no such file.
    private static void DisableIPv6(string device)
    {
        try
        {
            File.WriteAllText($"/proc/sys/net/ipv6/conf/{device}/disable_ipv6", "1");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Only a few packets are dropped and counted for it.
        }
    }

    private void SetAddress()
    {
        _netlink.ReplaceAddress(_linkIndex, _subnet.BaseAddress, 32);
        _netlink.ReplaceRoute(_network, _linkIndex, _subnet.BaseAddress);
    }

    private WorkerEnds OpenWorker(TunQueue queue, OverlaySettings settings, DataPlaneOptions options)
    {
        UdpReceiver receiver = UdpReceiver.Open(settings.ListenAddress, settings.Port, settings.DataPath.Workers > 1, Offloads.JoinsReceives, _signal);
        _sockets.Add(receiver);
        UdpSender sender = UdpSender.Open(settings.ListenAddress, settings.Port, options.Lanes, _signal);
        _sockets.Add(sender);
        return new WorkerEnds(queue, receiver, sender);
    }
}
