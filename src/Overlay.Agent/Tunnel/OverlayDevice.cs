using System.Net;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Startup;
using Overlay.Agent.Telemetry;
using Overlay.Agent.Tunnel.Segmentation;
using Overlay.Encap.Counters;
using Overlay.Encap.Flow;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Linux;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;
using Overlay.Encap.Mtu;

namespace Overlay.Agent.Tunnel;

/// <summary>
/// The overlay on this host: the TUN device with address, MTU and route, the sockets of the underlay, and the packet loops
/// between them. What somebody else breaks of it is found by <see cref="Inspect"/> and made anew in place. All of it goes when this is disposed.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class OverlayDevice : IDisposable
{
    private static readonly string ProbeName = $"ovl{Environment.ProcessId}";

    private readonly Lock _gate = new();
    private readonly RouteNetlink _netlink;
    private readonly ILogger _log;
    private readonly PacketEngine _engine;
    private readonly TunnelSegmentation _segmentation;
    private readonly ShutdownSignal _idle = new();
    private volatile TaskCompletionSource _unfinished = NewSignal();
    private TunDevice? _tun;
    private OverlayLink? _link;
    private IPNetwork _subnet;

    private OverlayDevice(OverlaySettings settings, IPNetwork subnet, ForwardingTableRef table, RouteNetlink netlink, ILogger log)
    {
        (_netlink, _log, _subnet, Settings) = (netlink, log, subnet, settings);
        Offloads = OffloadPlan.Decide(settings.DataPath, KernelFeatures.Probe());
        _engine = new PacketEngine(table, settings.DataPath, Offloads);
        _segmentation = new TunnelSegmentation(Offloads.Tunnel, netlink);
        try
        {
            Build();
            foreach (Flaw flaw in Flaws()) flaw.Mend();
            FollowCard();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What the overlay is to be now.</summary>
    public OverlaySettings Settings { get; private set; }

    /// <summary>Which offloads are in use.</summary>
    public OffloadPlan Offloads { get; }

    /// <summary>What went from the device to the network, since the start.</summary>
    public FlowSnapshot Outbound => _engine.Outbound;

    /// <summary>What came from the network to the device, since the start.</summary>
    public FlowSnapshot Inbound => _engine.Inbound;

    /// <inheritdoc cref="PacketEngine.Turns"/>
    public IEnumerable<(string Thread, long Turns)> Turns => _engine.Turns;

    /// <summary>Ends when the packet loops that run now do: time for an inspection.</summary>
    public Task Ended => _engine.Ended;

    /// <summary>Ends when a change could not be carried out: time for an inspection.</summary>
    public Task Unfinished => _unfinished.Task;

    /// <summary>
    /// Looks whether this host can carry the overlay, before anything is written to etcd: the UDP port is free, and a TUN device can be made.
    /// Leaves nothing behind.
    /// </summary>
    /// <returns>The kernel vxlan device of the same name that <see cref="Open"/> is to replace (flanneld leaves one when it ends), or null.</returns>
    /// <exception cref="LinuxException">The kernel refuses.</exception>
    /// <exception cref="CannotStartException">The device's name belongs to an interface of another kind, or the port to somebody else.</exception>
    public static LinkInfo? CheckHost(OverlaySettings settings, RouteNetlink netlink)
    {
        LinkInfo? standing = netlink.Link(settings.Device);
        if (standing is { Kind: not ("vxlan" or "tun") })
            throw new CannotStartException($"{settings.Device} exists and is no VXLAN device ({standing.Kind ?? "a plain interface"}): remove it, or choose --device");
        LinkInfo? replaced = standing is { Kind: "vxlan" } ? standing : null;
        using ShutdownSignal signal = new();
        if (replaced?.VxlanPort != settings.Port) CheckPort(settings, netlink, signal);
        TunDevice.Open(replaced is null ? settings.Device : ProbeName, queues: 1, segments: false, signal).Dispose();
        return replaced;
    }

    /// <summary>Sets everything up and starts to forward.</summary>
    /// <param name="settings">What to set up.</param>
    /// <param name="subnet">This node's lease.</param>
    /// <param name="table">What packets are judged by.</param>
    /// <param name="netlink">Stays with the caller, open for as long as the device is, and is used by nobody else meanwhile.</param>
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
        OverlayDevice device = new(settings, subnet, table, netlink, log);
        if (device.Offloads.Reason is { } reason) log.OffloadWithheld(reason);
        log.OffloadsChosen(device.Offloads.Describe(device._tun!.TakesUdpSegments), settings.DataPath.Workers);
        log.DeviceUp(settings.Device, subnet.BaseAddress, settings.Mtu.Bytes, settings.Network, settings.ListenAddress, settings.Port, settings.Vni);
        return device;
    }

    /// <summary>Finds what is not as it should be, each flaw before the next is looked for.</summary>
    /// <param name="found">Mends it, or leaves it for another time.</param>
    /// <exception cref="DeviceLostException">The packet loops ended by a defect of this program: making them anew would hide it.</exception>
    /// <exception cref="LinuxException">The kernel refuses to be asked.</exception>
    public void Inspect(Action<Flaw> found)
    {
        lock (_gate)
        {
            if (_unfinished.Task.IsCompleted) _unfinished = NewSignal();
            foreach (Flaw flaw in Flaws()) found(flaw);
            FollowCard();
        }
    }

    /// <summary>Takes another subnet's address in place of the present one. What cannot be done is left for the next inspection.</summary>
    public void Move(IPNetwork subnet) => Change(() => _subnet = subnet);

    /// <summary>Takes another MTU. Packets wait meanwhile.</summary>
    public void Resize(TunMtu mtu) => Change(() =>
    {
        Settings = Settings with { Mtu = mtu };
        if (_tun is null || !_engine.IsRunning) return;
        _engine.Halt();
        _engine.Start(_tun, mtu, _segmentation.Port);
    });

    /// <summary>Binds the sockets to another address; packets of the TUN device wait meanwhile.</summary>
    public void Rebind(IPAddress address) => Change(() => Settings = Settings with { ListenAddress = address });

    /// <summary>Stops forwarding, closes the sockets and removes the device.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            _engine.Dispose();
            _segmentation.Dispose();
            _tun?.Dispose();
            _idle.Dispose();
        }
    }

    private static void CheckPort(OverlaySettings settings, RouteNetlink netlink, ShutdownSignal signal)
    {
        try
        {
            foreach (UdpReceiver receiver in UdpReceiver.Open(settings.ListenAddress, settings.Port, workers: 1, joins: false, signal)) receiver.Dispose();
        }
        catch (LinuxException e) when (e.Errno == Errno.EADDRINUSE && PortOwner.Find(settings.Port, netlink) is { } owner)
        {
            throw new CannotStartException($"cannot bind UDP {settings.ListenAddress}:{settings.Port}: {owner} has the port; stop it, or choose another Port in etcd for all nodes", e);
        }
    }

    private void Change(Action change)
    {
        lock (_gate)
        {
            change();
            try
            {
                foreach (Flaw flaw in Flaws()) flaw.Mend();
                FollowCard();
            }
            catch (Exception e) when (e is LinuxException or CannotStartException)
            {
                _unfinished.TrySetResult();   // found again by the next inspection, which says so and tries again
            }
        }
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private IEnumerable<Flaw> Flaws()
    {
        DataPlaneFault? fault = _engine.Ended.IsCompletedSuccessfully ? _engine.Ended.Result : null;
        if (fault?.Exception is not null) throw new DeviceLostException(fault);
        if (fault is not null) _engine.Halt();

        if (_link is null || !_link.Exists())
        {
            yield return new Flaw("device", "it was deleted or moved to another network namespace", Build);
            if (_link is null || !_link.Exists()) yield break;
        }
        if (!_engine.IsRunning) yield return new Flaw("sockets", $"its packet loops ended ({(Errno)(fault?.Errno ?? 0)})", Bind);
        else if (!Settings.ListenAddress.Equals(_engine.ListenAddress)) yield return new Flaw("sockets", $"its sockets are bound to {_engine.ListenAddress}, not {Settings.ListenAddress}", Bind);
        foreach (Flaw flaw in _link.Flaws(Settings, _subnet)) yield return flaw;
    }

    // Sockets are kept where there are any: what peers send meanwhile waits in them.
    private void Build()
    {
        _engine.Halt();
        _tun?.Dispose();
        (_tun, _link) = (null, null);
        if (_engine.ListenAddress is null) _engine.Bind(Settings.ListenAddress, Settings.Port);
        _tun = TunDevice.Open(Settings.Device, Settings.DataPath.Workers, Offloads.SuperPackets, _idle);
        _engine.Start(_tun, Settings.Mtu, _segmentation.Port);
        _link = OverlayLink.BringUp(_netlink, Settings);
    }

    private void Bind()
    {
        _engine.Halt();
        _engine.Bind(Settings.ListenAddress, Settings.Port);
        _engine.Start(_tun!, Settings.Mtu, _segmentation.Port);
    }

    // No flaw: whoever changes a network card need not hear that something was mended.
    private void FollowCard()
    {
        if (_tun is null || !_engine.IsRunning || !_segmentation.IsOutdated(Settings)) return;
        string before = _segmentation.State;
        _engine.Halt();
        _segmentation.Renew(Settings);
        _engine.Start(_tun, Settings.Mtu, _segmentation.Port);
        if (_segmentation.State != before) _log.TunnelSegmentationIs(_segmentation.State);
    }
}
