using CsCheck;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Tests.Wire;

public sealed class MacAddressTests
{
    private static readonly Gen<ulong> AnyMac = Gen.ULong[0, 0xFFFF_FFFF_FFFF];

    [Fact]
    public void Bytes_and_text_survive_a_round_trip_into_a_used_variable() => Gen.Select(AnyMac, AnyMac).Sample((a, b) =>
    {
        byte[] bytes = new byte[MacAddress.Size];
        bool same = true;
        MacAddress parsed = default;
        foreach (ulong value in new[] { a, b })
        {
            new MacAddress(value).Write(bytes);
            same &= MacAddress.Read(bytes).Value == value && bytes[0] == (byte)(value >> 40) && bytes[5] == (byte)value;
            same &= MacAddress.TryParse(new MacAddress(value).ToString(), out parsed) && parsed.Value == value;
        }
        return same;
    });

    [Theory]
    [InlineData("0a:1b:2c:3d:4e:5f", 0x0A1B2C3D4E5FUL)]
    [InlineData("0A-1B-2C-3D-4E-5F", 0x0A1B2C3D4E5FUL)]
    [InlineData("0a1b.2c3d.4e5f", 0x0A1B2C3D4E5FUL)]
    [InlineData("ff:ff:ff:ff:ff:ff", 0xFFFF_FFFF_FFFFUL)]
    public void Parses_what_go_parses(string text, ulong value)
    {
        Assert.True(MacAddress.TryParse(text, out MacAddress mac));
        Assert.Equal(value, mac.Value);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("0a:1b:2c:3d:4e")]
    [InlineData("0a:1b:2c:3d:4e:5f:60")]
    [InlineData("0a:1b:2c-3d:4e:5f")]
    [InlineData("0a.1b.2c.3d.4e.5f")]
    [InlineData("0a1b:2c3d:4e5f")]
    [InlineData("0g:1b:2c:3d:4e:5f")]
    [InlineData(" a:1b:2c:3d:4e:5f")]
    [InlineData("+a:1b:2c:3d:4e:5f")]
    [InlineData("0a1b2c3d4e5f")]
    public void Refuses_everything_else(string? text) => Assert.False(MacAddress.TryParse(text, out _));

    [Fact]
    public void A_new_address_is_local_unicast_and_not_the_last_one()
    {
        HashSet<ulong> seen = [];
        for (int i = 0; i < 100; i++)
        {
            MacAddress mac = MacAddress.NewLocal();
            Assert.True(mac.IsUnicast);
            Assert.Equal(2u, (uint)(mac.Value >> 40) & 3);
            Assert.True(seen.Add(mac.Value));
        }
    }

    [Fact]
    public void Group_and_zero_addresses_are_not_unicast()
    {
        Assert.False(new MacAddress(0).IsUnicast);
        Assert.False(new MacAddress(0xFFFF_FFFF_FFFF).IsUnicast);
        Assert.True(new MacAddress(0x0100_5E00_0001).IsMulticast);
        Assert.True(new MacAddress(0x0200_0000_0001).IsUnicast);
    }
}
