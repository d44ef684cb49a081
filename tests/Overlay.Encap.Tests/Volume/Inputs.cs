using System.Buffers.Binary;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Volume;

/// <summary>Datagrams that are nearly right: whole ones of every kind, in which a few fields are given values from the edges of their ranges.</summary>
internal static class Inputs
{
    /// <summary>The longest datagram made.</summary>
    public const int MaxLength = 512;

    private const int Mac = 8, EtherType = 20, Ip = 22;

    private static readonly byte[][] Whole = MakeWhole();
    private static readonly uint[] Addresses = MakeAddresses();
    private static readonly ushort[] EtherTypes = [0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8, 0x8847, 0x0000, 0x05FF, 0x0600, 0xFFFF];
    private static readonly ulong[] Macs = [0x0200_0000_0001, 0x0200_0000_0002, 0x0200_0000_0003, 0, 0xFFFF_FFFF_FFFF, 0x0100_5E00_0001, 0x0200_0000_0100];

    /// <summary>Makes one.</summary>
    /// <returns>Its length.</returns>
    public static int Make(ref Dice dice, Span<byte> d)
    {
        byte[] whole = Whole[dice.Next(Whole.Length)];
        whole.CopyTo(d);
        int length = whole.Length;
        for (int changes = dice.Next(4); changes > 0; changes--) length = Change(ref dice, d, length);
        return length;
    }

    private static int Change(ref Dice dice, Span<byte> d, int length)
    {
        switch (dice.Next(16))
        {
            case 0:
                return dice.Next(length + 1);
            case 1:
                int padding = dice.Next(64);
                d.Slice(length, padding).Fill((byte)dice.Next(256));
                return length + padding;
            case 2:
                d[0] = (byte)dice.Next(256);
                break;
            case 3:
                d[dice.Next(8)] ^= (byte)(1 << dice.Next(8));
                break;
            case 4:
                PutMac(d[Mac..], dice.Any<ulong>(Macs));
                break;
            case 5:
                PutMac(d[(Mac + 6)..], dice.Any<ulong>(Macs));
                break;
            case 6:
                BinaryPrimitives.WriteUInt16BigEndian(d[EtherType..], dice.Any<ushort>(EtherTypes));
                break;
            case 7:
                d[Ip] = (byte)dice.Next(256);
                break;
            case 8:
                ReadOnlySpan<int> totals = [0, 1, 19, 20, 21, length - Ip - 1, length - Ip, length - Ip + 1, dice.Next(65_536), 65_535];
                BinaryPrimitives.WriteUInt16BigEndian(d[(Ip + 2)..], (ushort)dice.Any(totals));
                break;
            case 9:
                d[Ip + 8] = (byte)dice.Next(3);
                break;
            case 10 or 11:
                BinaryPrimitives.WriteUInt32BigEndian(d[(Ip + 12)..], AnyAddress(ref dice));
                break;
            case 12 or 13:
                BinaryPrimitives.WriteUInt32BigEndian(d[(Ip + 16)..], AnyAddress(ref dice));
                break;
            case 14:
                d[Ip + 9] = (byte)dice.Next(256);
                break;
            default:
                d[dice.Next(Math.Max(1, length))] = (byte)dice.Next(256);
                break;
        }
        return length;
    }

    private static uint AnyAddress(ref Dice dice) => dice.Next(8) == 0 ? (uint)dice.Next() : dice.Any<uint>(Addresses);

    private static void PutMac(Span<byte> at, ulong mac)
    {
        BinaryPrimitives.WriteUInt16BigEndian(at, (ushort)(mac >> 32));
        BinaryPrimitives.WriteUInt32BigEndian(at[2..], (uint)mac);
    }

    private static byte[][] MakeWhole()
    {
        uint theirs = Nodes.Address(2, 2), ours = Nodes.Address(1, 2);
        byte[][] inner =
        [
            Packet.Udp(theirs, ours, Packet.Payload(32)),
            Packet.Udp(theirs, ours, []),
            Packet.Tcp(theirs, ours, Packet.Payload(64), new TcpFields { Options = [1, 1, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8] }),
            Packet.Tcp(theirs, ours, [], new TcpFields { Flags = Packet.Syn }),
            Packet.Ping(theirs, ours, ip: new IPv4Fields { Options = new byte[40] }),
            Packet.Udp(theirs, ours, Packet.Payload(40), ip: new IPv4Fields { Fragment = Packet.MoreFragments }),
            Packet.Udp(ours, theirs, Packet.Payload(8)), // right for the way out
        ];
        return [.. inner.Select(packet => Nodes.Frame(2, 1, packet))];
    }

    private static uint[] MakeAddresses() =>
    [
        .. Enumerable.Range(0, NaiveNode.Count + 2).SelectMany(node => new[] { Nodes.Address(node, 0), Nodes.Address(node, 2), Nodes.Address(node, 255) }),
        .. new[]
        {
            "0.0.0.0", "0.255.255.255", "1.0.0.0", "10.4.255.255", "10.6.0.0", "10.5.255.255", "126.255.255.255", "127.0.0.1", "128.0.0.0",
            "169.253.255.255", "169.254.0.0", "169.254.169.254", "169.255.0.0", "172.16.9.9", "192.168.0.1", "192.168.0.2", "223.255.255.255",
            "224.0.0.0", "239.255.255.255", "240.0.0.0", "255.255.255.255",
        }.Select(Packet.Ip),
    ];
}
