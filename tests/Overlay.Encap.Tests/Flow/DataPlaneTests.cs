using Overlay.Encap.Buffers;
using Overlay.Encap.Devices;
using Overlay.Encap.Flow;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Mtu;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Flow;

public sealed class DataPlaneTests
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    private readonly FakeStopSignal _stop = new();
    private readonly List<FakeTun> _tuns = [];
    private readonly List<FakeUnderlay> _underlays = [];

    private DataPlane Plane(int workers = 2, Action? prepareThread = null)
    {
        FakeNetwork network = new();
        List<WorkerEnds> ends = [];
        for (int i = 0; i < workers; i++)
        {
            _tuns.Add(new FakeTun(_stop));
            _underlays.Add(network.Attach(Nodes.Endpoint(1 + i), _stop));
            ends.Add(new WorkerEnds(_tuns[i], _underlays[i], _underlays[i]));
        }
        return new DataPlane(ends, new ForwardingTableRef(Nodes.Table(1)), new TunMtu(1450), new DataPlaneOptions { InboundBuffers = 4 }, _stop, prepareThread);
    }

    [Fact]
    public async Task Stopped_it_ends_without_a_fault()
    {
        DataPlane plane = Plane();
        plane.Start();
        Assert.False(plane.Completion.IsCompleted);
        plane.Stop();
        Assert.Null(await plane.Completion.WaitAsync(Deadline, TestContext.Current.CancellationToken));
        plane.Stop();   // and once more does no harm
    }

    [Fact]
    public void No_thread_runs_before_the_start_and_none_after_the_stop()
    {
        int prepared = 0;
        DataPlane plane = Plane(prepareThread: () => Interlocked.Increment(ref prepared));
        _tuns[0].Send(Packet.Udp(Nodes.Address(1, 2), Nodes.Address(2, 2), [1]));
        Assert.Equal((0, 1), (prepared, _tuns[0].Unread));
        plane.Start();
        Assert.True(SpinWait.SpinUntil(() => plane.Outbound.Delivered == 1, Deadline));
        plane.Stop();
        Assert.Equal(4, prepared);   // a thread for each direction of each worker
        _tuns[0].Send(Packet.Udp(Nodes.Address(1, 2), Nodes.Address(2, 2), [1]));
        Assert.Equal((1, 1L), (_tuns[0].Unread, plane.Outbound.Received));
    }

    [Fact]
    public void K19_a_loop_that_hangs_stands_still_in_the_turns_and_the_others_go_on()
    {
        using ManualResetEventSlim gate = new();
        DataPlane plane = Plane();
        plane.Start();
        _tuns[0].OnRead = () => gate.Wait(CancellationToken.None);
        _tuns[0].Send(Packet.Udp(Nodes.Address(1, 2), Nodes.Address(2, 2), [1]));
        Assert.True(SpinWait.SpinUntil(() => Turns("outbound-0") == 1, Deadline));
        // One turn may read several packets, so how many it takes is not known.
        Assert.True(SpinWait.SpinUntil(() =>
        {
            if (_tuns[1].Unread == 0) _tuns[1].Send(Packet.Udp(Nodes.Address(1, 2), Nodes.Address(2, 2), [1]));
            return Turns("outbound-1") >= 3;
        }, Deadline));
        Assert.Equal(1, Turns("outbound-0"));
        Assert.Equal(["inbound-0", "inbound-1", "outbound-0", "outbound-1"], plane.Turns.Select(loop => loop.Thread).Order());
        gate.Set();
        plane.Stop();

        long Turns(string thread) => plane.Turns.Single(loop => loop.Thread == thread).Turns;
    }

    [Fact]
    public async Task The_first_fault_wins_and_stops_every_loop()
    {
        DataPlane plane = Plane();
        plane.Start();
        _tuns[1].Break(77);
        Assert.Equal(new DataPlaneFault("outbound-1", 77, null), await plane.Completion.WaitAsync(Deadline, TestContext.Current.CancellationToken));
        Assert.True(_stop.IsTriggered);
        plane.Stop();
    }

    [Fact]
    public async Task Of_many_faults_exactly_one_is_kept()
    {
        DataPlane plane = Plane();
        for (int i = 0; i < 2; i++)
        {
            _tuns[i].Break(100 + i);
            _underlays[i].ReceiveFault = new IoResult(IoStatus.Fatal, 0, 200 + i);
            _underlays[i].Inject([1], 1);
        }
        plane.Start();
        DataPlaneFault? fault = await plane.Completion.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        Assert.NotNull(fault);
        Assert.Equal(fault.Thread switch { "outbound-0" => 100, "outbound-1" => 101, "inbound-0" => 200, _ => 201 }, fault.Errno);
        plane.Stop();
    }

    [Fact]
    public async Task A_loop_that_ends_without_having_been_stopped_is_a_fault()
    {
        FakeUnderlay underlay = new FakeNetwork().Attach(Nodes.Endpoint(1), _stop);
        DataPlane plane = new(
            [new WorkerEnds(new BrokenWait(), underlay, underlay)], new ForwardingTableRef(Nodes.Table(1)), new TunMtu(1450), new DataPlaneOptions { InboundBuffers = 4 }, _stop);
        plane.Start();
        DataPlaneFault? fault = await plane.Completion.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        Assert.Equal(("outbound-0", 0, "the wait for packets failed"), (fault?.Thread, fault?.Errno, fault?.Exception?.Message));
        Assert.True(_stop.IsTriggered);
        plane.Stop();
    }

    // A TUN queue whose poll fails at once.
    private sealed class BrokenWait : ITunQueue
    {
        public bool WaitReadable() => false;

        public IoResult Read(Span<byte> destination) => throw new InvalidOperationException("read without a packet");

        public IoResult Write(PacketArena arena, ReadOnlySpan<Slice> pieces, bool isBulk) => IoResult.Done(0);
    }

    [Fact]
    public async Task An_exception_in_a_loop_is_a_fault_too()
    {
        DataPlane plane = Plane();
        _tuns[0].OnRead = () => throw new InvalidOperationException("broken");
        plane.Start();
        _tuns[0].Send([1]);
        DataPlaneFault? fault = await plane.Completion.WaitAsync(Deadline, TestContext.Current.CancellationToken);
        Assert.Equal(("outbound-0", 0, "broken"), (fault?.Thread, fault?.Errno, fault?.Exception?.Message));
        plane.Stop();
    }
}
