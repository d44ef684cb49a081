using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using Overlay.Encap.Linux.Abi;

namespace Overlay.Encap.Linux.Netlink;

/// <summary>
/// Walks the messages of one netlink datagram. Trusts no length: a message that does not fit what is left ends the walk and sets
/// <see cref="IsMalformed"/>. Bodies are borrowed from the datagram.
/// </summary>
internal ref struct NetlinkReader(ReadOnlySpan<byte> datagram)
{
    private ReadOnlySpan<byte> _rest = datagram;

    /// <summary>Whether the walk ended before the datagram did.</summary>
    public bool IsMalformed { get; private set; }

    /// <summary>The next message: its header, and what follows the header.</summary>
    public bool TryNext(out nlmsghdr header, out ReadOnlySpan<byte> body)
    {
        body = default;
        header = default;
        if (_rest.IsEmpty) return false;
        if (!MemoryMarshal.TryRead(_rest, out header) || header.nlmsg_len < Unsafe.SizeOf<nlmsghdr>() || header.nlmsg_len > _rest.Length)
        {
            IsMalformed = true;
            _rest = default;
            return false;
        }
        body = _rest[Unsafe.SizeOf<nlmsghdr>()..(int)header.nlmsg_len];
        _rest = _rest[Math.Min(Align((int)header.nlmsg_len), _rest.Length)..];
        return true;
    }

    /// <summary>Splits a body into its fixed part and the attributes behind it; false where it is too short.</summary>
    public static bool TrySplit<T>(ReadOnlySpan<byte> body, out T head, out AttributeReader attributes) where T : unmanaged
    {
        bool fits = MemoryMarshal.TryRead(body, out head);
        attributes = new AttributeReader(fits ? body[Unsafe.SizeOf<T>()..] : default);
        return fits;
    }

    /// <summary>Rounds a length up to where the next message or attribute begins.</summary>
    public static int Align(int length) => (length + NetlinkAbi.NLMSG_ALIGNTO - 1) & ~(NetlinkAbi.NLMSG_ALIGNTO - 1);
}

/// <summary>
/// Walks a run of attributes. As the kernel's own parsers do, it stops at the first that does not fit. The value of a nested attribute is
/// another run.
/// </summary>
internal ref struct AttributeReader(ReadOnlySpan<byte> attributes)
{
    private ReadOnlySpan<byte> _rest = attributes;

    /// <summary>The next attribute: its type without flag bits, and its bytes.</summary>
    public bool TryNext(out ushort type, out ReadOnlySpan<byte> value)
    {
        type = 0;
        value = default;
        if (!MemoryMarshal.TryRead(_rest, out rtattr header) || header.rta_len < Unsafe.SizeOf<rtattr>() || header.rta_len > _rest.Length)
            return false;
        type = (ushort)(header.rta_type & NetlinkAbi.NLA_TYPE_MASK);
        value = _rest[Unsafe.SizeOf<rtattr>()..header.rta_len];
        _rest = _rest[Math.Min(NetlinkReader.Align(header.rta_len), _rest.Length)..];
        return true;
    }

    /// <summary>An attribute's 32 bits in host byte order, or <paramref name="otherwise"/> where it is shorter.</summary>
    public static uint UInt32(ReadOnlySpan<byte> value, uint otherwise = 0) => MemoryMarshal.TryRead(value, out uint number) ? number : otherwise;

    /// <summary>An attribute's address of 4 or 16 bytes, or null where it has another length.</summary>
    public static IPAddress? Address(ReadOnlySpan<byte> value) => value.Length is 4 or 16 ? new IPAddress(value) : null;

    /// <summary>An attribute's text up to its first zero.</summary>
    public static string Text(ReadOnlySpan<byte> value)
    {
        int end = value.IndexOf((byte)0);
        return Encoding.UTF8.GetString(end < 0 ? value : value[..end]);
    }
}
