using CsCheck;
using Overlay.Encap.Mtu;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Wire;

public sealed class HeaderTests
{
    [Fact]
    public void Ethernet_headers_survive_a_round_trip_and_touch_only_their_14_bytes() =>
        Gen.Select(Gen.ULong[0, 0xFFFF_FFFF_FFFF], Gen.ULong[0, 0xFFFF_FFFF_FFFF], Gen.UShort).Array[2].Sample(headers =>
        {
            EthernetHeader read = default;
            foreach ((ulong destination, ulong source, ushort type) in headers)
            {
                byte[] bytes = new byte[16];
                bytes.AsSpan().Fill(0xEE);
                EthernetHeader header = new(new MacAddress(destination), new MacAddress(source), type);
                header.Write(bytes.AsSpan(1));
                read = EthernetHeader.Read(bytes.AsSpan(1));
                byte[] expected = [0xEE, .. Packet.Vxlan(destination, source, [], etherType: type)[8..], 0xEE];
                if (read != header || !bytes.AsSpan().SequenceEqual(expected)) return false;
            }
            return true;
        });

    [Fact]
    public void The_virtio_header_is_what_linux_lays_out()
    {
        VirtioNetHeader header = new() { Flags = 1, GsoType = 0x81, HeaderLength = 0x0102, GsoSize = 0x0304, ChecksumStart = 0x0506, ChecksumOffset = 0x0708, Buffers = 0x090A };
        byte[] bytes = new byte[VirtioNetHeader.Size];
        header.Write(bytes);
        byte[] little = [1, 0x81, 2, 1, 4, 3, 6, 5, 8, 7, 0x0A, 9];
        Assert.SkipUnless(BitConverter.IsLittleEndian, "the vector is a little-endian machine's");
        Assert.Equal(little, bytes);
        Assert.Equal(header, VirtioNetHeader.Read(bytes));
    }

    [Fact]
    public void The_ip_view_reads_what_was_built()
    {
        byte[] packet = Packet.Udp(0x0A050102, 0x0A050203, Packet.Payload(11),
            ip: new IPv4Fields { Tos = 0xB9, Id = 0xBEEF, Fragment = 0x2005, Ttl = 7, Options = [1, 1, 1, 1, 0, 0, 0, 0] });
        IPv4View ip = new(packet);
        Assert.Equal((4, 28, 0xB9, 47), (ip.Version, ip.HeaderLength, ip.Tos, ip.TotalLength));
        Assert.Equal((0xBEEF, 0x2005, 7, 17), (ip.Id, ip.Fragment, ip.Ttl, ip.Protocol));
        Assert.Equal((0x0A050102u, 0x0A050203u, true), (ip.Source, ip.Destination, ip.IsFragment));
    }

    [Theory]
    [InlineData(0x0000, false)]
    [InlineData(0x4000, false)]
    [InlineData(0x8000, false)]
    [InlineData(0x2000, true)]
    [InlineData(0x6000, true)]
    [InlineData(0x0001, true)]
    [InlineData(0x1FFF, true)]
    public void D8_first_middle_and_last_fragments_are_known_as_such(int flagsAndOffset, bool isFragment) =>
        Assert.Equal(isFragment, new IPv4View(Packet.Ping(1, 2, ip: new IPv4Fields { Fragment = (ushort)flagsAndOffset })).IsFragment);

    [Fact]
    public void The_overhead_is_flannels_50_bytes()
    {
        Assert.Equal(22, Overhead.Encapsulation);
        Assert.Equal(1450, new LinkMtu(1500).ToTunMtu().Bytes);
    }
}
