using System.Runtime.InteropServices;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Linux.Netlink;

/// <summary>
/// A netlink socket for questions and answers, one at a time; it belongs to the network namespace of the thread that made it.
/// One caller at a time. The kernel answers at once, so a request blocks no longer than its work takes.
/// </summary>
internal sealed class NetlinkSocket : IDisposable
{
    // The kernel builds dump datagrams of at most 32 KiB, and no link without statistics and virtual functions comes near that.
    private const int DatagramSize = 64 * 1024;

    // Dumps of a table that changes under them are repeated; each try is a fresh look, so a handful is plenty on a live host.
    private const int DumpTries = 16;

    private readonly FileDescriptor _socket;
    private readonly byte[] _datagram = new byte[DatagramSize];
    private uint _sequence;

    /// <summary>Opens the socket in the current network namespace.</summary>
    /// <param name="family">Whom to talk to, NETLINK_*.</param>
    /// <exception cref="LinuxException">The kernel refuses the socket.</exception>
    public NetlinkSocket(int family = NetlinkAbi.NETLINK_ROUTE)
    {
        LinuxException.Check(Syscall.Socket(AF_NETLINK, SOCK_RAW, family, out FileDescriptor? socket), $"open a netlink socket of family {family}");
        _socket = socket!;
        // Both improve what we are told and neither is needed: kernels before 4.12 and 4.20 refuse them.
        _ = Syscall.SetSockOpt(_socket, SOL_NETLINK, NetlinkAbi.NETLINK_EXT_ACK, 1);
        _ = Syscall.SetSockOpt(_socket, SOL_NETLINK, NetlinkAbi.NETLINK_GET_STRICT_CHK, 1);
    }

    /// <summary>Sends a request that changes something.</summary>
    /// <param name="request">
    /// A message of <see cref="NetlinkWriter"/>, or several of which the last but a batch's end is acknowledged; the sequence number is filled in.
    /// </param>
    /// <param name="attempt">What is tried, for the message of the exception, to follow "cannot".</param>
    /// <param name="allowed">The errors that mean the wanted state is there already.</param>
    /// <exception cref="LinuxException">The kernel refused for another reason.</exception>
    public void Change(Span<byte> request, string attempt, params ReadOnlySpan<Errno> allowed)
    {
        NetlinkReply<object> reply = Ask<object>(request, attempt, 0, static _ => null);
        if (reply.Error != Errno.None && !allowed.Contains(reply.Error)) throw Refusal(reply, attempt);
    }

    /// <summary>Asks for one object; null where the kernel answers one of <paramref name="absent"/>.</summary>
    /// <exception cref="LinuxException">The kernel refused for another reason.</exception>
    public T? Get<T>(Span<byte> request, string attempt, ushort type, BodyReader<T> read, params ReadOnlySpan<Errno> absent) where T : class
    {
        NetlinkReply<T> reply = Ask(request, attempt, type, read);
        if (reply.Error == Errno.None) return reply.Values.Count > 0 ? reply.Values[0] : null;
        return absent.Contains(reply.Error) ? null : throw Refusal(reply, attempt);
    }

    /// <summary>Asks for a table (the request carries NLM_F_DUMP), again if it changed or overran the socket meanwhile.</summary>
    /// <exception cref="LinuxException">The kernel refused, or the table did not hold still for <see cref="DumpTries"/> tries.</exception>
    public IReadOnlyList<T> Dump<T>(Span<byte> request, string attempt, ushort type, BodyReader<T> read) where T : class
    {
        for (int i = 0; i < DumpTries; i++)
        {
            NetlinkReply<T> reply = Ask(request, attempt, type, read);
            if (reply.IsInterrupted || reply.Error == Errno.ENOBUFS) continue;
            return reply.Error == Errno.None ? reply.Values : throw Refusal(reply, attempt);
        }
        throw new LinuxException(attempt, Errno.EAGAIN, "the table changes faster than it can be read");
    }

    /// <summary>Closes the socket.</summary>
    public void Dispose() => _socket.Dispose();

    private static LinuxException Refusal<T>(NetlinkReply<T> reply, string attempt) where T : class =>
        new(attempt, reply.Error, kernelMessage: reply.KernelMessage);

    private NetlinkReply<T> Ask<T>(Span<byte> request, string attempt, ushort type, BodyReader<T> read) where T : class
    {
        _sequence++;
        for (Span<byte> rest = request; rest.Length > 0;)   // several, where they are a batch
        {
            ref nlmsghdr header = ref MemoryMarshal.AsRef<nlmsghdr>(rest);
            header.nlmsg_seq = _sequence;
            rest = rest[(int)header.nlmsg_len..];
        }
        LinuxException.Check(Syscall.Send(_socket, request, 0), attempt);

        NetlinkReply<T> reply = new(_sequence, type, read);
        do
        {
            int length = Syscall.Receive(_socket, _datagram, MSG_TRUNC);
            LinuxException.Check(length, attempt);
            if (length > _datagram.Length) throw new LinuxException(attempt, Errno.EMSGSIZE, $"a netlink answer has {length} bytes");
            reply.Add(_datagram.AsSpan(0, length));
        }
        while (!reply.IsComplete);
        return reply;
    }
}
