using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Overlay.Encap.Buffers;
using Overlay.Encap.Devices;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Linux;

/// <summary>
/// The sockets datagrams leave from, one for each source port: sendmmsg of trains, each with UDP_SEGMENT where it holds more
/// than one datagram. The outer header has DF set, as a VTEP must not fragment (RFC 7348 section 4.3).
/// </summary>
public sealed unsafe class UdpSender : IUnderlaySender, IDisposable
{
    /// <summary>Source ports are chosen from here up to 65535 (RFC 7348 section 5).</summary>
    public const int FirstPort = 49152;

    private const int PortTries = 64;
    private const int WritableTimeout = 10;   // ms; a NIC that takes nothing for longer is worth a drop
    private const int ControlSize = 64;       // a UDP_SEGMENT and an IP_TOS message, 24 bytes each
    private const int MtuDiscoverDo = 2;      // IP_PMTUDISC_DO

    private readonly FileDescriptor[] _lanes;
    private readonly ushort[] _sourcePorts;
    private readonly FileDescriptor _probe;   // never sends; connected to a peer, it tells the MTU of the path
    private readonly int _port;
    private ShutdownSignal _signal;
    private readonly mmsghdr[] _messages = GC.AllocateArray<mmsghdr>(SendBatch.MaxDatagrams, pinned: true);
    private readonly iovec[] _vector = GC.AllocateArray<iovec>(SendBatch.MaxSlices, pinned: true);
    private readonly sockaddr_in[] _destinations = GC.AllocateArray<sockaddr_in>(SendBatch.MaxDatagrams, pinned: true);
    private readonly byte[] _control = GC.AllocateArray<byte>(SendBatch.MaxDatagrams * ControlSize, pinned: true);

    private UdpSender(FileDescriptor[] lanes, ushort[] sourcePorts, FileDescriptor probe, int port, ShutdownSignal signal) =>
        (_lanes, _sourcePorts, _probe, _port, _signal) = (lanes, sourcePorts, probe, port, signal);

    /// <summary>Opens the sockets and binds each to a free source port.</summary>
    /// <param name="address">The address to send from.</param>
    /// <param name="port">The destination port of every datagram.</param>
    /// <param name="lanes">Number of source ports: of lanes with an even index they are even, of others odd (<see cref="UdpReceiver"/>).</param>
    /// <param name="signal">Ends the waits.</param>
    /// <exception cref="LinuxException">The address is not this node's, or no port is free.</exception>
    public static UdpSender Open(IPAddress address, int port, int lanes, ShutdownSignal signal)
    {
        List<FileDescriptor> opened = [];
        ushort[] sourcePorts = new ushort[lanes];
        try
        {
            for (int i = 0; i < lanes; i++)
            {
                FileDescriptor descriptor = UnderlaySocket.Create(sends: true);
                opened.Add(descriptor);
                UnderlaySocket.Require(descriptor, IPPROTO_IP, IP_MTU_DISCOVER, MtuDiscoverDo, "forbid fragmentation");
                sourcePorts[i] = BindAnywhere(descriptor, address, parity: i & 1);
            }
            FileDescriptor probe = UnderlaySocket.CreateProbe();
            opened.Add(probe);
            // To the address of the lanes: else the first peer asked for would choose the source for all that follow.
            LinuxException.Check(Syscall.Bind(probe, UnderlaySocket.AddressOf(address, 0)), $"bind a UDP port of {address}");
            return new UdpSender([.. opened[..lanes]], sourcePorts, probe, port, signal);
        }
        catch
        {
            opened.ForEach(descriptor => descriptor.Dispose());
            throw;
        }
    }

    /// <inheritdoc/>
    public IoResult Send(SendBatch batch, int first, int count)
    {
        ReadOnlySpan<Train> trains = batch.Trains.Slice(first, count);
        iovec* piece = PointerTo(_vector);
        for (int i = 0; i < trains.Length; i++)
        {
            ref readonly Train train = ref trains[i];
            ReadOnlySpan<Slice> slices = batch.SlicesOf(train);
            Prepare(i, train, train.Segments > 1 ? train.SegmentSize : 0, piece, slices.Length);
            piece = Fill(piece, batch.Arena, slices);
        }
        return Outcome.Of(Syscall.SendMmsg(_lanes[batch.Lane], PointerTo(_messages), trains.Length, MSG_DONTWAIT));
    }

