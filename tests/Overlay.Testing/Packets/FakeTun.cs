using Overlay.Encap.Buffers;
using Overlay.Encap.Devices;
using Overlay.Encap.Wire;

namespace Overlay.Testing.Packets;

/// <summary>A TUN queue in memory. Allocates nothing once its buffers have grown.</summary>
/// <remarks>Any thread may call anything.</remarks>
/// <param name="stop">Ends its waits.</param>
public sealed class FakeTun(FakeStopSignal stop) : ITunQueue
{
    private readonly PacketQueue<bool> _toRead = new(stop);
    private readonly PacketQueue<bool> _written = new(stop);
    private readonly byte[] _scratch = new byte[2 * 65_536];
    private IoResult _readFault = new(IoStatus.WouldBlock, 0, 11);

    /// <summary>Asked before each write; any answer but Ok is what the write returns, and the packet is gone.</summary>
    public Func<VirtioNetHeader, IoResult>? OnWrite { get; set; }

    /// <summary>Called before each read, from the reading thread.</summary>
    public Action? OnRead { get; set; }

    /// <summary>Written packets are counted only. For measurements.</summary>
    public bool Discards { get; set; }

    /// <summary>Number of packets written so far.</summary>
    public long WrittenCount { get; private set; }

    /// <summary>Packets that wait to be read.</summary>
    public int Unread => _toRead.Count;

    /// <summary>Packets written and not yet taken.</summary>
    public int Untaken => _written.Count;

    /// <summary>Makes a packet readable, as the local stack does by sending into the device.</summary>
    public void Send(ReadOnlySpan<byte> packet, VirtioNetHeader header = default)
    {
        byte[] bytes = new byte[VirtioNetHeader.Size + packet.Length];
        header.Write(bytes);
        packet.CopyTo(bytes.AsSpan(VirtioNetHeader.Size));
        SendRaw(bytes);
    }

    /// <summary>Makes bytes readable that begin with a virtio-net header, or should.</summary>
    public void SendRaw(ReadOnlySpan<byte> headerAndPacket) => _toRead.Enqueue(headerAndPacket, default);

    /// <summary>From now on reads fail in this way once nothing is left, and waits end at once.</summary>
    public void Break(int errno)
    {
        lock (stop.Gate) _readFault = new IoResult(IoStatus.Fatal, 0, errno);
        _toRead.Enqueue([], true);
    }

    /// <summary>Takes everything written so far.</summary>
    public List<(VirtioNetHeader Header, byte[] Packet)> TakeWritten() =>
        [.. _written.Drain().Select(entry => (VirtioNetHeader.Read(entry.Bytes), entry.Bytes[VirtioNetHeader.Size..]))];

    /// <summary>Takes everything written so far, and whether it was said to be of a flow in bulk.</summary>
    public List<(byte[] Packet, bool IsBulk)> TakeQueued() => [.. _written.Drain().Select(entry => (entry.Bytes[VirtioNetHeader.Size..], entry.Tag))];

    /// <inheritdoc/>
    public bool WaitReadable() => _toRead.Wait();

    /// <inheritdoc/>
    public IoResult Read(Span<byte> destination)
    {
        OnRead?.Invoke();
        if (!_toRead.TryDequeue(destination, out int length, out bool isBreak)) return _readFault;
        return isBreak ? _readFault : IoResult.Done(length);
    }

    /// <inheritdoc/>
    public IoResult Write(PacketArena arena, ReadOnlySpan<Slice> pieces, bool isBulk)
    {
        lock (_scratch)
        {
            int length = 0;
            foreach (Slice piece in pieces)
            {
                arena[piece].CopyTo(_scratch.AsSpan(length));
                length += piece.Length;
            }
            if (OnWrite is not null && OnWrite(VirtioNetHeader.Read(_scratch)) is { Status: not IoStatus.Ok } fault) return fault;
            WrittenCount++;
            if (!Discards) _written.Enqueue(_scratch.AsSpan(0, length), isBulk);
            return IoResult.Done(length);
        }
    }
}
