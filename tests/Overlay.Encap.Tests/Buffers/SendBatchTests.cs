using Overlay.Encap.Buffers;

namespace Overlay.Encap.Tests.Buffers;

public sealed class SendBatchTests
{
    private readonly SendBatch _batch = new(new PacketArena(64), lane: 2);

    private int[] Segments => [.. _batch.Trains.ToArray().Select(train => train.Segments)];

    private void Add(int length, uint destination = 1, byte tos = 0, int offset = 0) => _batch.Add(destination, tos, new Slice(offset, length));

    private void AddSegment(int length, uint destination = 1, byte tos = 0) => _batch.Add(destination, tos, new Slice(0, 20), new Slice(20, length - 20));

    [Fact]
    public void A_train_takes_equal_sizes_and_one_shorter_last()
    {
        foreach (int length in new[] { 10, 10, 9, 9, 9, 10 }) Add(length);
        Assert.Equal([3, 2, 1], Segments);
        Assert.Equal((10, 29), (_batch.Trains[0].SegmentSize, _batch.Trains[0].Bytes));
    }

    [Fact]
    public void A_train_has_one_destination_and_tos()
    {
        Add(10);
        Add(10, destination: 2);
        Add(10, tos: 1, destination: 2);
        Add(10, tos: 1, destination: 2);
        Assert.Equal([1, 1, 2], Segments);
    }

    [Fact]
    public void A_later_packet_never_overtakes_an_earlier_one()
    {
        Add(10, destination: 1, offset: 0);
        Add(10, destination: 2, offset: 1);
        Add(10, destination: 1, offset: 2);   // not into the first train, or it would leave before its neighbour
        Assert.Equal([1, 1, 1], Segments);
        Assert.Equal([0, 1, 2], [.. _batch.Trains.ToArray().Select(train => _batch.SlicesOf(train)[0].Offset)]);
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
        Assert.Equal(0, _batch.Datagrams);
    }

    [Fact]
    public void Segments_of_one_super_packet_join_those_of_the_one_before()
    {
        for (int i = 0; i < 5; i++) AddSegment(50);
        Assert.Equal([5], Segments);
        Assert.Equal(10, _batch.SlicesOf(_batch.Trains[0]).Length);
        AddSegment(40);   // the shorter end of a super-packet: nothing joins behind it
        AddSegment(50);
        Assert.Equal([6, 1], Segments);
    }

    [Fact]
    public void Plain_datagrams_and_segments_share_no_train()
    {
        Add(50);
        AddSegment(50);
        Add(50);
        Assert.Equal([1, 1, 1], Segments);
        Assert.Equal([1, 2, 1], [.. _batch.Trains.ToArray().Select(train => train.SlicesPerSegment)]);
        Assert.True(_batch.HoldsPlain);
        _batch.Clear();
        AddSegment(50);
        Assert.False(_batch.HoldsPlain);
    }

    [Fact]
    public void A_train_is_full_when_no_other_segment_of_its_size_fits()
    {
        int fitting = SendBatch.MaxBytes / 1500;
        for (int i = 0; i < fitting; i++)
        {
            Assert.False(_batch.HoldsFullTrain);
            AddSegment(1500);
        }
        Assert.True(_batch.HoldsFullTrain);
    }

    [Fact]
    public void Without_segmentation_every_datagram_is_a_train_and_none_is_worth_sending_alone()
    {
        SendBatch batch = new(new PacketArena(64), lane: 0, segments: 1);
        for (int i = 0; i < SendBatch.MaxDatagrams; i++) batch.Add(1, 0, new Slice(0, 20), new Slice(20, 30));
        Assert.Equal(SendBatch.MaxDatagrams, batch.Trains.Length);
        Assert.False(batch.HoldsFullTrain);
    }
}
