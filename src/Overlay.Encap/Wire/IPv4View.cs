using System.Buffers.Binary;

namespace Overlay.Encap.Wire;

/// <summary>Reads the fields of an IPv4 header in place (RFC 791 section 3.1). Addresses are numbers in host order.</summary>
/// <remarks>Borrows the span; valid as long as the packet is. The span holds at least <see cref="MinHeader"/> bytes.</remarks>
/// <param name="packet">The packet, from the version octet on.</param>
public readonly ref struct IPv4View(ReadOnlySpan<byte> packet)
{
    /// <summary>Bytes of a header without options.</summary>
    public const int MinHeader = 20;

    /// <summary>Where the total length stands.</summary>
    public const int TotalLengthAt = 2;

    /// <summary>Where the identification stands.</summary>
    public const int IdAt = 4;

    /// <summary>Where flags and fragment offset stand.</summary>
    public const int FragmentAt = 6;

    /// <summary>Where the header checksum stands.</summary>
    public const int ChecksumAt = 10;

    /// <summary>Where source and destination address stand, eight bytes.</summary>
    public const int AddressesAt = 12;

    /// <summary>Protocol number of ICMP.</summary>
    public const byte Icmp = 1;

    /// <summary>Protocol number of TCP.</summary>
    public const byte Tcp = 6;

    /// <summary>Protocol number of UDP.</summary>
    public const byte Udp = 17;

    /// <summary>The "don't fragment" bit of <see cref="Fragment"/>.</summary>
    public const ushort DontFragment = 0x4000;

    private const ushort MoreFragmentsAndOffset = 0x3FFF;

    private readonly ReadOnlySpan<byte> _packet = packet;

    /// <summary>IP version, 4 for a packet this view may read.</summary>
    public int Version => _packet[0] >> 4;

    /// <summary>Header length in bytes, options included: 0 to 60, not yet checked against 20 or the packet.</summary>
    public int HeaderLength => (_packet[0] & 15) * 4;

    /// <summary>The DSCP and ECN octet.</summary>
    public byte Tos => _packet[1];

    /// <summary>Length in bytes of header and payload as the header claims it.</summary>
    public int TotalLength => BinaryPrimitives.ReadUInt16BigEndian(_packet[TotalLengthAt..]);

    /// <summary>Identification.</summary>
    public ushort Id => BinaryPrimitives.ReadUInt16BigEndian(_packet[IdAt..]);

    /// <summary>Flags and fragment offset.</summary>
    public ushort Fragment => BinaryPrimitives.ReadUInt16BigEndian(_packet[FragmentAt..]);

    /// <summary>True for any part of a fragmented packet, the first included.</summary>
    public bool IsFragment => (Fragment & MoreFragmentsAndOffset) != 0;

    /// <summary>Time to live in hops.</summary>
    public byte Ttl => _packet[8];

    /// <summary>Protocol number of the payload.</summary>
    public byte Protocol => _packet[9];

    /// <summary>Source address in host order.</summary>
    public uint Source => BinaryPrimitives.ReadUInt32BigEndian(_packet[AddressesAt..]);

    /// <summary>Destination address in host order.</summary>
    public uint Destination => BinaryPrimitives.ReadUInt32BigEndian(_packet[(AddressesAt + 4)..]);
}
