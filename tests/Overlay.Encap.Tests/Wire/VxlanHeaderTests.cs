using CsCheck;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Tests.Wire;

public sealed class VxlanHeaderTests
{
    [Fact]
    public void Flannels_header_is_these_eight_bytes()
    {
        byte[] bytes = new byte[VxlanHeader.Size];
        VxlanHeader.For(new Vni(1)).Write(bytes);
        Assert.Equal(new byte[] { 0x08, 0, 0, 0, 0, 0, 1, 0 }, bytes);
        VxlanHeader.For(new Vni(0xABCDEF)).Write(bytes);
        Assert.Equal(new byte[] { 0x08, 0, 0, 0, 0xAB, 0xCD, 0xEF, 0 }, bytes);
    }

    [Fact]
    public void Every_header_survives_a_round_trip_into_a_used_variable() => Gen.ULong.Array[2].Sample(bits =>
    {
        byte[] bytes = new byte[VxlanHeader.Size];
        VxlanHeader read = default;
        foreach (ulong value in bits)
        {
            new VxlanHeader(value).Write(bytes);
            read = VxlanHeader.Read(bytes);
            if (read.Bits != value || read.Flags != bytes[0] || read.Vni.Value != (uint)(bytes[4] << 16 | bytes[5] << 8 | bytes[6])) return false;
        }
        return read.Bits == bits[^1];
    });

    [Fact]
    public void A_vni_has_24_bits()
    {
        Assert.Equal(0xFF_FFFFu, new Vni(Vni.Max).Value);
        Assert.Throws<ArgumentOutOfRangeException>(() => new Vni(Vni.Max + 1));
        Assert.Equal("16777215", new Vni(Vni.Max).ToString());
    }
}
