using BenchmarkDotNet.Attributes;
using Overlay.Bench.Reporting;
using Overlay.Encap.Devices;
using Overlay.Encap.Fairness;
using Overlay.Encap.Flow;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Mtu;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Bench.Flow;

/// <summary>
/// A turn of each loop over ends that cost nothing but the copy the kernel would make: what the agent's own code takes of a packet.
/// </summary>
public class LoopBenchmarks
{
    private const int Small = 64;
    private const int Batch = 64;
    private const int SegmentPayload = 1410;
    private const int Segments = 44;

    private readonly EndlessTun _smallPackets = new(Batch, Packet.Udp(Nodes.Address(1, 5), Nodes.Address(2, 7), Packet.Payload(Small)), default);

    private readonly EndlessTun _superPackets = new(
        1, Packet.Tcp(Nodes.Address(1, 5), Nodes.Address(2, 7), Packet.Payload(SegmentPayload * Segments)),
        new VirtioNetHeader { GsoType = VirtioNetHeader.GsoTcp4, GsoSize = SegmentPayload, Flags = VirtioNetHeader.NeedsChecksum, ChecksumStart = 20, ChecksumOffset = 16 });

    private readonly EndlessUnderlay _underlay = new(Nodes.Endpoint(2), Nodes.Frame(2, 1, Packet.Udp(Nodes.Address(2, 7), Nodes.Address(1, 5), Packet.Payload(Small))), Batch);
    private readonly OutboundLoop _outboundSmall;
    private readonly OutboundLoop _outboundSuper;
    private readonly InboundLoop _inboundSmall;

    public LoopBenchmarks()
    {
        ForwardingTableRef table = new(Nodes.Table(1));
        BulkFlows flows = new();
        DataPlaneOptions options = new();
        _outboundSmall = new OutboundLoop(_smallPackets, _underlay, null, table, flows, options);
        _outboundSuper = new OutboundLoop(_superPackets, _underlay, null, table, flows, options);
        _inboundSmall = new InboundLoop(_smallPackets, _underlay, table, flows, new TunMtu(1450), options);
    }

    /// <summary>64 UDP packets of 64 bytes out.</summary>
    [Benchmark]
    [Work(Batch, Batch * Small)]
    public IoStatus OutboundSmall() => _outboundSmall.Turn().Status;

    /// <summary>A TCP super-packet of 62 KB out.</summary>
    [Benchmark]
    [Work(Segments, Segments * SegmentPayload)]
    public IoStatus OutboundSuper() => _outboundSuper.Turn().Status;

    /// <summary>64 datagrams with UDP packets of 64 bytes in, as one joined buffer.</summary>
    [Benchmark]
    [Work(Batch, Batch * Small)]
    public IoStatus InboundSmall() => _inboundSmall.Turn().Status;
}
