namespace Overlay.Encap.Tests.Volume;

/// <summary>A generator (SplitMix64) that costs less than the code under test. The same seed gives the same numbers everywhere.</summary>
internal struct Dice(ulong seed)
{
    private ulong _state = seed;

    public ulong Next()
    {
        ulong z = _state += 0x9E37_79B9_7F4A_7C15;
        z = (z ^ z >> 30) * 0xBF58_476D_1CE4_E5B9;
        z = (z ^ z >> 27) * 0x94D0_49BB_1331_11EB;
        return z ^ z >> 31;
    }

    /// <summary>From 0 to one less than <paramref name="limit"/>.</summary>
    public int Next(int limit) => (int)((Next() >> 32) * (ulong)limit >> 32);

    public T Any<T>(ReadOnlySpan<T> choice) => choice[Next(choice.Length)];
}
