using System.Buffers.Binary;
using System.Net;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Wire;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Linux;

/// <summary>How the UDP sockets of the underlay are made.</summary>
internal static class UnderlaySocket
{
    /// <summary>Bytes asked for as socket buffer: some 100 super-packets, beyond net.core.rmem_max where CAP_NET_ADMIN allows it.</summary>
    private const int BufferBytes = 8 << 20;

    /// <summary>A UDP socket, not bound.</summary>
    /// <param name="sends">True for one that only sends, false for one that only receives: it gets a large buffer on that side.</param>
    public static FileDescriptor Create(bool sends)
    {
        FileDescriptor descriptor = Open();
        if (sends) SetBuffer(descriptor, SO_SNDBUFFORCE, SO_SNDBUF);
        else SetBuffer(descriptor, SO_RCVBUFFORCE, SO_RCVBUF);
        if (sends) Deafen(descriptor);
        return descriptor;
    }

    /// <summary>A UDP socket, not bound, that neither sends nor receives: what it is connected to can be asked for.</summary>
    public static FileDescriptor CreateProbe()
    {
        FileDescriptor descriptor = Open();
        Deafen(descriptor);
        return descriptor;
    }

    /// <summary>An IPv4 socket address.</summary>
    public static sockaddr_in AddressOf(uint address, int port) => new()
    {
        sin_family = (ushort)AF_INET,
        sin_port = BinaryPrimitives.ReverseEndianness((ushort)port),
        sin_addr = BinaryPrimitives.ReverseEndianness(address),
    };

    /// <inheritdoc cref="AddressOf(uint, int)"/>
    public static sockaddr_in AddressOf(IPAddress address, int port) => AddressOf(Prefix.AddressOf(address), port);

    /// <summary>Sets an option that the agent cannot do without.</summary>
    public static void Require(FileDescriptor descriptor, int level, int option, int value, string purpose) =>
        LinuxException.Check(Syscall.SetSockOpt(descriptor, level, option, value), purpose);

    /// <summary>
    /// Spreads the datagrams of a port over the sockets that share it, in the order in which they were bound: worker by worker, and there
    /// first the socket of even source ports. Where the kernel refuses, it spreads them by a hash.
    /// </summary>
    /// <param name="descriptor">One of them.</param>
    /// <param name="workers">Number of pairs.</param>
    public static void SpreadBySourcePort(FileDescriptor descriptor, int workers)
    {
        // port / 2 % workers * 2 + port % 2. Behind IP options stands something else, and any socket will do.
        ReadOnlySpan<sock_filter> program =
        [
            Step(UdpAbi.BPF_LD | UdpAbi.BPF_H | UdpAbi.BPF_ABS, UdpAbi.SKF_NET_OFF + IPv4View.MinHeader),
            Step(UdpAbi.BPF_MISC | UdpAbi.BPF_TAX),
            Step(UdpAbi.BPF_ALU | UdpAbi.BPF_RSH, 1),
            Step(UdpAbi.BPF_ALU | UdpAbi.BPF_MOD, workers),
            Step(UdpAbi.BPF_ALU | UdpAbi.BPF_LSH, 1),
            Step(UdpAbi.BPF_ST),
            Step(UdpAbi.BPF_MISC | UdpAbi.BPF_TXA),
            Step(UdpAbi.BPF_ALU | UdpAbi.BPF_AND, 1),
            Step(UdpAbi.BPF_LDX | UdpAbi.BPF_MEM),
            Step(UdpAbi.BPF_ALU | UdpAbi.BPF_ADD | UdpAbi.BPF_X),
            Step(UdpAbi.BPF_RET | UdpAbi.BPF_A),
        ];
        Syscall.SetSockOpt(descriptor, SOL_SOCKET, UdpAbi.SO_ATTACH_REUSEPORT_CBPF, program);

        static sock_filter Step(int code, int k = 0) => new() { code = (ushort)code, k = (uint)k };
    }

    /// <summary>
    /// Keeps a port that sockets of this process share from being shared by others: a last socket of the same address that no longer shares.
    /// The kernel compares a newcomer with it first (net/ipv4/udp.c, udp_lib_lport_inuse). It receives nothing, being bound to a device that
    /// never is. Where the kernel refuses it, a newcomer may bind, and still gets nothing (<see cref="SpreadBySourcePort"/>).
    /// </summary>
    /// <param name="address">What the sockets are bound to.</param>
    /// <param name="port">UDP port.</param>
    public static FileDescriptor Guard(IPAddress address, int port)
    {
        FileDescriptor descriptor = Open();
        Deafen(descriptor);
        Syscall.SetSockOpt(descriptor, SOL_SOCKET, SO_REUSEPORT, 1);
        if (Syscall.SetSockOpt(descriptor, SOL_SOCKET, UdpAbi.SO_BINDTOIFINDEX, int.MaxValue) >= 0) Syscall.Bind(descriptor, AddressOf(address, port));
        Syscall.SetSockOpt(descriptor, SOL_SOCKET, SO_REUSEPORT, 0);
        return descriptor;
    }

    private static FileDescriptor Open()
    {
        LinuxException.Check(Syscall.Socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0, out FileDescriptor? descriptor), "create a UDP socket");
        return descriptor!;
    }

    // What a stranger sends to a source port is never read: let it take no memory.
    private static void Deafen(FileDescriptor descriptor) => Syscall.SetSockOpt(descriptor, SOL_SOCKET, SO_RCVBUF, 0);

    // The FORCE option needs CAP_NET_ADMIN in the first user namespace; without it the system's limit holds.
    private static void SetBuffer(FileDescriptor descriptor, int force, int plain)
    {
        if (Syscall.SetSockOpt(descriptor, SOL_SOCKET, force, BufferBytes) < 0) Syscall.SetSockOpt(descriptor, SOL_SOCKET, plain, BufferBytes);
    }
}