    /// <inheritdoc/>
    public IoResult SendSegment(SendBatch batch, in Train train, int segment)
    {
        iovec* piece = PointerTo(_vector);
        Prepare(0, train, segmentSize: 0, piece, train.SlicesPerSegment);
        Fill(piece, batch.Arena, batch.SlicesOf(train).Slice(segment * train.SlicesPerSegment, train.SlicesPerSegment));
        IoResult result = Outcome.Of(Syscall.SendMmsg(_lanes[batch.Lane], PointerTo(_messages), 1, MSG_DONTWAIT));
        return result.Status == IoStatus.Ok ? IoResult.Done((int)_messages[0].msg_len) : result;
    }

    /// <inheritdoc/>
    public ushort SourcePort(int lane) => _sourcePorts[lane];

    /// <inheritdoc/>
    public int PathMtu(uint destination) =>
        Syscall.Connect(_probe, UnderlaySocket.AddressOf(destination, _port)) >= 0
        && Syscall.GetSockOpt(_probe, IPPROTO_IP, IP_MTU, out int mtu) >= 0 ? mtu : 0;

    /// <inheritdoc/>
    public bool WaitWritable(int lane) =>
        Syscall.Poll(_lanes[lane], POLLOUT, _signal.Descriptor, WritableTimeout, out short ready, out bool stopping) > 0
        && !stopping && (ready & POLLOUT) != 0;

    /// <summary>Makes it fit for another loop, after the one that used it has ended: another signal ends the waits from now on.</summary>
    public void Rearm(ShutdownSignal signal) => _signal = signal;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (FileDescriptor descriptor in _lanes) descriptor.Dispose();
        _probe.Dispose();
    }

    private static ushort BindAnywhere(FileDescriptor descriptor, IPAddress address, int parity)
    {
        int result = 0, port = 0;
        for (int i = 0; i < PortTries; i++)
        {
            port = Random.Shared.Next(FirstPort, 65536) & ~1 | parity;
            result = Syscall.Bind(descriptor, UnderlaySocket.AddressOf(address, port));
            if (Syscall.ErrorOf(result) != Errno.EADDRINUSE) break;
        }
        LinuxException.Check(result, $"bind a UDP source port of {address}",
            Syscall.ErrorOf(result) == Errno.EADDRNOTAVAIL ? $"{address} is not an address of this node: check --iface and --public-ip" : null);
        return (ushort)port;
    }

    private void Prepare(int index, in Train train, int segmentSize, iovec* pieces, int count)
    {
        _destinations[index] = UnderlaySocket.AddressOf(train.Destination, _port);
        byte* control = PointerTo(_control) + index * ControlSize;
        int used = 0;
        if (segmentSize > 0)
        {
            *(cmsghdr*)control = new cmsghdr { cmsg_len = (nuint)UdpAbi.CMSG_LEN(sizeof(ushort)), cmsg_level = UdpAbi.SOL_UDP, cmsg_type = UdpAbi.UDP_SEGMENT };
            *(ushort*)(control + UdpAbi.CMSG_HDRLEN) = (ushort)segmentSize;
            used = UdpAbi.CMSG_SPACE(sizeof(ushort));
        }
        if (train.Tos != 0)
        {
            *(cmsghdr*)(control + used) = new cmsghdr { cmsg_len = (nuint)UdpAbi.CMSG_LEN(sizeof(int)), cmsg_level = IPPROTO_IP, cmsg_type = IP_TOS };
            *(int*)(control + used + UdpAbi.CMSG_HDRLEN) = train.Tos;
            used += UdpAbi.CMSG_SPACE(sizeof(int));
        }
        ref msghdr message = ref _messages[index].msg_hdr;
        message.msg_name = PointerTo(_destinations) + index;
        message.msg_namelen = (uint)sizeof(sockaddr_in);
        message.msg_iov = pieces;
        message.msg_iovlen = (nuint)count;
        message.msg_control = used > 0 ? control : null;
        message.msg_controllen = (nuint)used;
    }

    private static iovec* Fill(iovec* piece, PacketArena arena, ReadOnlySpan<Slice> slices)
    {
        byte* slab = PointerTo(arena.Slab);
        foreach (Slice slice in slices)
        {
            piece->iov_base = slab + slice.Offset;
            piece->iov_len = (nuint)slice.Length;
            piece++;
        }
        return piece;
    }

    // Of pinned arrays only.
    private static T* PointerTo<T>(T[] array) where T : unmanaged => (T*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(array));
}
