using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Linux.Netlink.Events;

/// <summary>
/// Hears of every change of links, IPv4 addresses, routes, policy rules and forwarding switches in the network namespace of the thread that
/// made it. An event is a hint to look again and nothing more, so what it says is not read, and one that the kernel could not deliver
/// (ENOBUFS) is as good as one that it could.
/// </summary>
/// <remarks>One thread waits; any may trigger the signal.</remarks>
public sealed class RouteEvents : IDisposable
{
    private const uint Groups = NetlinkAbi.RTMGRP_LINK | NetlinkAbi.RTMGRP_IPV4_IFADDR | NetlinkAbi.RTMGRP_IPV4_ROUTE | NetlinkAbi.RTMGRP_IPV4_RULE
        | 1u << (NetlinkAbi.RTNLGRP_IPV4_NETCONF - 1);

    private const int MostAtOnce = 1024;   // a storm that does not end must not keep anybody from looking

    private readonly FileDescriptor _socket;
    private readonly ShutdownSignal _signal;
    private readonly byte[] _scratch = new byte[16];   // a message is thrown away, so the kernel need not copy more of it
    private long _overruns;

    /// <summary>Begins to listen.</summary>
    /// <param name="signal">Ends the wait.</param>
    /// <exception cref="LinuxException">The kernel refuses the socket.</exception>
    public RouteEvents(ShutdownSignal signal)
    {
        const string Attempt = "listen to the changes of links, addresses and routes";
        _signal = signal;
        LinuxException.Check(Syscall.Socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NetlinkAbi.NETLINK_ROUTE, out FileDescriptor? socket), Attempt);
        _socket = socket!;
        sockaddr_nl address = new() { nl_family = (ushort)AF_NETLINK, nl_groups = Groups };
        int bound = Syscall.Bind(_socket, MemoryMarshal.AsBytes(new ReadOnlySpan<sockaddr_nl>(in address)));
        if (bound < 0) _socket.Dispose();
        LinuxException.Check(bound, Attempt);
    }

    /// <summary>How often the kernel had more to tell than the socket could hold.</summary>
    public long Overruns => Volatile.Read(ref _overruns);

    /// <summary>Waits for a change, and takes in all that is known of by then.</summary>
    /// <returns>False once the signal is up.</returns>
    /// <exception cref="LinuxException">The wait failed.</exception>
    public bool Wait()
    {
        LinuxException.Check(Syscall.Poll(_socket, POLLIN, _signal.Descriptor, -1, out _, out bool stopping), "wait for changes of the network");
        for (int i = 0; i < MostAtOnce && !stopping; i++)
        {
            int result = Syscall.Receive(_socket, _scratch, 0);
            if (Syscall.ErrorOf(result) == Errno.ENOBUFS) Volatile.Write(ref _overruns, _overruns + 1);
            else if (result < 0) break;
        }
        return !stopping;
    }

    /// <summary>Stops listening. After <see cref="Wait"/> has returned.</summary>
    public void Dispose() => _socket.Dispose();

    /// <summary>Bounds what waits to be heard, so that a test can overrun it.</summary>
    internal void ShrinkBuffer() => Syscall.SetSockOpt(_socket, SOL_SOCKET, SO_RCVBUF, Unsafe.SizeOf<nlmsghdr>());
}
