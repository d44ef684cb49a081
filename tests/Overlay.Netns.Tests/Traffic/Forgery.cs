using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Overlay.Encap.Wire;
using Overlay.Netns.Tests.Network;

namespace Overlay.Netns.Tests.Traffic;

/// <summary>
/// A VXLAN datagram with a small UDP packet inside, made byte by byte: as a right one or with anything wrong in it. Sent by a raw
/// socket, so the outer source may be anybody's.
/// </summary>
internal sealed record Forgery
{
    private const int OuterIp = 20, Udp = 8, Vxlan = 8, Ethernet = 14, InnerIp = 20;
    private const int RawProtocol = 255;   // IPPROTO_RAW: the outer header is ours

    /// <summary>Outer source: whom the datagram claims to come from.</summary>
    public required IPAddress OuterSource { get; init; }

    /// <summary>Outer destination: the node attacked.</summary>
    public required IPAddress OuterDestination { get; init; }

    /// <summary>Inner destination MAC.</summary>
    public required MacAddress DestinationMac { get; init; }

    /// <summary>Inner source MAC.</summary>
    public required MacAddress SourceMac { get; init; }

    /// <summary>Inner source.</summary>
    public required IPAddress Source { get; init; }

    /// <summary>Inner destination.</summary>
    public required IPAddress Destination { get; init; }

    /// <summary>Inner UDP destination port.</summary>
    public required int Port { get; init; }

    /// <summary>What the inner UDP packet carries.</summary>
    public required byte[] Payload { get; init; }

    /// <summary>First octet of the VXLAN header.</summary>
    public byte Flags { get; init; } = 0x08;

    /// <summary>VXLAN network identifier.</summary>
    public uint Vni { get; init; } = 1;

    /// <summary>EtherType of the inner frame.</summary>
    public ushort EtherType { get; init; } = 0x0800;

    /// <summary>Outer UDP destination port.</summary>
    public int OuterPort { get; init; } = 8472;

    /// <summary>Sends it from a namespace.</summary>
    public void Send(NetworkNamespace from)
    {
        using Socket socket = from.Socket(SocketType.Raw, (ProtocolType)RawProtocol);
        socket.SendTo(ToBytes(), new IPEndPoint(OuterDestination, 0));
    }

    private byte[] ToBytes()
    {
        byte[] bytes = new byte[OuterIp + Udp + Vxlan + Ethernet + InnerIp + Udp + Payload.Length];
        Span<byte> outer = bytes, outerUdp = outer[OuterIp..], vxlan = outerUdp[Udp..], frame = vxlan[Vxlan..], inner = frame[Ethernet..], udp = inner[InnerIp..];
        WriteIp(outer, OuterSource, OuterDestination);
        WriteUdp(outerUdp, 50_000, OuterPort);
        vxlan[0] = Flags;
        BinaryPrimitives.WriteUInt32BigEndian(vxlan[4..], Vni << 8);
        DestinationMac.Write(frame);
        SourceMac.Write(frame[MacAddress.Size..]);
        BinaryPrimitives.WriteUInt16BigEndian(frame[12..], EtherType);
        WriteIp(inner, Source, Destination);
        WriteUdp(udp, 40_000, Port);
        Payload.CopyTo(udp[Udp..]);
        return bytes;
    }

    private static void WriteIp(Span<byte> header, IPAddress source, IPAddress destination)
    {
        header[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)header.Length);
        header[6] = 0x40;   // DF
        header[8] = 64;
        header[9] = (byte)ProtocolType.Udp;
        source.TryWriteBytes(header[12..], out _);
        destination.TryWriteBytes(header[16..], out _);
        uint sum = 0;
        for (int i = 0; i < InnerIp; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(header[i..]);
        while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], (ushort)~sum);
    }

    // The checksum stays zero: none, which IPv4 allows.
    private static void WriteUdp(Span<byte> header, int source, int destination)
    {
        BinaryPrimitives.WriteUInt16BigEndian(header, (ushort)source);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)destination);
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], (ushort)header.Length);
    }
}
