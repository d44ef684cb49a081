using System.Buffers.Binary;
using Overlay.Encap.Counters;
using Overlay.Encap.Forwarding;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Volume;

/// <summary>
/// The verdicts of FAULTS 2A to 2E for node 1 of the nodes 1 to 6, in the order of the layers, written for reading and apart from the
/// code under test: no tables, no views, every field at its offset in RFC 7348, RFC 894 and RFC 791.
/// </summary>
internal static class NaiveNode
{
    public const int Count = 6;

    /// <summary>What becomes of a datagram of a known VTEP.</summary>
    public static DropReason Judge(ReadOnlySpan<byte> d, uint from, SourceCheck check)
    {
        if (d.Length < 8) return DropReason.ShortOuter;
        if (d[0] != 8) return DropReason.BadFlags;
        if (d[1] != 0 || d[2] != 0 || d[3] != 0 || d[7] != 0) return DropReason.Reserved;
        if (d[4] != 0 || d[5] != 0 || d[6] != 1) return DropReason.WrongVni;

        if (d.Length <= 22) return DropReason.ShortInner;
        ulong toMac = Mac(d[8..]), fromMac = Mac(d[14..]);
        if (toMac != 0x0200_0000_0001) return DropReason.DstMac;
        if (fromMac == 0x0200_0000_0001) return DropReason.Loop;
        if ((d[14] & 1) != 0 || fromMac == 0) return DropReason.SrcMac;

        ReadOnlySpan<byte> ip = d[22..];
        int type = d[20] << 8 | d[21];
        if (type is 0x8100 or 0x88A8) return DropReason.Vlan;
        if (type == 0x86DD) return ip[0] >> 4 == 6 ? DropReason.Family : DropReason.Version;
        if (type != 0x0800) return DropReason.NotIp;
        if (ip[0] >> 4 != 4) return DropReason.Version;
        if (BadHeader(ip) is not DropReason.None and DropReason bad) return bad;

        uint source = Address(ip[12..]), destination = Address(ip[16..]);
        if (ip[8] == 0) return DropReason.Ttl;
        if (source == destination) return DropReason.Martian;
        int sender = Owner(source);
        if (sender == 1) return DropReason.SpoofSelf;
        if (sender != 0)
        {
            if (from != Nodes.Endpoint(sender)) return DropReason.SpoofPeer;
            if (check == SourceCheck.Strict && fromMac != 0x0200_0000_0000ul + (uint)sender) return DropReason.SrcMac;
        }
        else
        {
            bool inside = source >> 16 == 0x0A05;
            if (NoHost(source) || source >> 16 == 0xA9FE) return DropReason.Martian;
            if (inside && check != SourceCheck.Off) return DropReason.SpoofUnleased;
            if (!inside && check == SourceCheck.Strict) return DropReason.SpoofOutside;
        }
        if (Owner(destination) != 1) return NoHost(destination) ? DropReason.MartianDst : DropReason.NotOurs;
        return (destination & 255) == 255 ? DropReason.MartianDst : DropReason.None;
    }

    /// <summary>What becomes of a packet read from the device, and to which node it goes.</summary>
    public static (DropReason Reason, int Node) Route(ReadOnlySpan<byte> ip, SourceCheck check)
    {
        if (ip.IsEmpty) return (DropReason.IpLength, 0);
        if (ip[0] >> 4 != 4) return (ip[0] >> 4 == 6 ? DropReason.Family : DropReason.Version, 0);
        if (BadHeader(ip) is not DropReason.None and DropReason bad) return (bad, 0);
        uint source = Address(ip[12..]), destination = Address(ip[16..]);
        int node = Owner(destination);
        if (node is 0 or 1) return (NoHost(destination) ? DropReason.MartianDst : DropReason.NoRoute, 0);
        if (Owner(source) == 1) return (DropReason.None, node);
        if (NoHost(source) || source >> 16 == 0xA9FE) return (DropReason.Martian, node);
        bool refused = Owner(source) != 0 || check == SourceCheck.Strict || (check == SourceCheck.AntiSpoof && source >> 16 == 0x0A05);
        return (refused ? DropReason.ForeignSource : DropReason.None, node);
    }

    private static DropReason BadHeader(ReadOnlySpan<byte> ip)
    {
        if (ip.Length < 20) return DropReason.IpHeader;
        int header = (ip[0] & 15) * 4, total = ip[2] << 8 | ip[3];
        if (header < 20 || header > ip.Length) return DropReason.IpHeader;
        return total < header || total > ip.Length ? DropReason.IpLength : DropReason.None;
    }

    // 10.5.n.0/24 is node n's.
    private static int Owner(uint address) => address >> 16 == 0x0A05 && (address >> 8 & 255) is >= 1 and <= Count and uint node ? (int)node : 0;

    private static bool NoHost(uint address) => address >> 24 is 0 or 127 or >= 224;

    private static uint Address(ReadOnlySpan<byte> at) => BinaryPrimitives.ReadUInt32BigEndian(at);

    private static ulong Mac(ReadOnlySpan<byte> at) => (ulong)BinaryPrimitives.ReadUInt16BigEndian(at) << 32 | BinaryPrimitives.ReadUInt32BigEndian(at[2..]);
}
