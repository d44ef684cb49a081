namespace Overlay.Encap.Wire;

/// <summary>Explicit congestion notification through a tunnel (RFC 6040): the two low bits of the TOS octet.</summary>
public static class Ecn
{
    /// <summary>The bits of the TOS octet that are ECN's.</summary>
    public const byte Mask = 3;

    /// <summary>Codepoint: the transport does not take part.</summary>
    public const byte NotEct = 0;

    /// <summary>Codepoint: congestion experienced.</summary>
    public const byte CongestionExperienced = 3;

    /// <summary>Returned by <see cref="Decapsulate"/> for the one pair that has to be dropped.</summary>
    public const int Drop = -1;

    // Row: inner Not-ECT, ECT(1), ECT(0), CE (codepoints 0, 1, 2, 3); column: the outer codepoint. RFC 6040 figure 4.
    private static ReadOnlySpan<sbyte> Combined => [0, 0, 0, Drop, 1, 1, 1, 3, 2, 1, 2, 3, 3, 3, 3, 3];

    // The pairs that figure 4 marks as worth a look by an operator.
    private const int OddPairs = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 13;

    /// <summary>The ECN codepoint a decapsulated packet goes on with, or <see cref="Drop"/>.</summary>
    /// <param name="inner">TOS octet of the inner header.</param>
    /// <param name="outer">TOS octet of the outer header.</param>
    public static int Decapsulate(byte inner, byte outer) => Combined[Pair(inner, outer)];

    /// <summary>True for the pairs no well-behaved tunnel produces.</summary>
    /// <param name="inner">TOS octet of the inner header.</param>
    /// <param name="outer">TOS octet of the outer header.</param>
    public static bool IsOdd(byte inner, byte outer) => (OddPairs >> Pair(inner, outer) & 1) != 0;

    private static int Pair(byte inner, byte outer) => (inner & Mask) << 2 | outer & Mask;
}
