using Overlay.Encap.Counters;
using Overlay.Encap.Devices;
using Overlay.Encap.Fairness;
using Overlay.Encap.Flow;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Mtu;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Flow;

/// <summary>Both loops of one node over fakes, turned by hand. Every turn is held to <c>received = delivered + drops</c>.</summary>
internal sealed class NodeUnderTest
{
    public NodeUnderTest(
        int node = 1, int nodes = 3, SourceCheck check = SourceCheck.Strict, DataPlaneOptions? options = null, FakeNetwork? network = null, int mtu = 1450,
        ITunnelPort? port = null)
    {
        options ??= new DataPlaneOptions();
        Stop = new FakeStopSignal();
        Tun = new FakeTun(Stop);
        Underlay = (network ?? new FakeNetwork()).Attach(Nodes.Endpoint(node), Stop);
        Table = new ForwardingTableRef(Nodes.Table(node, nodes, check));
        BulkFlows flows = new();
        Outbound = new OutboundLoop(Tun, Underlay, port, Table, flows, options);
        Inbound = new InboundLoop(Tun, Underlay, Table, flows, new TunMtu(mtu), options);
    }

    public FakeStopSignal Stop { get; }

    public FakeTun Tun { get; }

    public FakeUnderlay Underlay { get; }

    public ForwardingTableRef Table { get; }

    public OutboundLoop Outbound { get; }

    public InboundLoop Inbound { get; }

    /// <summary>Sends everything that waits in the device.</summary>
    public FlowSnapshot TurnOutbound()
    {
        while (Tun.Unread > 0) Assert.Equal(IoStatus.Ok, Outbound.Turn().Status);
        return Conserved(Outbound.Counters);
    }

    /// <summary>Delivers everything that waits in the socket.</summary>
    public FlowSnapshot TurnInbound()
    {
        while (Underlay.Unreceived > 0) Assert.Equal(IoStatus.Ok, Inbound.Turn().Status);
        return Conserved(Inbound.Counters);
    }

    /// <summary>The packets sent so far, without the headers of the tunnel.</summary>
    public List<byte[]> TakeSentPackets() => [.. Underlay.TakeSent().Select(sent => sent.Bytes[22..])];

    /// <summary>The packets written so far, without their virtio-net headers.</summary>
    public List<byte[]> TakeWrittenPackets() => [.. Tun.TakeWritten().Select(written => written.Packet)];

    private static FlowSnapshot Conserved(FlowCounters counters)
    {
        FlowSnapshot snapshot = counters.Snapshot();
        Assert.Equal(snapshot.Received, snapshot.Delivered + snapshot.Dropped);
        return snapshot;
    }
}
