using System.Numerics;

namespace Overlay.Encap.Forwarding;

/// <summary>
/// An immutable longest-prefix map from IPv4 prefixes to small numbers. One open-addressed table per prefix length, so a
/// look-up costs one probe where all leases have one length, however many there are. Safe for any number of readers.
/// </summary>
public sealed class PrefixMap
{
    /// <summary>Returned where no prefix covers the address.</summary>
    public const int None = -1;

    private const uint Golden = 0x9E37_79B1;

    private readonly Level[] _levels;

    /// <summary>Builds the map. Of equal prefixes the first wins.</summary>
    /// <param name="entries">Prefixes and the non-negative number that each maps to.</param>
    public PrefixMap(IEnumerable<(Prefix Prefix, int Value)> entries) =>
        _levels = [.. entries.GroupBy(e => e.Prefix.Length).OrderByDescending(g => g.Key).Select(g => new Level(g.Key, [.. g]))];

    /// <summary>The number of the longest prefix that covers <paramref name="address"/>, or <see cref="None"/>.</summary>
    /// <param name="address">Host order.</param>
    public int Find(uint address)
    {
        foreach (ref readonly Level level in _levels.AsSpan())
        {
            int value = level.Find(address);
            if (value >= 0) return value;
        }
        return None;
    }

    /// <summary>How many slots the costliest successful look-up reads in one level.</summary>
    internal int LongestProbe => _levels.Length == 0 ? 0 : _levels.Max(level => level.LongestProbe);

    private readonly struct Level
    {
        private readonly uint _mask;
        private readonly int _hostBits;   // of 32, C# shifts by none; the key is 0 then anyway
        private readonly int _shift;
        private readonly ulong[] _slots;   // key in the upper half, value + 1 in the lower; 0 is an empty slot

        public Level(int length, (Prefix Prefix, int Value)[] entries)
        {
            _mask = Prefix.MaskOf(length);
            _hostBits = 32 - length;
            int capacity = (int)BitOperations.RoundUpToPowerOf2((uint)Math.Max(4, entries.Length * 2));
            _shift = 32 - BitOperations.Log2((uint)capacity);
            _slots = new ulong[capacity];
            foreach ((Prefix prefix, int value) in entries)
            {
                uint at = SlotOf(prefix.Address);
                while (_slots[at] != 0 && _slots[at] >> 32 != prefix.Address) at = at + 1 & (uint)_slots.Length - 1;
                if (_slots[at] == 0) _slots[at] = (ulong)prefix.Address << 32 | (uint)(value + 1);
            }
        }

        public int Find(uint address)
        {
            uint key = address & _mask;
            ulong[] slots = _slots;
            for (uint at = SlotOf(key); ; at++)
            {
                ulong slot = slots[at & (uint)slots.Length - 1];
                if (slot == 0) return None;
                if (slot >> 32 == key) return (int)(uint)slot - 1;
            }
        }

        // Multiples of the golden ratio are spread evenly, multiples of 256 times it are not: subnets side by side have to be counted in ones.
        private uint SlotOf(uint key) => (key >> _hostBits) * Golden >> _shift;

        public int LongestProbe
        {
            get
            {
                int longest = 0;
                for (uint at = 0; at < _slots.Length; at++)
                {
                    if (_slots[at] != 0) longest = Math.Max(longest, 1 + (int)(at - SlotOf((uint)(_slots[at] >> 32)) & (uint)_slots.Length - 1));
                }
                return longest;
            }
        }
    }
}
