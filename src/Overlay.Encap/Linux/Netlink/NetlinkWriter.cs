using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Overlay.Encap.Linux.Abi;

namespace Overlay.Encap.Linux.Netlink;

/// <summary>
/// Lays out one netlink request in memory of the caller: header, fixed body, attributes, each padded to 4 bytes. Requests here have a known
/// small size, so running out of room is a defect and throws <see cref="ArgumentOutOfRangeException"/>.
/// </summary>
internal ref struct NetlinkWriter
{
    private readonly Span<byte> _buffer;
    private int _length;

    /// <summary>Begins a request.</summary>
    /// <param name="buffer">Room for the whole message; borrowed until the message has been sent.</param>
    /// <param name="type">RTM_*.</param>
    /// <param name="flags">NLM_F_* beside NLM_F_REQUEST and NLM_F_ACK.</param>
    /// <param name="acknowledged">False for a message of a batch that is not its last: the kernel then answers an error only.</param>
    public NetlinkWriter(Span<byte> buffer, ushort type, ushort flags, bool acknowledged = true)
    {
        _buffer = buffer;
        int ack = acknowledged ? NetlinkAbi.NLM_F_ACK : 0;
        Append(new nlmsghdr { nlmsg_type = type, nlmsg_flags = (ushort)(flags | NetlinkAbi.NLM_F_REQUEST | ack) });
    }

    private NetlinkWriter(Span<byte> buffer) => _buffer = buffer;

    /// <summary>Begins what an attribute is to hold: attributes, without a header.</summary>
    /// <param name="buffer">Room for all of it; borrowed until <see cref="Content"/> has been copied.</param>
    public static NetlinkWriter Nested(Span<byte> buffer) => new(buffer);

    /// <summary>What was appended to one of <see cref="Nested"/>.</summary>
    public readonly ReadOnlySpan<byte> Content => _buffer[.._length];

    /// <summary>The message so far, its length field filled in.</summary>
    public readonly Span<byte> Message
    {
        get
        {
            uint length = (uint)_length;
            MemoryMarshal.Write(_buffer, in length);
            return _buffer[.._length];
        }
    }

    /// <summary>Appends a structure of <see cref="Abi"/>, whose size is a multiple of 4.</summary>
    public void Append<T>(in T body) where T : unmanaged => MemoryMarshal.Write(Claim(Unsafe.SizeOf<T>()), in body);

    /// <summary>Appends an attribute of raw bytes.</summary>
    public void Attribute(ushort type, scoped ReadOnlySpan<byte> value)
    {
        Append(new rtattr { rta_len = (ushort)(Unsafe.SizeOf<rtattr>() + value.Length), rta_type = type });
        Span<byte> room = Claim((value.Length + NetlinkAbi.NLMSG_ALIGNTO - 1) & ~(NetlinkAbi.NLMSG_ALIGNTO - 1));
        value.CopyTo(room);
        room[value.Length..].Clear();
    }

    /// <summary>Appends an attribute of 32 bits in host byte order.</summary>
    public void Attribute(ushort type, uint value) => Attribute(type, MemoryMarshal.AsBytes(new ReadOnlySpan<uint>(in value)));

    /// <summary>Appends an attribute of 32 bits in network byte order, as nf_tables has its numbers.</summary>
    public void AttributeBigEndian(ushort type, uint value) => Attribute(type, BinaryPrimitives.ReverseEndianness(value));

    /// <summary>Begins an attribute that holds attributes; those appended until <see cref="EndNest"/> are in it.</summary>
    /// <returns>For <see cref="EndNest"/>.</returns>
    public int BeginNest(ushort type)
    {
        int start = _length;
        Append(new rtattr { rta_type = (ushort)(type | NetlinkAbi.NLA_F_NESTED) });
        return start;
    }

    /// <summary>Ends what <see cref="BeginNest"/> began.</summary>
    public readonly void EndNest(int start)
    {
        ushort length = (ushort)(_length - start);
        MemoryMarshal.Write(_buffer[start..], in length);
    }

    /// <summary>Appends an attribute of 4 or 16 address bytes in network byte order.</summary>
    public void Attribute(ushort type, IPAddress value) => Attribute(type, value.GetAddressBytes());

    /// <summary>Appends an attribute of a zero-terminated string.</summary>
    public void Attribute(ushort type, string value) => Attribute(type, Encoding.UTF8.GetBytes(value + '\0'));

    private Span<byte> Claim(int size)
    {
        Span<byte> room = _buffer.Slice(_length, size);
        _length += size;
        return room;
    }
}
