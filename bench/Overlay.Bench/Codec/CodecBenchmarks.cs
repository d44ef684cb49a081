using BenchmarkDotNet.Attributes;
using Overlay.Bench.Reporting;
using Overlay.Encap.Codec;
using Overlay.Encap.Counters;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Mtu;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Bench.Codec;

/// <summary>One packet of 1450 bytes on one core, without a system call: look-up and headers out, all checks in.</summary>
public class CodecBenchmarks
{
    private const int Inner = 1450;
    private const int Spread = 64;   // packets to and from different peers, so that no branch or line of one peer stays warm alone

    private readonly byte[][] _outbound = new byte[Spread][];
    private readonly byte[][] _inbound = new byte[Spread][];
    private readonly uint[] _sources = new uint[Spread];
    private readonly uint[] _addresses = new uint[Spread];
    private ForwardingTable _table = Nodes.Table(1);
    private int _next;

    /// <summary>Number of peers.</summary>
    [Params(10, 1_000, 5_000)]
    public int Peers { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        // A /11 holds 8,192 subnets of 24 bits.
        Prefix network = new(Packet.Ip("10.32.0.0"), 11);
        Prefix Subnet(int node) => new(network.Address + ((uint)node << 8), 24);
        LocalNode local = new(network, Subnet(0), Nodes.Endpoint(0), Nodes.Mac(0), new Vni(1), SourceCheck.Strict);
        _table = new ForwardingTable(local, [.. Enumerable.Range(1, Peers).Select(n => new Remote(Subnet(n), Nodes.Endpoint(n), Nodes.Mac(n)))]);
        Random random = new(1);
        for (int i = 0; i < Spread; i++)
        {
            int peer = random.Next(1, Peers + 1);
            uint here = Subnet(0).Address + 5, there = Subnet(peer).Address + 7;
            byte[] payload = Packet.Payload(Inner - 40);
            _outbound[i] = [.. new byte[Overhead.Encapsulation], .. Packet.Tcp(here, there, payload)];
            _inbound[i] = Packet.Vxlan(Nodes.Mac(0).Value, Nodes.Mac(peer).Value, Packet.Tcp(there, here, payload));
            _sources[i] = Nodes.Endpoint(peer);
            _addresses[i] = there;
        }
    }

    /// <summary>Find the peer of an inner address.</summary>
    [Benchmark]
    [Work(1)]
    public int LookUp() => _table.FindRemote(_addresses[_next++ % Spread]);

    /// <summary>Judge an outbound packet, find its peer, write the 22 bytes in front of it.</summary>
    [Benchmark]
    [Work(1, Inner)]
    public DropReason Encapsulate()
    {
        Span<byte> frame = _outbound[_next++ % Spread];
        DropReason reason = Encapsulator.Route(frame[Overhead.Encapsulation..], _table, out int remote, out _);
        if (reason == DropReason.None) Encapsulator.WriteHeaders(frame, _table, _table.Remotes[remote]);
        return reason;
    }

    /// <summary>Judge the sender and everything in an inbound datagram.</summary>
    [Benchmark]
    [Work(1, Inner)]
    public DropReason Decapsulate()
    {
        int i = _next++ % Spread;
        DropReason reason = Decapsulator.JudgeSource(_sources[i], _table);
        return reason != DropReason.None ? reason : Decapsulator.Judge(_inbound[i], _sources[i], _table, out _, out _);
    }
}
