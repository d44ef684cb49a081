namespace Overlay.Testing.Packets;

/// <summary>
/// A queue of byte strings with a tag each, between any threads. Its buffers are kept and used again, so once they have
/// grown nothing is allocated.
/// </summary>
/// <typeparam name="T">What is kept beside the bytes.</typeparam>
/// <param name="stop">Ends the waits.</param>
public sealed class PacketQueue<T>(FakeStopSignal stop) where T : struct
{
    private (byte[] Bytes, int Length, T Tag)[] _slots = NewSlots(64);
    private int _head;
    private int _count;

    /// <summary>Number of entries.</summary>
    public int Count
    {
        get
        {
            lock (stop.Gate) return _count;
        }
    }

    /// <summary>Appends a copy of some bytes.</summary>
    public void Enqueue(ReadOnlySpan<byte> bytes, T tag)
    {
        lock (stop.Gate)
        {
            if (_count == _slots.Length) Grow();
            ref (byte[] Bytes, int Length, T Tag) slot = ref _slots[(_head + _count) & (_slots.Length - 1)];
            if (slot.Bytes.Length < bytes.Length) slot.Bytes = new byte[Math.Max(2048, bytes.Length)];
            bytes.CopyTo(slot.Bytes);
            (slot.Length, slot.Tag) = (bytes.Length, tag);
            _count++;
            Monitor.PulseAll(stop.Gate);
        }
    }

    /// <summary>Takes the oldest entry; what does not fit into <paramref name="destination"/> is lost, as with a datagram socket.</summary>
    /// <returns>False where there is none.</returns>
    public bool TryDequeue(Span<byte> destination, out int length, out T tag)
    {
        lock (stop.Gate)
        {
            (length, tag) = (0, default);
            if (_count == 0) return false;
            ref (byte[] Bytes, int Length, T Tag) slot = ref _slots[_head];
            (length, tag) = (Math.Min(slot.Length, destination.Length), slot.Tag);
            slot.Bytes.AsSpan(0, length).CopyTo(destination);
            _count--;
            _head = _count == 0 ? 0 : (_head + 1) & (_slots.Length - 1);   // from the start again: the same few buffers serve
            return true;
        }
    }

    /// <summary>Takes all entries, as arrays of their own.</summary>
    public List<(byte[] Bytes, T Tag)> Drain()
    {
        lock (stop.Gate)
        {
            List<(byte[], T)> all = [];
            for (; _count > 0; _count--, _head = (_head + 1) & (_slots.Length - 1))
                all.Add((_slots[_head].Bytes.AsSpan(0, _slots[_head].Length).ToArray(), _slots[_head].Tag));
            return all;
        }
    }

    /// <summary>Waits for an entry.</summary>
    /// <returns>False once the signal was triggered.</returns>
    public bool Wait()
    {
        lock (stop.Gate)
        {
            while (_count == 0 && !stop.IsTriggered) Monitor.Wait(stop.Gate);
            return !stop.IsTriggered;
        }
    }

    private void Grow()
    {
        (byte[] Bytes, int Length, T Tag)[] larger = NewSlots(_slots.Length * 2);
        for (int i = 0; i < _count; i++) larger[i] = _slots[(_head + i) & (_slots.Length - 1)];
        (_slots, _head) = (larger, 0);
    }

    private static (byte[], int, T)[] NewSlots(int count)
    {
        (byte[], int, T)[] slots = new (byte[], int, T)[count];
        Array.Fill(slots, ([], 0, default));
        return slots;
    }
}
