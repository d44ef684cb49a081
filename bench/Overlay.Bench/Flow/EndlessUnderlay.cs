using Overlay.Encap.Buffers;
using Overlay.Encap.Devices;

namespace Overlay.Bench.Flow;

/// <summary>An underlay that always has the same datagram, many joined into one buffer, and forgets what is sent.</summary>
internal sealed class EndlessUnderlay(uint source, byte[] datagram, int joined) : IUnderlayReceiver, IUnderlaySender
{
    private readonly byte[] _buffer = [.. Enumerable.Repeat(datagram, joined).SelectMany(d => d)];

    bool IUnderlayReceiver.WaitReadable() => true;

    public IoResult Receive(ReceiveBatch batch)
    {
        _buffer.CopyTo(batch.Arena.Bytes);
        batch.Datagrams[0] = new Datagram(_buffer.Length, datagram.Length, source, 0, IsTruncated: false);
        return IoResult.Done(1);
    }

    public IoResult Send(SendBatch batch, int first, int count) => IoResult.Done(count);

    public IoResult SendSegment(SendBatch batch, in Train train, int segment) => IoResult.Done(0);

    public ushort SourcePort(int lane) => 50_000;

    public int PathMtu(uint destination) => 1500;

    public bool WaitWritable(int lane) => true;
}
