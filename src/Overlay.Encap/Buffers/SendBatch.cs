using Overlay.Encap.Wire;

namespace Overlay.Encap.Buffers;

/// <summary>The datagrams of one turn of the outbound loop, joined into as few sends as their sizes and peers allow.</summary>
/// <remarks>Owner: one outbound loop. Slices refer to that loop's arena and are valid until its reset.</remarks>
public sealed class SendBatch
{
    /// <summary>Most segments of one UDP_SEGMENT send that every kernel takes (64 before Linux 6.9, 128 after).</summary>
    public const int MaxSegments = 64;

    /// <summary>Most bytes of one UDP_SEGMENT send: 65,507 is what IPv4 and UDP leave of 16 bits.</summary>
    public const int MaxBytes = 65_507;

    /// <summary>Most plain datagrams of one batch.</summary>
    public const int MaxDatagrams = 128;

    /// <summary>Most slices of one batch: a slice for each plain datagram, or two for each segment of one super-packet's train.</summary>
    public const int MaxSlices = 2 * MaxSegments;

    private readonly Train[] _trains = new Train[MaxDatagrams];
    private readonly Slice[] _slices = new Slice[MaxSlices];
    private readonly int[] _nextSlice = new int[MaxSlices];
    private readonly int[] _openTrain;   // by lane: the train the next datagram may join
    private readonly int _maxSegments;
    private int _trainCount;
    private int _sliceCount;

    /// <summary>Makes an empty batch.</summary>
    /// <param name="arena">The memory that every slice refers to.</param>
    /// <param name="lanes">Number of source ports.</param>
    /// <param name="segments">Most datagrams of a train: 1 where the kernel does not segment, else up to <see cref="MaxSegments"/>.</param>
    public SendBatch(PacketArena arena, int lanes, int segments = MaxSegments)
    {
        Arena = arena;
        _maxSegments = segments;
        _openTrain = new int[lanes];
        Clear();
    }

    /// <summary>The memory that every slice refers to.</summary>
    public PacketArena Arena { get; }

    /// <summary>Number of source ports the batch is spread over.</summary>
    public int Lanes => _openTrain.Length;

    /// <summary>The trains in the order they were begun.</summary>
    public ReadOnlySpan<Train> Trains => _trains.AsSpan(0, _trainCount);

    /// <summary>The slice at an index that <see cref="Train.FirstSlice"/> or <see cref="SliceAfter"/> gave.</summary>
    public Slice SliceAt(int index) => _slices[index];

    /// <summary>The index of the slice that follows within a train.</summary>
    public int SliceAfter(int index) => _nextSlice[index];

    /// <summary>The source port's index for a flow.</summary>
    /// <param name="flowHash">As <see cref="FlowHash"/> computes it.</param>
    public int LaneOf(uint flowHash) => (int)((ulong)flowHash * (uint)Lanes >> 32);

    /// <summary>Adds a datagram that lies in one piece: to the open train of its lane where it fits, else to a new one.</summary>
    public void Add(uint destination, int lane, byte tos, Slice datagram)
    {
        int open = _openTrain[lane];
        if (open < 0 || !Fits(_trains[open], destination, tos, datagram.Length))
        {
            open = Begin(destination, lane, tos, datagram.Length, slicesPerSegment: 1);
            _openTrain[lane] = open;
        }
        ref Train train = ref _trains[open];
        if (datagram.Length < train.SegmentSize) train.Closed = true;
        Append(ref train, datagram);
        train.Segments++;
    }

    /// <summary>Begins a train that no other datagram joins; <see cref="AddSegment"/> fills it.</summary>
    public void BeginSuper(uint destination, int lane, byte tos, int segmentSize)
    {
        _openTrain[lane] = -1;
        Begin(destination, lane, tos, segmentSize, slicesPerSegment: 2);
    }

    /// <summary>Adds a segment to the train begun last.</summary>
    /// <param name="headers">Everything in front of the payload, VXLAN header first.</param>
    /// <param name="payload">The payload where it lies.</param>
    public void AddSegment(Slice headers, Slice payload)
    {
        ref Train train = ref _trains[_trainCount - 1];
        Append(ref train, headers);
        Append(ref train, payload);
        train.Segments++;
    }

    /// <summary>Empties the batch.</summary>
    public void Clear()
    {
        _trainCount = _sliceCount = 0;
        _openTrain.AsSpan().Fill(-1);
    }

    private bool Fits(in Train train, uint destination, byte tos, int length) =>
        !train.Closed && train.Destination == destination && train.Tos == tos && length <= train.SegmentSize
        && train.Segments < _maxSegments && train.Bytes + length <= MaxBytes;

    private int Begin(uint destination, int lane, byte tos, int segmentSize, int slicesPerSegment)
    {
        _trains[_trainCount] = new Train
        {
            Destination = destination,
            Lane = lane,
            Tos = tos,
            SegmentSize = segmentSize,
            SlicesPerSegment = slicesPerSegment,
            FirstSlice = -1,
        };
        return _trainCount++;
    }

    private void Append(ref Train train, Slice slice)
    {
        int index = _sliceCount++;
        _slices[index] = slice;
        _nextSlice[index] = -1;
        if (train.FirstSlice < 0) train.FirstSlice = index;
        else _nextSlice[train.LastSlice] = index;
        train.LastSlice = index;
        train.Bytes += slice.Length;
    }
}
