using Overlay.Encap.Buffers;
using Overlay.Encap.Devices;

namespace Overlay.Testing.Packets;

/// <summary>
/// One node's sockets on a <see cref="FakeNetwork"/>, with the rules of the kernel's: a segmented send of at most 64 pieces
/// and 65,507 bytes is cut at the segment size wherever the slices end. Allocates nothing once its buffers have grown.
/// </summary>
public sealed class FakeUnderlay : IUnderlayReceiver, IUnderlaySender
{
    private const int UdpAndIp = 28;
    private const int Einval = 22, Emsgsize = 90;

    private readonly FakeNetwork _network;
    private readonly uint _address;
    private readonly PacketQueue<Datagram> _arrived;
    private readonly PacketQueue<Sent> _sent;
    private readonly byte[] _scratch = new byte[4 * 65_536];

    internal FakeUnderlay(FakeNetwork network, uint address, FakeStopSignal stop)
    {
        (_network, _address) = (network, address);
        _arrived = new PacketQueue<Datagram>(stop);
        _sent = new PacketQueue<Sent>(stop);
    }

    /// <summary>How a datagram left.</summary>
    /// <param name="Destination">Outer destination, host order.</param>
    /// <param name="Lane">Index of the source port.</param>
    /// <param name="Tos">Outer TOS octet.</param>
    /// <param name="Call">The send it was part of, numbered from 1; equal for the datagrams of one train.</param>
    public readonly record struct Sent(uint Destination, int Lane, byte Tos, long Call);

    /// <summary>Asked before each train (true) and each single piece of one (false); any answer but Ok is what the send fails with.</summary>
    public Func<Train, bool, IoResult>? OnSend { get; set; }

    /// <summary>What <see cref="IUnderlaySender.WaitWritable"/> answers.</summary>
    public bool IsWritable { get; set; } = true;

    /// <summary>Outer path MTU in bytes by destination; longer datagrams are refused.</summary>
    public Dictionary<uint, int> PathMtus { get; } = [];

    /// <summary>What every receive fails with, if not Ok.</summary>
    public IoResult ReceiveFault { get; set; }

    /// <summary>Every datagram that leaves is also kept for <see cref="TakeSent"/>.</summary>
    public bool Records { get; set; } = true;

    /// <summary>Successful sends.</summary>
    public long Calls { get; private set; }

    /// <summary>Datagrams that left.</summary>
    public long SentCount { get; private set; }

    /// <summary>Buffers that wait to be received.</summary>
    public int Unreceived => _arrived.Count;

    /// <summary>Puts a buffer, or anything that could be one, before the receiver.</summary>
    public void Inject(ReadOnlySpan<byte> bytes, Datagram datagram) => _arrived.Enqueue(bytes, datagram);

    /// <summary>Puts one whole datagram before the receiver.</summary>
    public void Inject(ReadOnlySpan<byte> bytes, uint source, byte tos = 0) =>
        Inject(bytes, new Datagram(bytes.Length, Math.Max(1, bytes.Length), source, tos, false));

    /// <summary>Takes the datagrams that left so far.</summary>
    public List<(byte[] Bytes, Sent How)> TakeSent() => _sent.Drain();

    /// <inheritdoc/>
    public bool WaitReadable() => _arrived.Wait();

    /// <inheritdoc/>
    public IoResult Receive(ReceiveBatch batch)
    {
        if (ReceiveFault.Status != IoStatus.Ok) return ReceiveFault;
        int count = 0;
        while (count < batch.Capacity
            && _arrived.TryDequeue(batch.Arena.Bytes.Slice(ReceiveBatch.OffsetOf(count), ReceiveBatch.SlotSize), out int length, out Datagram datagram))
            batch.Datagrams[count++] = length < datagram.Length ? datagram with { Length = length, IsTruncated = true } : datagram;
        return count > 0 ? IoResult.Done(count) : new IoResult(IoStatus.WouldBlock, 0, 11);
    }

    /// <inheritdoc/>
    public IoResult Send(SendBatch batch, int first, int count)
    {
        for (int i = first; i < first + count; i++)
        {
            ref readonly Train train = ref batch.Trains[i];
            IoResult result = OnSend?.Invoke(train, true) ?? default;
            if (result.Status == IoStatus.Ok) result = SendOne(batch, train, batch.SlicesOf(train), train.Segments);
            if (result.Status != IoStatus.Ok) return i > first ? IoResult.Done(i - first) : result;
        }
        return IoResult.Done(count);
    }

    /// <inheritdoc/>
    public IoResult SendSegment(SendBatch batch, in Train train, int segment)
    {
        IoResult result = OnSend?.Invoke(train, false) ?? default;
        ReadOnlySpan<Slice> slices = batch.SlicesOf(train).Slice(segment * train.SlicesPerSegment, train.SlicesPerSegment);
        return result.Status == IoStatus.Ok ? SendOne(batch, train, slices, 1) : result;
    }

    /// <inheritdoc/>
    public ushort SourcePort(int lane) => (ushort)(50_000 + lane);

    /// <inheritdoc/>
    public int PathMtu(uint destination) => PathMtus.GetValueOrDefault(destination);

    /// <inheritdoc/>
    public bool WaitWritable(int lane) => IsWritable;

    private IoResult SendOne(SendBatch batch, in Train train, ReadOnlySpan<Slice> slices, int segments)
    {
        int length = 0;
        foreach (Slice range in slices)
        {
            batch.Arena[range].CopyTo(_scratch.AsSpan(length));
            length += range.Length;
        }
        int segmentSize = segments > 1 ? train.SegmentSize : Math.Max(1, length);
        if (length > SendBatch.MaxBytes || (PathMtus.TryGetValue(train.Destination, out int mtu) && segmentSize + UdpAndIp > mtu))
            return new IoResult(IoStatus.TooBig, 0, Emsgsize);
        int datagrams = (length + segmentSize - 1) / segmentSize;
        if (datagrams > SendBatch.MaxSegments) return new IoResult(IoStatus.Unsupported, 0, Einval);

        ReadOnlySpan<byte> bytes = _scratch.AsSpan(0, length);
        Calls++;
        SentCount += datagrams;
        if (Records)
        {
            for (int at = 0; at < length; at += segmentSize)
                _sent.Enqueue(bytes.Slice(at, Math.Min(segmentSize, length - at)), new Sent(train.Destination, batch.Lane, train.Tos, Calls));
        }
        _network.Carry(_address, train.Destination, train.Tos, bytes, segmentSize);
        return IoResult.Done(length);
    }
}
