using Overlay.Encap.Buffers;
using Overlay.Encap.Mtu;
using Overlay.Encap.Offload;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Tests.Offload;

/// <summary>A coalescer fed with packets as they lie in a received buffer, and what came out of it.</summary>
internal sealed class CoalescerUnderTest : IRunSink
{
    private const int Room = 64;

    private readonly PacketArena _arena = new(4 << 20);
    private readonly Coalescer _coalescer;

    public CoalescerUnderTest(int mtu = 1450, bool joinsTcp = true, bool joinsUdp = true) =>
        _coalescer = new Coalescer(_arena, this, new TunMtu(mtu), joinsTcp, joinsUdp);

    public List<(VirtioNetHeader Header, byte[] Packet, int Count)> Out { get; } = [];

    /// <summary>Adds packets, flushes, and gives back what came out.</summary>
    public static List<(VirtioNetHeader Header, byte[] Packet, int Count)> Join(IEnumerable<byte[]> packets, int mtu = 1450)
    {
        CoalescerUnderTest coalescer = new(mtu);
        foreach (byte[] packet in packets) coalescer.Add(packet);
        coalescer.Flush();
        return coalescer.Out;
    }

    public void Add(ReadOnlySpan<byte> packet)
    {
        Assert.True(_arena.TryReserve(Room + packet.Length, out int room));
        Slice at = new(room + Room, packet.Length);
        packet.CopyTo(_arena[at]);
        _arena.Commit(at.Offset + at.Length);
        _coalescer.Add(at);
    }

    public void Flush()
    {
        _coalescer.Flush();
        _arena.Reset();
    }

    /// <summary>Super-packets are refused, as by a kernel that does not know them.</summary>
    public bool RefusesSuperPackets { get; set; }

    /// <summary>How many were.</summary>
    public int Refused { get; private set; }

    bool IRunSink.TryWrite(ReadOnlySpan<Slice> pieces, int packets, int bytes)
    {
        if (RefusesSuperPackets && packets > 1)
        {
            Refused++;
            return false;
        }
        List<byte> whole = [];
        foreach (Slice piece in pieces) whole.AddRange(_arena[piece]);
        byte[] all = [.. whole];
        Out.Add((VirtioNetHeader.Read(all), all[VirtioNetHeader.Size..], packets));
        return true;
    }
}
