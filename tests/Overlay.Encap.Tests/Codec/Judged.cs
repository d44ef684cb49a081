using Overlay.Encap.Codec;
using Overlay.Encap.Counters;
using Overlay.Encap.Forwarding;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Codec;

/// <summary>What node 1 thinks of a datagram, by default one from node 2.</summary>
internal readonly record struct Judged(DropReason Reason, int Length, bool ForeignMac)
{
    public static readonly uint Ours = Nodes.Address(1, 2), Theirs = Nodes.Address(2, 2);

    public static Judged Of(ReadOnlySpan<byte> datagram, uint? source = null, ForwardingTable? table = null)
    {
        DropReason reason = Decapsulator.Judge(datagram, source ?? Nodes.Endpoint(2), table ?? Nodes.Table(1), out int length, out bool foreignMac);
        Assert.True(reason == DropReason.None ? length >= 20 && length <= datagram.Length - Decapsulator.PacketAt : length == 0);
        return new Judged(reason, length, foreignMac);
    }

    public static Judged OfPacket(ReadOnlySpan<byte> packet, SourceCheck check = SourceCheck.Strict) =>
        Of(Nodes.Frame(2, 1, packet), table: Nodes.Table(1, check: check));

    public static byte[] Good(int payload = 32) => Nodes.Frame(2, 1, Packet.Udp(Theirs, Ours, Packet.Payload(payload)));
}
