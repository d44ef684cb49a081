using Overlay.Encap.Counters;
using Overlay.Encap.Devices;
using Overlay.Encap.Fairness;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Mtu;

namespace Overlay.Encap.Flow;

/// <summary>All packet loops and their threads: two for each worker, one a direction. Nothing is shared but the table, and which flows are in bulk.</summary>
/// <remarks>Started once, stopped once. The devices are the caller's, and outlive it.</remarks>
public sealed class DataPlane
{
    private readonly OutboundLoop[] _outbound;
    private readonly InboundLoop[] _inbound;
    private readonly IStopSignal _stop;
    private readonly Action _prepareThread;
    private readonly TaskCompletionSource<DataPlaneFault?> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Thread[] _threads = [];
    private int _running;
    private DataPlaneFault? _fault;

    /// <summary>Makes the loops and their memory; no thread runs yet.</summary>
    /// <param name="workers">The ends of each worker.</param>
    /// <param name="table">What packets are judged by.</param>
    /// <param name="mtu">MTU of the TUN device.</param>
    /// <param name="options">Sizes and switches.</param>
    /// <param name="stop">Ends the waits of all these ends.</param>
    /// <param name="prepareThread">Called first on each packet thread: scheduling.</param>
    public DataPlane(
        IReadOnlyList<WorkerEnds> workers, ForwardingTableRef table, TunMtu mtu, DataPlaneOptions options, IStopSignal stop, Action? prepareThread = null)
    {
        BulkFlows flows = new();
        _outbound = [.. workers.Select(w => new OutboundLoop(w.Tun, w.Sender, w.TunnelPort, table, flows, options))];
        _inbound = [.. workers.Select(w => new InboundLoop(w.Tun, w.Receiver, table, flows, mtu, options))];
        _stop = stop;
        _prepareThread = prepareThread ?? (static () => { });
    }

    /// <summary>Ends when the last thread has: with null when stopped, else with the fault that came first.</summary>
    public Task<DataPlaneFault?> Completion => _completion.Task;

    /// <summary>What went from the device to the network.</summary>
    public FlowSnapshot Outbound => FlowSnapshot.Sum(_outbound.Select(loop => loop.Counters.Snapshot()));

    /// <summary>What came from the network to the device.</summary>
    public FlowSnapshot Inbound => FlowSnapshot.Sum(_inbound.Select(loop => loop.Counters.Snapshot()));

    /// <summary>
    /// How often each loop has turned, under the name of its thread. A loop with nothing to do turns every few seconds, so one
    /// whose number stands still for longer hangs.
    /// </summary>
    public IEnumerable<(string Thread, long Turns)> Turns =>
    [
        .. _outbound.Select((loop, i) => (OutboundName(i), loop.Counters.Turns)),
        .. _inbound.Select((loop, i) => (InboundName(i), loop.Counters.Turns)),
    ];

    /// <summary>Starts all threads.</summary>
    public void Start()
    {
        _threads =
        [
            .. _outbound.Select((loop, i) => NewThread(OutboundName(i), loop.Run)),
            .. _inbound.Select((loop, i) => NewThread(InboundName(i), loop.Run)),
        ];
        _running = _threads.Length;
        foreach (Thread thread in _threads) thread.Start();
    }

    /// <summary>Stops all threads and waits for them.</summary>
    public void Stop()
    {
        _stop.Trigger();
        foreach (Thread thread in _threads) thread.Join();
    }

    private static string OutboundName(int worker) => $"outbound-{worker}";

    private static string InboundName(int worker) => $"inbound-{worker}";

    private Thread NewThread(string name, Func<IoResult> loop) => new(() => Guard(name, loop)) { Name = name, IsBackground = true };

    private void Guard(string name, Func<IoResult> loop)
    {
        try
        {
            _prepareThread();
            IoResult result = loop();
            if (result.Status != IoStatus.Ok) Fail(new DataPlaneFault(name, result.Errno, null));
            // A wait has one way to say no, so a poll that failed (ENOMEM) ends a loop as a stop does. Left alone, one direction would be dead for good.
            else if (!_stop.IsTriggered) Fail(new DataPlaneFault(name, 0, new IOException("the wait for packets failed")));
        }
#pragma warning disable CA1031 // whatever it is, the plane has to stop in order and the process has to end with it
        catch (Exception e)
#pragma warning restore CA1031
        {
            Fail(new DataPlaneFault(name, 0, e));
        }
        if (Interlocked.Decrement(ref _running) == 0) _completion.TrySetResult(_fault);
    }

    // The first fault wins; the others follow from it.
    private void Fail(DataPlaneFault fault)
    {
        Interlocked.CompareExchange(ref _fault, fault, null);
        _stop.Trigger();
    }
}
