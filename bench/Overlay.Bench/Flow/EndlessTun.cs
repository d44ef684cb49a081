using Overlay.Encap.Buffers;
using Overlay.Encap.Devices;
using Overlay.Encap.Wire;

namespace Overlay.Bench.Flow;

/// <summary>A TUN queue that always has the same packet, so many to a turn, and forgets what is written.</summary>
internal sealed class EndlessTun : ITunQueue
{
    private readonly byte[] _packet;
    private readonly int _perTurn;
    private int _left;

    public EndlessTun(int perTurn, byte[] packet, VirtioNetHeader header)
    {
        _packet = [.. new byte[VirtioNetHeader.Size], .. packet];
        header.Write(_packet);
        _perTurn = _left = perTurn;
    }

    public bool WaitReadable() => true;

    public IoResult Read(Span<byte> destination)
    {
        if (_left == 0)
        {
            _left = _perTurn;
            return new IoResult(IoStatus.WouldBlock, 0, 11);
        }
        _left--;
        _packet.CopyTo(destination);
        return IoResult.Done(_packet.Length);
    }

    public IoResult Write(PacketArena arena, ReadOnlySpan<Slice> pieces, bool isBulk) => IoResult.Done(pieces.Length);
}
