using Overlay.Encap.Buffers;

namespace Overlay.Testing.Packets;

/// <summary>An underlay in memory that carries datagrams between <see cref="FakeUnderlay"/> nodes, as badly as it is told to.</summary>
/// <param name="seed">Of every loss and reordering, so that a run can be had again.</param>
public sealed class FakeNetwork(int seed = 1)
{
    private readonly Dictionary<uint, FakeUnderlay> _nodes = [];
    private readonly Random _random = new(seed);
    private readonly byte[] _held = new byte[65_536];
    private (FakeUnderlay To, Datagram Datagram)? _heldFor;

    /// <summary>Share of datagrams that are lost, 0 to 1.</summary>
    public double Loss { get; set; }

    /// <summary>Share of datagrams that arrive behind the next one, 0 to 1.</summary>
    public double Reorder { get; set; }

    /// <summary>Datagrams of one segmented send arrive in one buffer, as with UDP_GRO.</summary>
    public bool Joins { get; set; }

    /// <summary>Datagrams that never arrived: lost, or to nobody.</summary>
    public long Lost { get; private set; }

    /// <summary>Connects a node.</summary>
    /// <param name="address">Its outer address, host order.</param>
    /// <param name="stop">Ends its waits.</param>
    public FakeUnderlay Attach(uint address, FakeStopSignal stop) => _nodes[address] = new FakeUnderlay(this, address, stop);

    /// <summary>Carries one send: <paramref name="bytes"/> cut to <paramref name="segmentSize"/>.</summary>
    internal void Carry(uint from, uint to, byte tos, ReadOnlySpan<byte> bytes, int segmentSize)
    {
        lock (_nodes)
        {
            int datagrams = Math.Max(1, (bytes.Length + segmentSize - 1) / segmentSize);
            if (!_nodes.TryGetValue(to, out FakeUnderlay? node))
            {
                Lost += datagrams;
                return;
            }
            if (Joins && Loss == 0 && Reorder == 0)
            {
                node.Inject(bytes, new Datagram(bytes.Length, segmentSize, from, tos, false));
                return;
            }
            for (int i = 0; i < datagrams; i++)
            {
                ReadOnlySpan<byte> one = bytes.Slice(i * segmentSize, Math.Min(segmentSize, bytes.Length - i * segmentSize));
                CarryOne(node, one, new Datagram(one.Length, Math.Max(1, one.Length), from, tos, false));
            }
        }
    }

    private void CarryOne(FakeUnderlay to, ReadOnlySpan<byte> bytes, Datagram datagram)
    {
        if (Loss > 0 && _random.NextDouble() < Loss)
        {
            Lost++;
            return;
        }
        if (_heldFor is null && Reorder > 0 && _random.NextDouble() < Reorder)
        {
            bytes.CopyTo(_held);
            _heldFor = (to, datagram);
            return;
        }
        to.Inject(bytes, datagram);
        if (_heldFor is not { } held) return;
        _heldFor = null;
        held.To.Inject(_held.AsSpan(0, held.Datagram.Length), held.Datagram);
    }
}
