using Overlay.Encap.Buffers;

namespace Overlay.Encap.Tests.Buffers;

public sealed class PacketArenaTests
{
    [Fact]
    public void Room_is_handed_out_from_front_to_back_at_cache_lines_until_it_is_full()
    {
        PacketArena arena = new(256, fixedBytes: 10);
        Assert.True(arena.TryReserve(100, out int first));
        Assert.True(arena.TryReserve(192, out int same));
        arena.Commit(first + 70);
        Assert.True(arena.TryReserve(64, out int second));
        Assert.Equal((64, 64, 192), (first, same, second));
        Assert.False(arena.TryReserve(65, out _));
        arena.Reset();
        Assert.True(arena.TryReserve(192, out int again));
        Assert.Equal(64, again);
    }

    [Fact]
    public void A_slice_is_a_window_into_the_slab()
    {
        PacketArena arena = new(128);
        arena[new Slice(5, 2)].Fill(7);
        Assert.Equal(new byte[] { 0, 7, 7, 0 }, arena.Bytes[4..8].ToArray());
    }

    [Fact]
    public void A_slot_holds_the_longest_datagram_behind_the_one_before()
    {
        ReceiveBatch batch = new(3);
        Assert.Equal(3, batch.Capacity);
        Assert.True(ReceiveBatch.SlotSize > 65_535);
        batch.Arena.Bytes.Slice(ReceiveBatch.OffsetOf(2), ReceiveBatch.SlotSize).Fill(1);
        Assert.Equal(0, batch.Arena.Bytes[ReceiveBatch.OffsetOf(2) - 1]);
    }
}
