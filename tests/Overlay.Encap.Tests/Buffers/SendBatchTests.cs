using Overlay.Encap.Buffers;

namespace Overlay.Encap.Tests.Buffers;

public sealed class SendBatchTests
{
    private readonly SendBatch _batch = new(new PacketArena(64), lanes: 2);

    private int[] Segments => [.. _batch.Trains.ToArray().Select(train => train.Segments)];

    private void Add(int length, uint destination = 1, int lane = 0, byte tos = 0, int offset = 0) => _batch.Add(destination, lane, tos, new Slice(offset, length));

    [Fact]
    public void A_train_takes_equal_sizes_and_one_shorter_last()
    {
        foreach (int length in new[] { 10, 10, 9, 9, 9, 10 }) Add(length);
        Assert.Equal([3, 2, 1], Segments);
        Assert.Equal((10, 29), (_batch.Trains[0].SegmentSize, _batch.Trains[0].Bytes));
    }

    [Fact]
    public void A_train_has_one_destination_tos_and_lane()
    {
        Add(10);
        Add(10, destination: 2);
        Add(10, tos: 1, destination: 2);
        Add(10, tos: 1, destination: 2, lane: 1);
        Add(10, tos: 1, destination: 2);
        Assert.Equal([1, 1, 2, 1], Segments);
    }

    [Fact]
    public void A_later_packet_never_overtakes_an_earlier_one_of_its_lane()
    {
        Add(10, destination: 1, offset: 0);
        Add(10, destination: 2, offset: 1);
        Add(10, destination: 1, offset: 2);   // not into the first train, or it would leave before its neighbour
        Assert.Equal([1, 1, 1], Segments);
    }

    [Fact]
    public void A_train_keeps_the_kernels_bounds()
    {
        for (int i = 0; i < SendBatch.MaxSegments + 1; i++) Add(10);
        Assert.Equal([SendBatch.MaxSegments, 1], Segments);
        _batch.Clear();
        for (int i = 0; i < 3; i++) Add(SendBatch.MaxBytes / 2);
        Assert.Equal([2, 1], Segments);
        _batch.Clear();
        Assert.True(_batch.Trains.IsEmpty);
    }

    [Fact]
    public void Slices_of_interleaved_lanes_stay_with_their_trains()
    {
        for (int i = 0; i < 20; i++) Add(10, lane: i % 2, offset: i);
        foreach (Train train in _batch.Trains)
        {
            int slice = train.FirstSlice;
            for (int i = 0; i < train.Segments; i++, slice = _batch.SliceAfter(slice)) Assert.Equal(train.Lane + 2 * i, _batch.SliceAt(slice).Offset);
            Assert.Equal(-1, slice);
        }
    }

    [Fact]
    public void A_super_packets_train_is_joined_by_nothing()
    {
        Add(50);
        _batch.BeginSuper(1, 0, 0, 50);
        _batch.AddSegment(new Slice(0, 20), new Slice(20, 30));
        Add(50);
        Assert.Equal([1, 1, 1], Segments);
        Assert.Equal((2, 50), (_batch.Trains[1].SlicesPerSegment, _batch.Trains[1].Bytes));
    }

    [Fact]
    public void Lanes_cover_the_hash()
    {
        Assert.Equal((0, 0, 1, 1), (_batch.LaneOf(0), _batch.LaneOf(0x7FFF_FFFF), _batch.LaneOf(0x8000_0000), _batch.LaneOf(uint.MaxValue)));
    }
}
