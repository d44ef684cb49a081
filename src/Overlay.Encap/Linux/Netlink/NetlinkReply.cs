using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Encap.Linux.Netlink;

/// <summary>Turns the body of one message into a value, or null where it is none of interest.</summary>
internal delegate T? BodyReader<out T>(ReadOnlySpan<byte> body) where T : class;

/// <summary>
/// Folds the datagrams that answer one request, bytes in, verdict out, no I/O. An answer ends with NLMSG_ERROR (an error, or the
/// acknowledgement that every request here asks for) or, for a dump, with NLMSG_DONE. Messages of other sequence numbers are left-overs
/// of a request that was given up, and are skipped.
/// </summary>
/// <param name="sequence">nlmsg_seq of the request.</param>
/// <param name="type">Messages of this type carry the values.</param>
/// <param name="read">Reads one of them.</param>
internal sealed class NetlinkReply<T>(uint sequence, ushort type, BodyReader<T> read) where T : class
{
    private readonly List<T> _values = [];

    /// <summary>What has been read, in the kernel's order.</summary>
    public IReadOnlyList<T> Values => _values;

    /// <summary>Whether the last message of the answer has been seen.</summary>
    public bool IsComplete { get; private set; }

    /// <summary>NLM_F_DUMP_INTR was set: the table changed meanwhile, so values may be missing or double. Ask again.</summary>
    public bool IsInterrupted { get; private set; }

    /// <summary>The kernel's verdict.</summary>
    public Errno Error { get; private set; }

    /// <summary>The kernel's explanation of <see cref="Error"/> (extended acknowledgement), or null.</summary>
    public string? KernelMessage { get; private set; }

    /// <summary>Takes one datagram; returns <see cref="IsComplete"/>.</summary>
    /// <exception cref="InvalidDataException">The datagram is not netlink: a message overruns it.</exception>
    public bool Add(ReadOnlySpan<byte> datagram)
    {
        NetlinkReader reader = new(datagram);
        while (!IsComplete && reader.TryNext(out nlmsghdr header, out ReadOnlySpan<byte> body))
        {
            if (header.nlmsg_seq != sequence) continue;
            IsInterrupted |= (header.nlmsg_flags & NetlinkAbi.NLM_F_DUMP_INTR) != 0;
            if (header.nlmsg_type == type && read(body) is T value) _values.Add(value);
            else if (header.nlmsg_type == NetlinkAbi.NLMSG_ERROR) Finish(header, body, isDone: false);
            else if (header.nlmsg_type == NetlinkAbi.NLMSG_DONE) Finish(header, body, isDone: true);
            else if (header.nlmsg_type == NetlinkAbi.NLMSG_OVERRUN) IsInterrupted = true;
        }
        if (reader.IsMalformed) throw new InvalidDataException("a netlink message is longer than the datagram that holds it");
        return IsComplete;
    }

    private void Finish(in nlmsghdr header, ReadOnlySpan<byte> body, bool isDone)
    {
        IsComplete = true;
        // NLMSG_DONE has the error alone, and some old kernels not even that; NLMSG_ERROR has the request's header (and body) behind it.
        if (!NetlinkReader.TrySplit(body, out int error, out AttributeReader attributes))
        {
            if (!isDone) throw new InvalidDataException("a netlink error message has no error in it");
            return;
        }
        Error = (Errno)(-error);
        if ((header.nlmsg_flags & NetlinkAbi.NLM_F_ACK_TLVS) == 0) return;
        if (!isDone)
        {
            if (!NetlinkReader.TrySplit(body, out nlmsgerr echo, out attributes)) return;
            bool hasRequest = (header.nlmsg_flags & NetlinkAbi.NLM_F_CAPPED) == 0;
            long skip = sizeof(int) + (hasRequest ? NetlinkReader.Align((int)Math.Min(echo.msg.nlmsg_len, int.MaxValue - 3)) : 16L);
            attributes = new AttributeReader(skip <= body.Length ? body[(int)skip..] : default);
        }
        while (attributes.TryNext(out ushort attribute, out ReadOnlySpan<byte> value))
            if (attribute == NetlinkAbi.NLMSGERR_ATTR_MSG) KernelMessage = AttributeReader.Text(value);
    }
}
