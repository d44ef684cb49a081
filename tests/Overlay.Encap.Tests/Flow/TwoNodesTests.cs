using System.Buffers.Binary;
using Overlay.Encap.Counters;
using Overlay.Encap.Devices;
using Overlay.Encap.Flow;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Mtu;
using Overlay.Encap.Tests.Offload;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Flow;

/// <summary>
/// Two agents' data planes in one process, on threads of their own:
/// <code>
/// tun 1 ⇄ plane 1 ⇄ network ⇄ plane 2 ⇄ tun 2
/// </code>
/// </summary>
public sealed class TwoNodesTests
{
    private const int Flows = 3, SuperPackets = 12, SuperPayload = 40_000, Mss = 1398;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    [Theory]
    [InlineData(true, true)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public async Task Tcp_like_flows_arrive_byte_exact_in_both_directions(bool joined, bool segmentsSends)
    {
        FakeNetwork network = new() { Joins = joined };
        using Side one = new(1, network, segmentsSends), two = new(2, network, segmentsSends);
        byte[][] sentByOne = one.SendFlows(2), sentByTwo = two.SendFlows(1);

        Assert.True(SpinWait.SpinUntil(() => one.ReceivedBytes() && two.ReceivedBytes(), Deadline), $"{one.Plane.Inbound} {two.Plane.Inbound}");
        Assert.Equal(sentByOne, two.Streams);
        Assert.Equal(sentByTwo, one.Streams);
        foreach (Side side in new[] { one, two })
        {
            side.Plane.Stop();
            Assert.Null(await side.Plane.Completion.WaitAsync(Deadline, TestContext.Current.CancellationToken));
            Assert.Equal((0L, 0L), (side.Plane.Inbound.Dropped, side.Plane.Outbound.Dropped));
            Assert.Equal(side.Plane.Inbound.Received, side.Plane.Inbound.Delivered);
        }
        Assert.Equal(one.Plane.Outbound.Delivered, two.Plane.Inbound.Received);
        Assert.Equal(0, network.Lost);
    }

    [Fact]
    public void On_a_bad_network_what_arrives_is_what_was_sent_and_every_packet_is_accounted_for()
    {
        FakeNetwork network = new(seed: 5) { Loss = 0.05, Reorder = 0.1 };
        using Side one = new(1, network, true), two = new(2, network, true);
        byte[][] sent = one.SendFlows(2);
        int segments = Flows * SuperPackets * ((SuperPayload + Mss - 1) / Mss);
        Assert.True(SpinWait.SpinUntil(() => one.Plane.Outbound.Delivered == segments && two.Plane.Inbound.Delivered + network.Lost >= segments - 1, Deadline));

        FlowSnapshot inbound = two.Plane.Inbound;
        Assert.Equal((0L, inbound.Received), (inbound.Dropped, inbound.Delivered));
        Assert.InRange(network.Lost, 1, segments / 5);
        int pieces = 0;
        foreach (byte[] packet in two.Tun.TakeWritten().SelectMany(w => w.Header.GsoType == 0 ? [w.Packet] : SegmenterTests.Cut(new SuperPacket(w.Packet, w.Header, () => []))))
        {
            int flow = packet[21];
            int at = (int)BinaryPrimitives.ReadUInt32BigEndian(packet.AsSpan(24));
            Assert.True(Packet.HasValidHeader(packet) && Packet.HasValidTransport(packet));
            Assert.True(packet.AsSpan(40).SequenceEqual(sent[flow].AsSpan(at, packet.Length - 40)));
            pieces++;
        }
        Assert.Equal(inbound.Delivered, pieces);
    }

    private sealed class Side : IDisposable
    {
        private readonly int _node;
        private readonly uint[] _next = new uint[Flows];

        public Side(int node, FakeNetwork network, bool segmentsSends)
        {
            _node = node;
            FakeStopSignal stop = new();
            Tun = new FakeTun(stop);
            FakeUnderlay underlay = network.Attach(Nodes.Endpoint(node), stop);
            underlay.Records = false;
            DataPlaneOptions options = new() { InboundBuffers = 16, SegmentsSends = segmentsSends };
            Plane = new DataPlane([new WorkerEnds(Tun, underlay, underlay)], new ForwardingTableRef(Nodes.Table(node)), new TunMtu(1450), options, stop);
            Plane.Start();
        }

        public FakeTun Tun { get; }

        public DataPlane Plane { get; }

        public byte[][] Streams { get; } = [.. Enumerable.Range(0, Flows).Select(_ => new byte[SuperPackets * SuperPayload])];

        /// <summary>Sends each flow as super-packets, interleaved; returns the streams.</summary>
        public byte[][] SendFlows(int peer)
        {
            byte[][] streams = [.. Enumerable.Range(0, Flows).Select(flow => Packet.Payload(SuperPackets * SuperPayload, _node * 10 + flow))];
            for (int i = 0; i < SuperPackets; i++)
            {
                for (int flow = 0; flow < Flows; flow++)
                {
                    TcpFields tcp = new() { SourcePort = (ushort)flow, Sequence = (uint)(i * SuperPayload), Flags = Packet.Ack | Packet.Psh };
                    SuperPacket super = SuperPacket.Tcp(Nodes.Address(_node, 2), Nodes.Address(peer, 2), streams[flow][(i * SuperPayload)..((i + 1) * SuperPayload)], Mss, tcp);
                    Tun.Send(super.Bytes, super.Header);
                }
            }
            return streams;
        }

        /// <summary>Takes what was written into the streams, strictly in order; true when all is there.</summary>
        public bool ReceivedBytes()
        {
            foreach ((VirtioNetHeader header, byte[] packet) in Tun.TakeWritten())
            {
                int flow = packet[21];
                Assert.Equal(_next[flow], BinaryPrimitives.ReadUInt32BigEndian(packet.AsSpan(24)));
                if (header.Flags == 0) Assert.True(Packet.HasValidTransport(packet));
                packet.AsSpan(40).CopyTo(Streams[flow].AsSpan((int)_next[flow]));
                _next[flow] += (uint)(packet.Length - 40);
            }
            return _next.All(next => next == SuperPackets * SuperPayload);
        }

        public void Dispose() => Plane.Stop();
    }
}
