using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using CsCheck;
using Overlay.Encap.Checksums;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Checksums;

public sealed class InternetChecksumTests
{
    private delegate ulong Path(ref byte at, nuint length, ref nuint done);

    [Fact]
    public void The_example_of_rfc_1071_section_3_comes_out()
    {
        byte[] data = [0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7];
        byte[] field = new byte[2];
        InternetChecksum.WriteFolded(field, InternetChecksum.Sum(data));
        Assert.Equal(new byte[] { 0xDD, 0xF2 }, field);
        InternetChecksum.WriteFinished(field, InternetChecksum.Sum(data));
        Assert.Equal(new byte[] { 0x22, 0x0D }, field);
    }

    [Fact]
    public void Vectors_and_scalar_agree_for_every_length_at_odd_and_even_offsets()
    {
        byte[] data = Packet.Payload(4096 + 64, 3);
        data.AsSpan(1000, 600).Fill(0xFF);   // carries
        for (int offset = 0; offset < 34; offset += offset < 3 ? 1 : 15)
        {
            for (int length = 0; length <= 4096; length++)
            {
                ReadOnlySpan<byte> range = data.AsSpan(offset, length);
                if (InternetChecksum.Fold(InternetChecksum.Sum(range)) != InternetChecksum.Fold(InternetChecksum.SumScalar(range)))
                    Assert.Fail($"offset {offset}, length {length}");
            }
        }
    }

    // Which of them Sum takes depends on the CPU and on the compiler.
    [Theory]
    [InlineData("128 bits")]
    [InlineData("SSE2")]
    [InlineData("AVX2")]
    [InlineData("512 bits")]
    public void Each_vector_path_agrees_with_the_scalar_one(string name)
    {
        Path? path = name switch
        {
            "SSE2" => Sse2.IsSupported ? InternetChecksum.SumSse2 : null,
            "AVX2" => Avx2.IsSupported ? InternetChecksum.SumAvx2 : null,
            "128 bits" => InternetChecksum.Sum128,
            _ => InternetChecksum.Sum512,
        };
        Assert.SkipWhen(path is null, $"this CPU lacks {name}");
        byte[] random = Packet.Payload(5000, 7), ones = new byte[1 << 19], zeros = new byte[1 << 19];
        ones.AsSpan().Fill(0xFF);
        foreach (byte[] data in new[] { random, ones, zeros })
        {
            for (int length = data.Length; length > data.Length - 300; length--)
            {
                nuint done = 0;
                ulong sum = path!(ref data[0], (nuint)length, ref done);
                Assert.InRange((int)done, length - 63, length);
                sum += InternetChecksum.SumScalar(data.AsSpan((int)done..length));
                Assert.Equal(InternetChecksum.Fold(InternetChecksum.SumScalar(data.AsSpan(0, length))), InternetChecksum.Fold(sum));
            }
        }
    }

    [Fact]
    public void The_scalar_sum_is_the_plain_one() => Gen.Byte.Array[0, 300].Sample(data =>
    {
        byte[] field = new byte[2];
        InternetChecksum.WriteFinished(field, InternetChecksum.SumScalar(data));
        return (field[0] << 8 | field[1]) == Packet.Finish(data);
    });

    [Fact]
    public void Sums_of_all_ones_lose_no_carry()
    {
        byte[] data = new byte[1 << 20];
        data.AsSpan().Fill(0xFF);
        Assert.Equal(0xFFFF, InternetChecksum.Fold(InternetChecksum.Sum(data)));
        Assert.Equal(0xFFFF, InternetChecksum.Fold(InternetChecksum.SumScalar(data)));
    }

    [Fact]
    public void Fold_agrees_with_division_for_every_sum() => Gen.ULong.Sample(sum =>
    {
        ushort folded = InternetChecksum.Fold(sum);
        return (uint)folded % 0xFFFF == (uint)(sum % 0xFFFF) && (folded == 0) == (sum == 0);
    });

    [Fact]
    public void F1_an_incremental_change_equals_a_full_sum() => Gen.Select(Gen.Byte.Array[20], Gen.Byte).Sample((header, tos) =>
    {
        header[0] = 0x45;
        Packet.FixHeaderChecksum(header);
        byte[] changed = [.. header];
        changed[1] = tos;
        InternetChecksum.Update(changed.AsSpan(10, 2), header[0] << 8 | header[1], changed[0] << 8 | tos);
        byte[] full = [.. header];
        full[1] = tos;
        Packet.FixHeaderChecksum(full);
        return changed.AsSpan().SequenceEqual(full);
    });

    [Theory]
    [InlineData(0x0000)]
    [InlineData(0xFFFF)]
    [InlineData(0xFFFE)]
    public void F1_headers_that_end_up_at_the_edges_stay_right(int wanted)
    {
        // The identification is chosen so that the checksum is the wanted one before, then after the change.
        foreach (byte tos in new byte[] { 0, 1, 2, 3 })
        {
            byte[] header = Packet.IPv4(0x0A050102, 0x0A050203, 6, [], new IPv4Fields { Tos = tos, Id = 0 });
            int id = 0;
            for (; id <= 0xFFFF; id++)
            {
                (header[4], header[5]) = ((byte)(id >> 8), (byte)id);
                Packet.FixHeaderChecksum(header);
                if ((header[10] << 8 | header[11]) == wanted) break;
            }
            if (id > 0xFFFF)
            {
                Assert.Equal(0xFFFF, wanted);   // no sum over a header is zero, so none inverts to all ones
                continue;
            }
            for (byte to = 0; to < 4; to++)
            {
                byte[] there = [.. header];
                there[1] = to;
                InternetChecksum.Update(there.AsSpan(10, 2), 0x45 << 8 | tos, 0x45 << 8 | to);
                Assert.True(Packet.HasValidHeader(there));
                there[1] = tos;
                InternetChecksum.Update(there.AsSpan(10, 2), 0x45 << 8 | to, 0x45 << 8 | tos);
                Assert.Equal(header, there);
            }
        }
    }

    [Fact]
    public void A_transport_checksum_of_zero_is_sent_as_all_ones()
    {
        byte[] field = [0x55, 0x55];
        InternetChecksum.WriteFinishedTransport(field, 0xFFFF);
        Assert.Equal(0xFFFF, MemoryMarshal.Read<ushort>(field));
        InternetChecksum.WriteFinished(field, 0xFFFF);
        Assert.Equal(0, MemoryMarshal.Read<ushort>(field));
    }
}
