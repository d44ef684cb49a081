using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Overlay.Encap.Buffers;
using Overlay.Encap.Devices;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Threads;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Linux;

/// <summary>
/// The sockets on the VXLAN port of our own address: recvmmsg into the slots of a batch, joined by the kernel where it can (UDP_GRO). Each
/// worker has two, for datagrams from even source ports and from odd ones, and takes from them in turns. Agents send what is in bulk from
/// odd ports, so that a lone packet does not wait behind the megabytes of others; other VTEPs choose ports by a hash, and lose nothing by it.
/// </summary>
public sealed unsafe class UdpReceiver : IUnderlayReceiver, IDisposable
{
    private const int ControlSize = 64;   // a UDP_GRO and an IP_TOS message, 24 bytes each
    private const int HeavyBuffer = 16 << 10;   // bytes on average; of such, so many are taken before the other socket has its turn:
    private const int HeavySlots = 2;

    private readonly FileDescriptor _even;
    private readonly FileDescriptor _odd;
    private readonly FileDescriptor? _guard;
    private readonly PacketWait _wait;
    private readonly bool[] _isHeavy = new bool[2];
    private bool _isOddsTurn;
    private mmsghdr[] _messages = [];
    private iovec[] _vector = [];
    private sockaddr_in[] _sources = [];
    private byte[] _control = [];

    private UdpReceiver(FileDescriptor even, FileDescriptor odd, FileDescriptor? guard, ShutdownSignal signal) =>
        (_even, _odd, _guard, _wait) = (even, odd, guard, new PacketWait(even, odd, signal));

    /// <summary>Opens and binds the sockets of all workers.</summary>
    /// <param name="address">The address to receive on.</param>
    /// <param name="port">UDP port.</param>
    /// <param name="workers">How many receivers share the port.</param>
    /// <param name="joins">Whether the kernel may join datagrams (UDP_GRO, Linux 5.0).</param>
    /// <param name="signal">Ends the waits.</param>
    /// <exception cref="LinuxException">The port is taken, or the address is not this node's.</exception>
    public static UdpReceiver[] Open(IPAddress address, int port, int workers, bool joins, ShutdownSignal signal)
    {
        List<FileDescriptor> opened = [];
        try
        {
            for (int i = 0; i < 2 * workers; i++)
            {
                FileDescriptor descriptor = UnderlaySocket.Create(sends: false);
                opened.Add(descriptor);
                UnderlaySocket.Require(descriptor, IPPROTO_IP, IP_RECVTOS, 1, "receive the TOS octet");
                if (joins) Syscall.SetSockOpt(descriptor, UdpAbi.SOL_UDP, UdpAbi.UDP_GRO, 1);   // an older kernel just does not join
                // The first one is bound before it shares: so the port is nobody else's, not even of one who would share it.
                if (i > 0) Share(descriptor);
                int result = Syscall.Bind(descriptor, UnderlaySocket.AddressOf(address, port));
                LinuxException.Check(result, $"bind UDP {address}:{port}", Syscall.ErrorOf(result) switch
                {
                    Errno.EADDRINUSE => $"another program or a kernel vxlan device has the port (ss -lunp 'sport = :{port}'; ip -d link show type vxlan)",
                    Errno.EADDRNOTAVAIL => $"{address} is not an address of this node: check --iface and --public-ip",
                    _ => null,
                });
                if (i == 0) Share(descriptor);
            }
            UnderlaySocket.SpreadBySourcePort(opened[0], workers);
            FileDescriptor guard = UnderlaySocket.Guard(address, port);
            return [.. opened.Chunk(2).Select((pair, worker) => new UdpReceiver(pair[0], pair[1], worker == 0 ? guard : null, signal))];
        }
        catch
        {
            opened.ForEach(descriptor => descriptor.Dispose());
            throw;
        }

        static void Share(FileDescriptor descriptor) => UnderlaySocket.Require(descriptor, SOL_SOCKET, SO_REUSEPORT, 1, "share the UDP port between sockets");
    }

    /// <inheritdoc/>
    public bool WaitReadable() => _wait.UntilReadable();

