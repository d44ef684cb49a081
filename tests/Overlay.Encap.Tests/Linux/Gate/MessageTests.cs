using System.Net;
using System.Runtime.CompilerServices;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Tests.Oracles;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Tests.Linux.Gate;

/// <summary>The vectored calls over loopback sockets on free ports.</summary>
public sealed unsafe class MessageTests
{
    private static readonly uint Loopback = BitConverter.ToUInt32(IPAddress.Loopback.GetAddressBytes());

    [Fact]
    public void One_segmented_send_arrives_with_its_segment_size()
    {
        using FileDescriptor receiver = BoundSocket(out sockaddr_in address);
        using FileDescriptor sender = BoundSocket(out _);
        Assert.Equal(0, Syscall.SetSockOpt(receiver, UdpAbi.SOL_UDP, UdpAbi.UDP_GRO, 1));

        byte* payload = stackalloc byte[5000];
        new Span<byte>(payload, 5000).Fill(0x5a);
        byte* control = stackalloc byte[64];
        ref cmsghdr segment = ref Unsafe.AsRef<cmsghdr>(control);
        segment = new cmsghdr { cmsg_len = (nuint)UdpAbi.CMSG_LEN(sizeof(ushort)), cmsg_level = UdpAbi.SOL_UDP, cmsg_type = UdpAbi.UDP_SEGMENT };
        *(ushort*)(control + UdpAbi.CMSG_HDRLEN) = 1000;
        iovec piece = new() { iov_base = payload, iov_len = 5000 };
        mmsghdr message = default;
        message.msg_hdr = new msghdr
        {
            msg_name = &address,
            msg_namelen = (uint)sizeof(sockaddr_in),
            msg_iov = &piece,
            msg_iovlen = 1,
            msg_control = control,
            msg_controllen = (nuint)UdpAbi.CMSG_SPACE(sizeof(ushort)),
        };
        Assert.Equal(1, Syscall.SendMmsg(sender, &message, 1, 0));
        Assert.Equal(5000u, message.msg_len);

        byte* buffer = stackalloc byte[8000];
        piece = new iovec { iov_base = buffer, iov_len = 8000 };
        message.msg_hdr.msg_controllen = 64;
        Assert.Equal(1, Syscall.RecvMmsg(receiver, &message, 1, 0));
        Assert.Equal(5000u, message.msg_len);
        Assert.Equal((UdpAbi.SOL_UDP, UdpAbi.UDP_GRO), (segment.cmsg_level, segment.cmsg_type));
        Assert.Equal(1000, *(int*)(control + UdpAbi.CMSG_HDRLEN));
    }

    [Fact]
    public void K7_a_bad_entry_costs_only_itself()
    {
        using FileDescriptor receiver = BoundSocket(out sockaddr_in address);
        using FileDescriptor sender = BoundSocket(out _);
        // 255.255.255.255 without SO_BROADCAST is EACCES.
        sockaddr_in refused = address with { sin_addr = uint.MaxValue };
        byte payload = 1;
        iovec piece = new() { iov_base = &payload, iov_len = 1 };
        mmsghdr* messages = stackalloc mmsghdr[3];
        for (int i = 0; i < 3; i++)
        {
            messages[i] = default;
            messages[i].msg_hdr.msg_name = i == 1 ? &refused : &address;
            messages[i].msg_hdr.msg_namelen = (uint)sizeof(sockaddr_in);
            messages[i].msg_hdr.msg_iov = &piece;
            messages[i].msg_hdr.msg_iovlen = 1;
        }
        Assert.Equal(1, Syscall.SendMmsg(sender, messages, 3, 0));
        Assert.Equal(Errno.EACCES, Syscall.ErrorOf(Syscall.SendMmsg(sender, messages + 1, 2, 0)));
        Assert.Equal(1, Syscall.SendMmsg(sender, messages + 2, 1, 0));
        Assert.Equal(1, Syscall.Receive(receiver, stackalloc byte[8], MSG_DONTWAIT));
        Assert.Equal(1, Syscall.Receive(receiver, stackalloc byte[8], MSG_DONTWAIT));
        Assert.Equal(-(int)Errno.EAGAIN, Syscall.Receive(receiver, stackalloc byte[8], MSG_DONTWAIT));
    }

