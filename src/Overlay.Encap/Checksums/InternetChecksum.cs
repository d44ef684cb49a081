using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Overlay.Encap.Checksums;

/// <summary>
/// The one's complement sum of RFC 1071 over memory in host byte order: a partial sum is any number that folds to the
/// right 16 bits, so partial sums are added freely and folded once.
/// </summary>
/// <remarks>
/// Ranges must begin at an even offset from each other (RFC 1071 section 2(A)); only the last may have an odd length.
/// Thread-safe, allocates nothing.
/// </remarks>
public static class InternetChecksum
{
    /// <summary>The partial sum of <paramref name="data"/>, at most 512 KiB of it.</summary>
    public static ulong Sum(ReadOnlySpan<byte> data)
    {
        ref byte at = ref MemoryMarshal.GetReference(data);
        nuint length = (nuint)data.Length, done = 0;
        ulong sum = 0;
        // NativeAOT decides when it compiles, and a binary that is to run on every x64 CPU has the 128-bit path alone.
        if (Vector512.IsHardwareAccelerated && length >= 2 * (nuint)Vector512<byte>.Count) sum = Sum512(ref at, length, ref done);
        else if (Avx2.IsSupported && length >= 2 * (nuint)Vector256<byte>.Count) sum = SumAvx2(ref at, length, ref done);
        else if (Sse2.IsSupported && length >= 4 * (nuint)Vector128<byte>.Count) sum = SumSse2(ref at, length, ref done);
        else if (Vector128.IsHardwareAccelerated && length >= 2 * (nuint)Vector128<byte>.Count) sum = Sum128(ref at, length, ref done);
        if (done > 0 && length - done >= 2 * (nuint)Vector128<byte>.Count) sum += Sum128(ref at, length, ref done);
        return sum + SumScalar(data[(int)done..]);
    }

    /// <summary>The same without vectors: the reference the vector paths are tested against, and their tail.</summary>
    public static ulong SumScalar(ReadOnlySpan<byte> data)
    {
        ulong sum = 0;
        for (; data.Length >= 8; data = data[8..])
        {
            ulong words = MemoryMarshal.Read<ulong>(data);
            sum += (uint)words + (words >> 32);
        }
        if (data.Length >= 4)
        {
            sum += MemoryMarshal.Read<uint>(data);
            data = data[4..];
        }
        if (data.Length >= 2)
        {
            sum += MemoryMarshal.Read<ushort>(data);
            data = data[2..];
        }
        if (data.Length == 1) sum += BitConverter.IsLittleEndian ? data[0] : (uint)data[0] << 8;
        return sum;
    }

    /// <summary>A big-endian 16-bit field's part in a sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Word(int field) =>
        BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness((ushort)field) : (ushort)field;

    /// <summary>A big-endian 32-bit field's part in a sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong DoubleWord(uint field) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(field) : field;

    /// <summary>The 16 bits of a partial sum, not inverted, in host byte order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Fold(ulong sum)
    {
        sum = (sum & 0xFFFF_FFFF) + (sum >> 32);
        sum = (sum & 0xFFFF_FFFF) + (sum >> 32);
        uint low = (uint)sum;
        low = (low & 0xFFFF) + (low >> 16);
        return (ushort)(low + (low >> 16));
    }

    /// <summary>Writes a folded sum as it is: what a partial checksum field holds.</summary>
    public static void WriteFolded(Span<byte> field, ulong sum)
    {
        ushort folded = Fold(sum);
        MemoryMarshal.Write(field, in folded);
    }

    /// <summary>Writes the finished checksum, the inverted sum. The field itself must have been zero in the sum.</summary>
    public static void WriteFinished(Span<byte> field, ulong sum)
    {
        ushort finished = (ushort)~Fold(sum);
        MemoryMarshal.Write(field, in finished);
    }

    /// <summary>Writes the finished checksum of TCP or UDP, with 0 sent as 0xFFFF, since 0 means "none" in UDP (RFC 768).</summary>
    public static void WriteFinishedTransport(Span<byte> field, ulong sum)
    {
        ushort finished = (ushort)~Fold(sum);
        if (finished == 0) finished = 0xFFFF;
        MemoryMarshal.Write(field, in finished);
    }

    /// <summary>Adjusts a finished checksum for one 16-bit field that changed from one value to another (RFC 1624 eqn. 3).</summary>
    public static void Update(Span<byte> field, int oldWord, int newWord)
    {
        ushort checksum = MemoryMarshal.Read<ushort>(field);
        WriteFinished(field, (ulong)(ushort)~checksum + (ushort)~Word(oldWord) + Word(newWord));
    }

    /// <summary>The sum of a TCP or UDP pseudo-header without its length (RFC 9293 section 3.1).</summary>
    /// <param name="addresses">Source and destination address as they stand in the IPv4 header, eight bytes.</param>
    /// <param name="protocol">Protocol number.</param>
    public static ulong PseudoHeader(ReadOnlySpan<byte> addresses, byte protocol) =>
        (ulong)MemoryMarshal.Read<uint>(addresses) + MemoryMarshal.Read<uint>(addresses[4..]) + Word(protocol);

