using BenchmarkDotNet.Attributes;
using Overlay.Bench.Reporting;
using Overlay.Encap.Checksums;
using Overlay.Testing.Packets;

namespace Overlay.Bench.Checksums;

/// <summary>The internet checksum of a small packet, a full one and a super-packet, in cache.</summary>
public class ChecksumBenchmarks
{
    private byte[] _bytes = [];

    /// <summary>Bytes.</summary>
    [Params(64, 1450, 65_000)]
    public int Size { get; set; }

    [GlobalSetup]
    public void Setup() => _bytes = Packet.Payload(Size);

    /// <summary>With the widest vectors of this machine.</summary>
    [Benchmark]
    [Work(0, -1)]
    public ulong Vector() => InternetChecksum.Sum(_bytes);

    /// <summary>Without vectors.</summary>
    [Benchmark(Baseline = true)]
    [Work(0, -1)]
    public ulong Scalar() => InternetChecksum.SumScalar(_bytes);
}
