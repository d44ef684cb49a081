using System.Net.NetworkInformation;
using Overlay.Encap.Tests.Codec;
using Overlay.Encap.Tests.Flow;
using Overlay.Testing.Packets;
using PacketDotNet;
using PacketDotNet.Utils;
using IPAddress = System.Net.IPAddress;
using Packet = Overlay.Testing.Packets.Packet;

namespace Overlay.Encap.Tests.Oracles;

/// <summary>PacketDotNet, which knows nothing of this code, reads what we write and writes what we read.</summary>
public sealed class PacketDotNetTests
{
    [Fact]
    public void It_reads_every_field_of_what_we_send()
    {
        SentFrames sent = SentFrames.Make();
        Assert.Equal(sent.Inner.Count, sent.Frames.Count);
        foreach ((byte[] frame, byte[] inner) in sent.Frames.Zip(Ordered(sent)))
        {
            UdpPacket udp = new EthernetPacket(new ByteArraySegment(frame)).Extract<UdpPacket>();
            Assert.True(udp.ValidUdpChecksum);
            Assert.Equal(8472, udp.DestinationPort);
            Assert.InRange(udp.SourcePort, 49_152, 65_535);

            VxlanPacket vxlan = new(new ByteArraySegment(udp.PayloadData), udp);
            Assert.Equal((1u, 0x08), (vxlan.Vni, vxlan.Flags >> 8 == 0 ? vxlan.Flags : vxlan.Flags >> 8));
            EthernetPacket ethernet = vxlan.Extract<EthernetPacket>();
            Assert.Equal((Mac(2), Mac(1), EthernetType.IPv4), (ethernet.DestinationHardwareAddress, ethernet.SourceHardwareAddress, ethernet.Type));

            IPv4Packet ip = ethernet.Extract<IPv4Packet>();
            Assert.Equal(("10.5.1.2", "10.5.2.2", true), (ip.SourceAddress.ToString(), ip.DestinationAddress.ToString(), ip.ValidIPChecksum));
            Assert.Equal(inner, ip.Bytes);
            if (ip.Extract<TcpPacket>() is { } tcp) Assert.True(tcp.ValidTcpChecksum);
            if (ip.Extract<UdpPacket>() is { } datagram) Assert.True(datagram.ValidUdpChecksum);
        }
    }

    [Fact]
    public void We_deliver_what_it_builds()
    {
        NodeUnderTest node = new();
        List<byte[]> inner = [];
        for (int i = 0; i < 3; i++)
        {
            UdpPacket udp = new((ushort)(7000 + i), 53) { PayloadData = Packet.Payload(50 + i) };
            TcpPacket tcp = new((ushort)(7000 + i), 443) { PayloadData = Packet.Payload(90 + i), Acknowledgment = true, SequenceNumber = 5, WindowSize = 100 };
            foreach (TransportPacket transport in new TransportPacket[] { udp, tcp })
            {
                IPv4Packet ip = new(new IPAddress([10, 5, 2, 2]), new IPAddress([10, 5, 1, 2])) { PayloadPacket = transport, TimeToLive = 60 };
                if (transport is UdpPacket) udp.UpdateUdpChecksum();
                else tcp.UpdateTcpChecksum();
                ip.UpdateIPChecksum();
                EthernetPacket ethernet = new(Mac(2), Mac(1), EthernetType.IPv4) { PayloadPacket = ip };
                inner.Add(ip.Bytes);
                node.Underlay.Inject([0x08, 0, 0, 0, 0, 0, 1, 0, .. ethernet.Bytes], Nodes.Endpoint(2));
            }
        }
        Assert.Equal(6, node.TurnInbound().Delivered);
        Assert.Equal(inner, node.TakeWrittenPackets().OrderBy(packet => inner.FindIndex(i => i.AsSpan().SequenceEqual(packet))));
    }

    [Fact]
    public void Its_arp_and_vlan_frames_are_refused()
    {
        ArpPacket arp = new(ArpOperation.Request, Mac(1), new IPAddress([10, 5, 1, 2]), Mac(2), new IPAddress([10, 5, 2, 2]));
        EthernetPacket frame = new(Mac(2), Mac(1), EthernetType.Arp) { PayloadPacket = arp };
        Assert.Equal(Overlay.Encap.Counters.DropReason.NotIp, Judged.Of([0x08, 0, 0, 0, 0, 0, 1, 0, .. frame.Bytes]).Reason);
        frame = new EthernetPacket(Mac(2), Mac(1), EthernetType.VLanTaggedFrame) { PayloadData = [0, 5, 8, 0, .. Judged.Good()[22..]] };
        Assert.Equal(Overlay.Encap.Counters.DropReason.Vlan, Judged.Of([0x08, 0, 0, 0, 0, 0, 1, 0, .. frame.Bytes]).Reason);
    }

    // Lanes may leave in another order than their packets came.
    private static IEnumerable<byte[]> Ordered(SentFrames sent) =>
        sent.Frames.Select(frame => sent.Inner.Single(inner => frame.AsSpan(14 + 28 + 22).SequenceEqual(inner)));

    private static PhysicalAddress Mac(int node) => new([2, 0, 0, 0, 0, (byte)node]);
}