    // Each path takes as much of the front as it can and says how much that was. Tests call each on its own: a CPU would show only one.

    // 64-bit lanes take the two 32-bit halves of each word apart, so no carry is lost for 2^32 additions.

    internal static ulong Sum512(ref byte at, nuint length, ref nuint done)
    {
        Vector512<ulong> low = Vector512<ulong>.Zero, high = low, low2 = low, high2 = low, mask = Vector512.Create(0xFFFF_FFFFUL);
        nuint width = (nuint)Vector512<byte>.Count;
        for (; done + 2 * width <= length; done += 2 * width)
        {
            Vector512<ulong> words = Vector512.LoadUnsafe(ref at, done).AsUInt64(), more = Vector512.LoadUnsafe(ref at, done + width).AsUInt64();
            low += words & mask;
            high += words >>> 32;
            low2 += more & mask;
            high2 += more >>> 32;
        }
        for (; done + width <= length; done += width)
        {
            Vector512<ulong> words = Vector512.LoadUnsafe(ref at, done).AsUInt64();
            low += words & mask;
            high += words >>> 32;
        }
        return Vector512.Sum(low + high + (low2 + high2));
    }

    internal static ulong SumAvx2(ref byte at, nuint length, ref nuint done)
    {
        Vector256<ulong> low = Vector256<ulong>.Zero, high = low, low2 = low, high2 = low;
        Vector256<ulong> mask = Vector256.Create(0xFFFF_FFFFUL);
        nuint step = 2 * (nuint)Vector256<byte>.Count;
        for (; done + step <= length; done += step)
        {
            Vector256<ulong> words = Unsafe.ReadUnaligned<Vector256<ulong>>(ref Unsafe.AddByteOffset(ref at, done));
            Vector256<ulong> more = Unsafe.ReadUnaligned<Vector256<ulong>>(ref Unsafe.AddByteOffset(ref at, done + (nuint)Vector256<byte>.Count));
            low = Avx2.Add(low, Avx2.And(words, mask));
            high = Avx2.Add(high, Avx2.ShiftRightLogical(words, 32));
            low2 = Avx2.Add(low2, Avx2.And(more, mask));
            high2 = Avx2.Add(high2, Avx2.ShiftRightLogical(more, 32));
        }
        Vector256<ulong> sum = Avx2.Add(Avx2.Add(low, high), Avx2.Add(low2, high2));
        return sum[0] + sum[1] + sum[2] + sum[3];
    }

    // The instruction that adds neighbours in one step takes signed words: each is moved down by 32768, and up again in the end.
    // A lane of 32 bits holds 32767 steps, two words of at most 32768 each; 512 KiB take 8195, and as much again where lanes are added.
    internal static ulong SumSse2(ref byte at, nuint length, ref nuint done)
    {
        Vector128<int> a = Vector128<int>.Zero, b = a, c = a, d = a;
        Vector128<short> down = Vector128.Create(short.MinValue), ones = Vector128<short>.One;
        nuint width = (nuint)Vector128<byte>.Count, step = 4 * width;
        for (; done + step <= length; done += step)
        {
            a += Sse2.MultiplyAddAdjacent(Vector128.LoadUnsafe(ref at, done).AsInt16() ^ down, ones);
            b += Sse2.MultiplyAddAdjacent(Vector128.LoadUnsafe(ref at, done + width).AsInt16() ^ down, ones);
            c += Sse2.MultiplyAddAdjacent(Vector128.LoadUnsafe(ref at, done + 2 * width).AsInt16() ^ down, ones);
            d += Sse2.MultiplyAddAdjacent(Vector128.LoadUnsafe(ref at, done + 3 * width).AsInt16() ^ down, ones);
        }
        for (; done + width <= length; done += width)
            a += Sse2.MultiplyAddAdjacent(Vector128.LoadUnsafe(ref at, done).AsInt16() ^ down, ones);
        (Vector128<long> ab, Vector128<long> ab2) = Vector128.Widen(a + b);
        (Vector128<long> cd, Vector128<long> cd2) = Vector128.Widen(c + d);
        return (ulong)(Vector128.Sum(ab + ab2 + cd + cd2) + (long)(done / 2) * 32768);
    }

    internal static ulong Sum128(ref byte at, nuint length, ref nuint done)
    {
        Vector128<ulong> low = Vector128<ulong>.Zero, high = low, mask = Vector128.Create(0xFFFF_FFFFUL);
        for (; done + (nuint)Vector128<byte>.Count <= length; done += (nuint)Vector128<byte>.Count)
        {
            Vector128<ulong> words = Vector128.LoadUnsafe(ref at, done).AsUInt64();
            low += words & mask;
            high += words >>> 32;
        }
        return Vector128.Sum(low + high);
    }
}
