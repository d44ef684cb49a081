namespace Overlay.Encap.Buffers;

/// <summary>
/// The datagrams that wait to leave from one source port (a lane), joined into as few sends as their sizes and peers allow, in the order
/// in which they were added.
/// </summary>
/// <remarks>Owner: one outbound loop. Slices refer to that loop's arena and are valid until its reset.</remarks>
/// <param name="arena">The memory that every slice refers to.</param>
/// <param name="lane">Index of the source port.</param>
/// <param name="segments">Most datagrams of a train: 1 where the kernel does not segment, else up to <see cref="MaxSegments"/>.</param>
public sealed class SendBatch(PacketArena arena, int lane, int segments = SendBatch.MaxSegments)
{
    /// <summary>Most segments of one UDP_SEGMENT send that every kernel takes (64 before Linux 6.9, 128 after).</summary>
    public const int MaxSegments = 64;

    /// <summary>Most bytes of one UDP_SEGMENT send: 65,507 is what IPv4 and UDP leave of 16 bits.</summary>
    public const int MaxBytes = 65_507;

    /// <summary>Most datagrams of one batch, and so most trains.</summary>
    public const int MaxDatagrams = 128;

    /// <summary>Most slices of one batch: two for each datagram.</summary>
    public const int MaxSlices = 2 * MaxDatagrams;

    private readonly Train[] _trains = new Train[MaxDatagrams];
    private readonly Slice[] _slices = new Slice[MaxSlices];
    private int _trainCount;
    private int _sliceCount;

    /// <summary>The memory that every slice refers to.</summary>
    public PacketArena Arena => arena;

    /// <summary>Index of the source port.</summary>
    public int Lane => lane;

    /// <summary>The trains, in the order to be sent in.</summary>
    public ReadOnlySpan<Train> Trains => _trains.AsSpan(0, _trainCount);

    /// <summary>Number of datagrams.</summary>
    public int Datagrams { get; private set; }

    /// <summary>Whether some of the datagrams lie in one piece, as packets that were no super-packet's do.</summary>
    public bool HoldsPlain { get; private set; }

    /// <summary>Whether the last train is as long as the kernel takes, so that nothing is won by waiting for more.</summary>
    public bool HoldsFullTrain => segments > 1 && _trainCount > 0 && IsFull(_trains[_trainCount - 1]);

    /// <summary>The slices of a train, in order.</summary>
    public ReadOnlySpan<Slice> SlicesOf(in Train train) => _slices.AsSpan(train.FirstSlice, train.Segments * train.SlicesPerSegment);

    /// <summary>Adds a datagram that lies in one piece. There must be less than <see cref="MaxDatagrams"/>.</summary>
    public void Add(uint destination, byte tos, Slice datagram)
    {
        Append(destination, tos, datagram.Length, slicesPerSegment: 1);
        _slices[_sliceCount++] = datagram;
        HoldsPlain = true;
    }

    /// <summary>Adds a datagram whose payload stays where it lies. There must be less than <see cref="MaxDatagrams"/>.</summary>
    /// <param name="destination">Outer destination, host order.</param>
    /// <param name="tos">Outer TOS octet.</param>
    /// <param name="headers">Everything in front of the payload, VXLAN header first.</param>
    /// <param name="payload">The payload.</param>
    public void Add(uint destination, byte tos, Slice headers, Slice payload)
    {
        Append(destination, tos, headers.Length + payload.Length, slicesPerSegment: 2);
        _slices[_sliceCount++] = headers;
        _slices[_sliceCount++] = payload;
    }

    /// <summary>Empties the batch.</summary>
    public void Clear()
    {
        _trainCount = _sliceCount = Datagrams = 0;
        HoldsPlain = false;
    }

    // Only the last train is open: a datagram that joined an earlier one would overtake those between.
    private void Append(uint destination, byte tos, int length, int slicesPerSegment)
    {
        if (_trainCount == 0 || !Fits(_trains[_trainCount - 1], destination, tos, length, slicesPerSegment))
        {
            _trains[_trainCount++] = new Train
            {
                Destination = destination,
                Tos = tos,
                SegmentSize = length,
                SlicesPerSegment = slicesPerSegment,
                FirstSlice = _sliceCount,
            };
        }
        ref Train train = ref _trains[_trainCount - 1];
        train.Segments++;
        train.Bytes += length;
        Datagrams++;
    }

    private bool Fits(in Train train, uint destination, byte tos, int length, int slicesPerSegment) =>
        train.Destination == destination && train.Tos == tos && train.SlicesPerSegment == slicesPerSegment
        && !train.HasShortEnd && length <= train.SegmentSize && train.Segments < segments && train.Bytes + length <= MaxBytes;

    private bool IsFull(in Train train) => train.Segments >= segments || train.Bytes + train.SegmentSize > MaxBytes;
}
