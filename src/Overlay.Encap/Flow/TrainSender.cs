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
        IoResult result = SendTrains(batch);
        batch.Clear();
        return result;
    }

    private IoResult SendTrains(SendBatch batch)
    {
        for (int next = 0; next < batch.Trains.Length;)
        {
            ref readonly Train train = ref batch.Trains[next];
            if (IsRefused(train))
            {
                SendPieces(batch, train);
                next++;
                continue;
            }
            IoResult result = underlay.Send(batch, next, Sendable(batch.Trains[next..]));
            switch (result.Status)
            {
                case IoStatus.Ok:
                    foreach (ref readonly Train sent in batch.Trains.Slice(next, result.Count)) counters.Deliver(sent.Segments, sent.Bytes);
                    next += result.Count;
                    continue;
                case IoStatus.WouldBlock when underlay.WaitWritable(batch.Lane):
                    continue;
                case IoStatus.Fatal:
                    foreach (ref readonly Train lost in batch.Trains[next..]) Drop(IoStatus.Fatal, lost.Segments);
                    return result;
                case IoStatus.TooBig when train.Segments > 1:   // says something of these sizes, nothing of segmentation
                    SendPieces(batch, train);
                    break;
                case IoStatus.Unsupported when train.Segments > 1:
                    counters.CountSegmentFallback();
                    // Where the pieces are refused as well, be it for their length, it was not segmentation that the kernel minded.
                    if (SendPieces(batch, train)) _unsegmented.Add(train.Destination);
                    break;
                default:
                    Drop(result.Status, train.Segments);
                    if (result.Status == IoStatus.TooBig) AnswerTooBig(batch, train);
                    break;
            }
            next++;
        }
        return IoResult.Done(0);
    }

    private bool IsRefused(in Train train) => train.Segments > 1 && _unsegmented.Contains(train.Destination);

    // How many of the trains can leave as they are; the first one can.
    private int Sendable(ReadOnlySpan<Train> trains)
    {
        if (_unsegmented.Count == 0) return trains.Length;
        int count = 1;
        while (count < trains.Length && !IsRefused(trains[count])) count++;
        return count;
    }

    // Returns whether they left, and none was longer than the path takes: of such a one the sender is told, once for all.
    private bool SendPieces(SendBatch batch, in Train train)
    {
        bool left = false, tooBig = false;
        for (int segment = 0; segment < train.Segments; segment++)
        {
            IoResult result = underlay.SendSegment(batch, train, segment);
            if (result.Status == IoStatus.WouldBlock && underlay.WaitWritable(batch.Lane)) result = underlay.SendSegment(batch, train, segment);
            if (result.Status == IoStatus.Ok) counters.Deliver(1, result.Count);
            else Drop(result.Status, 1);
            left |= result.Status == IoStatus.Ok;
            tooBig |= result.Status == IoStatus.TooBig;
        }
        if (tooBig) AnswerTooBig(batch, train);
        return left && !tooBig;
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
        icmp.Answer(batch.Arena[batch.SlicesOf(train)[0]][Overhead.Encapsulation..], IcmpError.FragmentationNeeded, mtu);
    }
}