    /// <inheritdoc/>
    public IoResult Receive(ReceiveBatch batch)
    {
        if (_messages.Length != batch.Capacity) LayOut(batch);
        bool fromOdd = _wait.HasSecond && (_isOddsTurn || !_wait.HasFirst);
        _isOddsTurn = !fromOdd;
        ref bool isHeavy = ref _isHeavy[fromOdd ? 1 : 0];
        int slots = isHeavy ? Math.Min(HeavySlots, batch.Capacity) : batch.Capacity;
        mmsghdr* messages = PointerTo(_messages);
        for (int i = 0; i < slots; i++)
        {
            messages[i].msg_hdr.msg_namelen = (uint)sizeof(sockaddr_in);
            messages[i].msg_hdr.msg_controllen = ControlSize;
        }
        int count = Syscall.RecvMmsg(fromOdd ? _odd : _even, messages, slots, MSG_DONTWAIT), bytes = 0;
        for (int i = 0; i < count; i++)
        {
            batch.Datagrams[i] = Describe(messages[i], _sources[i]);
            bytes += batch.Datagrams[i].Length;
        }
        _wait.Take(bytes);
        isHeavy = bytes > count * HeavyBuffer;
        return Outcome.Of(count);
    }

    /// <summary>Makes it fit for another loop, after the one that used it has ended: another signal ends the waits from now on.</summary>
    /// <param name="signal">The signal.</param>
    /// <param name="spin">How long a wait may look before it sleeps.</param>
    public void Rearm(ShutdownSignal signal, SpinBudget spin)
    {
        _wait.Rearm(signal, spin);
        _messages = [];   // they point into the memory of the loop that ended
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _guard?.Dispose();
        _even.Dispose();
        _odd.Dispose();
    }

    private static Datagram Describe(in mmsghdr message, in sockaddr_in source)
    {
        int length = (int)message.msg_len, segment = length;
        byte tos = 0;
        byte* control = (byte*)message.msg_hdr.msg_control;
        nuint left = message.msg_hdr.msg_controllen;
        while (left >= UdpAbi.CMSG_HDRLEN)
        {
            cmsghdr* header = (cmsghdr*)control;
            if (header->cmsg_len < UdpAbi.CMSG_HDRLEN || header->cmsg_len > left) break;
            byte* data = control + UdpAbi.CMSG_HDRLEN;
            nuint dataLength = header->cmsg_len - UdpAbi.CMSG_HDRLEN;
            if (header->cmsg_level == UdpAbi.SOL_UDP && header->cmsg_type == UdpAbi.UDP_GRO && dataLength >= sizeof(int)) segment = *(int*)data;
            if (header->cmsg_level == IPPROTO_IP && header->cmsg_type == IP_TOS && dataLength >= 1) tos = *data;
            nuint step = (nuint)UdpAbi.CMSG_ALIGN((int)header->cmsg_len);
            if (step >= left) break;
            control += step;
            left -= step;
        }
        bool truncated = (message.msg_hdr.msg_flags & MSG_TRUNC) != 0;
        return new Datagram(length, segment > 0 ? segment : Math.Max(length, 1), BinaryPrimitives.ReverseEndianness(source.sin_addr), tos, truncated);
    }

    // Each slot keeps its vector, address and control space for good; only the lengths are reset before a call.
    private void LayOut(ReceiveBatch batch)
    {
        int count = batch.Capacity;
        _messages = GC.AllocateArray<mmsghdr>(count, pinned: true);
        _vector = GC.AllocateArray<iovec>(count, pinned: true);
        _sources = GC.AllocateArray<sockaddr_in>(count, pinned: true);
        _control = GC.AllocateArray<byte>(count * ControlSize, pinned: true);
        byte* slab = PointerTo(batch.Arena.Slab);
        for (int i = 0; i < count; i++)
        {
            _vector[i].iov_base = slab + ReceiveBatch.OffsetOf(i);
            _vector[i].iov_len = ReceiveBatch.SlotSize;
            _messages[i].msg_hdr.msg_name = PointerTo(_sources) + i;
            _messages[i].msg_hdr.msg_iov = PointerTo(_vector) + i;
            _messages[i].msg_hdr.msg_iovlen = 1;
            _messages[i].msg_hdr.msg_control = PointerTo(_control) + i * ControlSize;
        }
    }

    // Of pinned arrays only.
    private static T* PointerTo<T>(T[] array) where T : unmanaged => (T*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(array));
}