    [Fact]
    public void Vectored_write_keeps_the_order_of_the_pieces()
    {
        using FileDescriptor receiver = BoundSocket(out sockaddr_in address);
        using FileDescriptor sender = BoundSocket(out _);
        Assert.Equal(0, Syscall.Connect(sender, address));
        uint* words = stackalloc uint[] { 0x01020304, 0x05060708 };
        iovec* pieces = stackalloc iovec[2];
        pieces[0] = new iovec { iov_base = words + 1, iov_len = 4 };
        pieces[1] = new iovec { iov_base = words, iov_len = 4 };
        Assert.Equal(8, Syscall.WriteV(sender, pieces, 2));
        words[0] = words[1] = 0;
        Assert.Equal(8, Syscall.Receive(receiver, new Span<byte>(words, 8), 0));
        Assert.Equal((0x05060708u, 0x01020304u), (words[0], words[1]));
    }

    [Fact]
    public void Vectored_calls_allocate_nothing()
    {
        using FileDescriptor receiver = BoundSocket(out sockaddr_in address);
        using FileDescriptor sender = BoundSocket(out _);
        Assert.Equal(0, Syscall.Connect(sender, address));
        Allocation.AssertNone(() => Exercise(sender, receiver), warmup: 100, times: 1000);
    }

    [Fact]
    public void Socket_options_are_set_and_read()
    {
        using FileDescriptor socket = BoundSocket(out sockaddr_in address);
        Assert.Equal((ushort)AF_INET, address.sin_family);
        Assert.Equal(Loopback, address.sin_addr);
        Assert.NotEqual(0, address.sin_port);
        Assert.Equal(0, Syscall.SetSockOpt(socket, IPPROTO_IP, IP_TOS, 2));
        Assert.Equal(0, Syscall.GetSockOpt(socket, IPPROTO_IP, IP_TOS, out int tos));
        Assert.Equal(2, tos);
        Assert.Equal(-(int)Errno.ENOPROTOOPT, Syscall.SetSockOpt(socket, UdpAbi.SOL_UDP, 9999, 1));
    }

    private static void Exercise(FileDescriptor sender, FileDescriptor receiver)
    {
        long payload = 0;
        iovec piece = new() { iov_base = &payload, iov_len = sizeof(long) };
        mmsghdr message = default;
        message.msg_hdr.msg_iov = &piece;
        message.msg_hdr.msg_iovlen = 1;
        _ = Syscall.WriteV(sender, &piece, 1);
        _ = Syscall.Receive(receiver, new Span<byte>(&payload, sizeof(long)), 0);
        _ = Syscall.SendMmsg(sender, &message, 1, 0);
        _ = Syscall.RecvMmsg(receiver, &message, 1, 0);
        _ = Syscall.RecvMmsg(receiver, &message, 1, MSG_DONTWAIT);
    }

    private static FileDescriptor BoundSocket(out sockaddr_in address)
    {
        LinuxException.Check(Syscall.Socket(AF_INET, SOCK_DGRAM, 0, out FileDescriptor? socket), "open a socket");
        LinuxException.Check(Syscall.Bind(socket!, new sockaddr_in { sin_family = (ushort)AF_INET, sin_addr = Loopback }), "bind");
        using FileDescriptor.Loan loan = socket!.Borrow();
        sockaddr_in bound = default;
        Tmds.Linux.socklen_t length = (uint)sizeof(sockaddr_in);
        Assert.Equal(0, getsockname(loan.Number, (Tmds.Linux.sockaddr*)&bound, &length));
        address = bound;
        return socket;
    }
}
