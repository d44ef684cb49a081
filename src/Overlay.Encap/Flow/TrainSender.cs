using Overlay.Encap.Buffers;
using Overlay.Encap.Codec;
using Overlay.Encap.Counters;
using Overlay.Encap.Devices;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Mtu;

namespace Overlay.Encap.Flow;

/// <summary>
/// Gets a batch out, whatever the kernel says of parts of it: a refused train costs only its own packets, and a refused
/// segmentation costs none, since the same packets are sent again one by one.
/// </summary>
/// <remarks>Owner: one outbound loop.</remarks>
internal sealed class TrainSender(IUnderlaySender underlay, IcmpResponder icmp, FlowCounters counters)
{
    // Peers towards which the kernel refused to segment, until the table changes and they are tried again.
    // Room for more of them than is likely, so that to remember one does not allocate.
    private readonly HashSet<uint> _unsegmented = new(capacity: 64);
    private readonly int[] _pending = new int[SendBatch.MaxDatagrams];
    private ForwardingTable? _table;

    /// <summary>Sends everything in the batch and clears it.</summary>
    /// <returns>Ok, or the fault that ends the plane.</returns>
    public IoResult Send(SendBatch batch, ForwardingTable table)
    {
        if (!ReferenceEquals(_table, table))
        {
            _table = table;
            _unsegmented.Clear();
        }
        IoResult result = IoResult.Done(0);
        for (int lane = 0; lane < batch.Lanes && result.Status == IoStatus.Ok; lane++)
        {
            int count = 0;
            for (int i = 0; i < batch.Trains.Length; i++)
                if (batch.Trains[i].Lane == lane) _pending[count++] = i;
            if (count > 0) result = SendLane(batch, _pending.AsSpan(0, count), lane);
        }
        batch.Clear();
        return result;
    }

    private IoResult SendLane(SendBatch batch, ReadOnlySpan<int> pending, int lane)
    {
        while (!pending.IsEmpty)
        {
            ref readonly Train train = ref batch.Trains[pending[0]];
            if (train.Segments > 1 && _unsegmented.Contains(train.Destination))
            {
                SendPieces(batch, train);
                pending = pending[1..];
                continue;
            }
            IoResult result = underlay.Send(batch, pending);
            switch (result.Status)
            {
                case IoStatus.Ok:
                    foreach (int sent in pending[..result.Count]) counters.Deliver(batch.Trains[sent].Segments, batch.Trains[sent].Bytes);
                    pending = pending[result.Count..];
                    continue;
                case IoStatus.WouldBlock when underlay.WaitWritable(lane):
                    continue;
                case IoStatus.Fatal:
                    return result;
                case IoStatus.TooBig when train.Segments > 1:   // says something of these sizes, nothing of segmentation
                    SendPieces(batch, train);
                    pending = pending[1..];
                    continue;
                case IoStatus.Unsupported when train.Segments > 1:
                    counters.CountSegmentFallback();
                    // Some kernels say EINVAL, too, where a segment exceeds the path's MTU: then it was not segmentation that was refused.
                    if (!SendPieces(batch, train)) _unsegmented.Add(train.Destination);
                    pending = pending[1..];
                    continue;
                default:
                    Drop(result.Status, train.Segments);
                    if (result.Status == IoStatus.TooBig) AnswerTooBig(batch, train);
                    pending = pending[1..];
                    continue;
            }
        }
        return IoResult.Done(0);
    }

    // Returns whether some piece was longer than the path takes; its sender is told once.
    private bool SendPieces(SendBatch batch, in Train train)
    {
        bool tooBig = false;
        int slice = train.FirstSlice;
        for (int sent = 0; sent < train.Segments; sent++)
        {
            IoResult result = underlay.SendSegment(batch, train, slice);
            if (result.Status == IoStatus.WouldBlock && underlay.WaitWritable(train.Lane)) result = underlay.SendSegment(batch, train, slice);
            if (result.Status == IoStatus.Ok) counters.Deliver(1, result.Count);
            else Drop(result.Status, 1);
            tooBig |= result.Status == IoStatus.TooBig;
            for (int i = 0; i < train.SlicesPerSegment; i++) slice = batch.SliceAfter(slice);
        }
        if (tooBig) AnswerTooBig(batch, train);
        return tooBig;
    }

    private void Drop(IoStatus status, int packets) => counters.Drop(status switch
    {
        IoStatus.TooBig => DropReason.TooBig,
        IoStatus.WouldBlock => DropReason.TxFull,
        _ => DropReason.SendRejected,
    }, packets);

    // The first packet of a train stands for all: they are of one flow, or at least of one size.
    private void AnswerTooBig(SendBatch batch, in Train train)
    {
        if (!icmp.MayAnswer) return;
        int mtu = new LinkMtu(underlay.PathMtu(train.Destination)).ToTunMtu().Bytes;
        if (mtu < TunMtu.Minimum) return;
        icmp.Answer(batch.Arena[batch.SliceAt(train.FirstSlice)][Overhead.Encapsulation..], IcmpError.FragmentationNeeded, mtu);
    }
}
