using BenchmarkDotNet.Attributes;
using Overlay.Bench.Reporting;
using Overlay.Encap.Buffers;
using Overlay.Encap.Mtu;
using Overlay.Encap.Offload;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Bench.Offload;

/// <summary>A TCP super-packet of 62 KB cut into 44 segments' headers, and the segments joined again.</summary>
public class OffloadBenchmarks : IRunSink
{
    private const int SegmentPayload = 1410;
    private const int Segments = 44;
    private const int Payload = SegmentPayload * Segments;
    private const int Stride = 1536;

    private readonly byte[] _super = Packet.Tcp(Nodes.Address(1, 5), Nodes.Address(2, 7), Packet.Payload(Payload));
    private readonly byte[] _block = new byte[Segmenter.MaxHeader];
    private readonly VirtioNetHeader _header = new() { GsoType = VirtioNetHeader.GsoTcp4, GsoSize = SegmentPayload, Flags = VirtioNetHeader.NeedsChecksum };
    private readonly PacketArena _arena = new(Segments * Stride);
    private readonly byte[] _first = new byte[IPv4View.MinHeader + 20];
    private Coalescer? _coalescer;
    private int _written;

    [GlobalSetup]
    public void Setup()
    {
        _coalescer = new Coalescer(_arena, this, new TunMtu(1450), joinsTcp: true, joinsUdp: true);
        Segmenter.TryCreate(_super, _header, out Segmenter segmenter);
        for (int i = 0; i < Segments; i++)
        {
            Span<byte> packet = _arena.Bytes.Slice(i * Stride + VirtioNetHeader.Size, segmenter.HeaderLength + SegmentPayload);
            segmenter.WriteHeader(i, packet);
            Slice payload = segmenter.PayloadOf(i);
            _super.AsSpan(payload.Offset, payload.Length).CopyTo(packet[segmenter.HeaderLength..]);
        }
        _arena.Bytes.Slice(VirtioNetHeader.Size, _first.Length).CopyTo(_first);
    }

    /// <summary>Headers and checksums of all segments; the payload is read once.</summary>
    [Benchmark]
    [Work(Segments, Payload)]
    public int Segment()
    {
        Segmenter.TryCreate(_super, _header, out Segmenter segmenter);
        for (int i = 0; i < segmenter.Count; i++) segmenter.WriteHeader(i, _block);
        return segmenter.Count;
    }

    /// <summary>Verify and join all segments into one super-packet.</summary>
    [Benchmark]
    [Work(Segments, Payload)]
    public int Coalesce()
    {
        // Joining writes the totals into the first header.
        _first.CopyTo(_arena.Bytes[VirtioNetHeader.Size..]);
        for (int i = 0; i < Segments; i++) _coalescer!.Add(new Slice(i * Stride + VirtioNetHeader.Size, IPv4View.MinHeader + 20 + SegmentPayload));
        _coalescer!.Flush();
        return _written;
    }

    bool IRunSink.TryWrite(ReadOnlySpan<Slice> pieces, int packets, int bytes)
    {
        _written += pieces.Length;
        return true;
    }
}
