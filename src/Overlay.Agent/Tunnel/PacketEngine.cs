using System.Net;
using Overlay.Agent.Configuration;
using Overlay.Encap.Counters;
using Overlay.Encap.Devices;
using Overlay.Encap.Flow;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Linux;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Threads;
using Overlay.Encap.Mtu;

namespace Overlay.Agent.Tunnel;

/// <summary>
/// The packet loops and the sockets of the underlay, through any number of interruptions: loops end and others begin on the same device or
/// another, on the same sockets or others. Packets wait in the kernel meanwhile, and the counts go on.
/// </summary>
/// <remarks>Used by one caller at a time, but for the counts, which anybody may read.</remarks>
internal sealed class PacketEngine : IDisposable
{
    private static readonly Task<DataPlaneFault?> Never = new TaskCompletionSource<DataPlaneFault?>().Task;

    private readonly ForwardingTableRef _table;
    private readonly DataPathSettings _flags;
    private readonly OffloadPlan _offloads;
    private readonly DataPlaneOptions _options;
    private UdpReceiver[] _receivers = [];
    private UdpSender[] _senders = [];
    private ShutdownSignal _signal = new();
    private Run _run;

    /// <summary>Makes an engine without sockets that stands still.</summary>
    public PacketEngine(ForwardingTableRef table, DataPathSettings flags, OffloadPlan offloads)
    {
        (_table, _flags, _offloads) = (table, flags, offloads);
        _options = new DataPlaneOptions { SegmentsSends = offloads.SegmentsSends, JoinsTcp = offloads.SuperPackets };
        FlowSnapshot nothing = new FlowCounters().Snapshot();
        _run = new Run(nothing, nothing, null);
    }

    /// <summary>What went from the device to the network, since the engine was made.</summary>
    public FlowSnapshot Outbound => Volatile.Read(ref _run).Outbound;

    /// <summary>What came from the network to the device, since the engine was made.</summary>
    public FlowSnapshot Inbound => Volatile.Read(ref _run).Inbound;

    /// <summary>How often each loop that runs now has turned, under the name of its thread; empty while the engine stands still.</summary>
    public IEnumerable<(string Thread, long Turns)> Turns => Volatile.Read(ref _run).Plane?.Turns ?? [];

    /// <summary>What the sockets are bound to; null where there are none.</summary>
    public IPAddress? ListenAddress { get; private set; }

    /// <summary>Whether loops run, or have ended by themselves.</summary>
    public bool IsRunning => _run.Plane is not null;

    /// <summary>Ends when the loops that run now end: with a fault where it was by themselves. Never ends while the engine stands still.</summary>
    public Task<DataPlaneFault?> Ended => Volatile.Read(ref _run).Plane?.Completion ?? Never;

    /// <summary>Opens sockets in place of those there are; loops must not run.</summary>
    /// <exception cref="LinuxException">The kernel refuses; the engine has no sockets then.</exception>
    public void Bind(IPAddress address, int port)
    {
        CloseSockets();
        try
        {
            _receivers = UdpReceiver.Open(address, port, _flags.Workers, _offloads.JoinsReceives, _signal);
            while (_senders.Length < _flags.Workers) _senders = [.. _senders, UdpSender.Open(address, port, 2 * _options.Lanes, _signal)];
        }
        catch
        {
            CloseSockets();
            throw;
        }
        ListenAddress = address;
    }

    /// <summary>Starts loops between the device and the sockets.</summary>
    /// <param name="tun">The device.</param>
    /// <param name="mtu">Its MTU.</param>
    /// <param name="port">Where super-packets leave whole; null for nowhere. In use until <see cref="Halt"/>.</param>
    public void Start(TunDevice tun, TunMtu mtu, ITunnelPort? port)
    {
        _signal.Dispose();
        _signal = new ShutdownSignal();
        SpinBudget spin = new(_flags.Spin);
        tun.Rearm(_signal, spin);
        foreach (UdpReceiver receiver in _receivers) receiver.Rearm(_signal, spin);
        foreach (UdpSender sender in _senders) sender.Rearm(_signal);
        WorkerEnds[] workers = [.. tun.Queues.Select((queue, i) => new WorkerEnds(queue, _receivers[i], _senders[i], port))];
        DataPlane plane = new(workers, _table, mtu, _options with { JoinsUdp = tun.TakesUdpSegments }, _signal, PacketThread.Prepare);
        plane.Start();
        Volatile.Write(ref _run, new Run(_run.Outbound, _run.Inbound, plane));
    }

    /// <summary>Ends the loops and waits for their threads. Nothing happens where none run.</summary>
    public void Halt()
    {
        if (_run.Plane is not { } plane) return;
        plane.Stop();
        Volatile.Write(ref _run, new Run(_run.Outbound, _run.Inbound, null));
    }

    /// <summary>Ends the loops and closes the sockets.</summary>
    public void Dispose()
    {
        Halt();
        CloseSockets();
        _signal.Dispose();
    }

    private void CloseSockets()
    {
        foreach (UdpReceiver receiver in _receivers) receiver.Dispose();
        foreach (UdpSender sender in _senders) sender.Dispose();
        (_receivers, _senders, ListenAddress) = ([], [], null);
    }

    // What earlier loops have counted, and the loops that count now: replaced whole, so that no reader sees counts go backwards.
    private sealed class Run(FlowSnapshot outboundBefore, FlowSnapshot inboundBefore, DataPlane? plane)
    {
        public DataPlane? Plane => plane;

        public FlowSnapshot Outbound => plane is null ? outboundBefore : FlowSnapshot.Sum([outboundBefore, plane.Outbound]);

        public FlowSnapshot Inbound => plane is null ? inboundBefore : FlowSnapshot.Sum([inboundBefore, plane.Inbound]);
    }
}
