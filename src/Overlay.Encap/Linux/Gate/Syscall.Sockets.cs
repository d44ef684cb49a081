using Overlay.Encap.Linux.Abi;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Linux.Gate;

internal static unsafe partial class Syscall
{
    /// <summary>socket(2) with SOCK_CLOEXEC added.</summary>
    public static int Socket(int domain, int type, int protocol, out FileDescriptor? descriptor) =>
        Own(Result(socket(domain, type | SOCK_CLOEXEC, protocol)), out descriptor);

    /// <summary>bind(2).</summary>
    /// <param name="descriptor">A socket.</param>
    /// <param name="address">A sockaddr of the socket's family.</param>
    public static int Bind(FileDescriptor descriptor, ReadOnlySpan<byte> address)
    {
        using FileDescriptor.Loan loan = descriptor.Borrow();
        fixed (byte* start = address) return Result(bind(loan.Number, (Tmds.Linux.sockaddr*)start, (uint)address.Length));
    }

    /// <summary>bind(2) to an IPv4 address and port.</summary>
    public static int Bind(FileDescriptor descriptor, in sockaddr_in address)
    {
        fixed (sockaddr_in* start = &address) return Bind(descriptor, new ReadOnlySpan<byte>(start, sizeof(sockaddr_in)));
    }

    /// <summary>connect(2) of a datagram socket to an IPv4 peer; sends nothing.</summary>
    public static int Connect(FileDescriptor descriptor, in sockaddr_in address)
    {
        using FileDescriptor.Loan loan = descriptor.Borrow();
        fixed (sockaddr_in* start = &address) return Result(connect(loan.Number, (Tmds.Linux.sockaddr*)start, (uint)sizeof(sockaddr_in)));
    }

    /// <summary>setsockopt(2) of an option that is an int.</summary>
    public static int SetSockOpt(FileDescriptor descriptor, int level, int option, int value)
    {
        using FileDescriptor.Loan loan = descriptor.Borrow();
        return Result(setsockopt(loan.Number, level, option, &value, sizeof(int)));
    }

    /// <summary>setsockopt(2) of an option that is a program of classic BPF, as of SO_ATTACH_REUSEPORT_CBPF.</summary>
    public static int SetSockOpt(FileDescriptor descriptor, int level, int option, ReadOnlySpan<sock_filter> program)
    {
        using FileDescriptor.Loan loan = descriptor.Borrow();
        fixed (sock_filter* start = program)
        {
            sock_fprog value = new() { len = (ushort)program.Length, filter = start };
            return Result(setsockopt(loan.Number, level, option, &value, sizeof(sock_fprog)));
        }
    }

    /// <summary>getsockopt(2) of an option that is an int.</summary>
    public static int GetSockOpt(FileDescriptor descriptor, int level, int option, out int value)
    {
        using FileDescriptor.Loan loan = descriptor.Borrow();
        int read = 0;
        Tmds.Linux.socklen_t length = sizeof(int);
        int result = Result(getsockopt(loan.Number, level, option, &read, &length));
        value = read;
        return result;
    }

    /// <summary>
    /// sendmmsg(2). Returns how many messages went out, which may be fewer than <paramref name="count"/>; a negative result means that
    /// the first of them failed, and it alone: go on with the next.
    /// </summary>
    public static int SendMmsg(FileDescriptor descriptor, mmsghdr* messages, int count, int flags)
    {
        int result;
        do result = Result(Native.sendmmsg(descriptor, messages, (uint)count, flags));
        while (result == -(int)Errno.EINTR);
        return result;
    }

    /// <summary>recvmmsg(2) without a time limit. Returns how many messages came.</summary>
    public static int RecvMmsg(FileDescriptor descriptor, mmsghdr* messages, int count, int flags)
    {
        int result;
        do result = Result(Native.recvmmsg(descriptor, messages, (uint)count, flags, null));
        while (result == -(int)Errno.EINTR);
        return result;
    }

    /// <summary>send(2) on a socket that knows its peer (for netlink: the kernel).</summary>
    public static int Send(FileDescriptor descriptor, ReadOnlySpan<byte> message, int flags)
    {
        using FileDescriptor.Loan loan = descriptor.Borrow();
        int result;
        fixed (byte* start = message)
        {
            do result = Result((int)send(loan.Number, start, message.Length, flags));
            while (result == -(int)Errno.EINTR);
        }
        return result;
    }

    /// <summary>recv(2). With MSG_TRUNC the count is the length of the message even where the buffer is shorter.</summary>
    public static int Receive(FileDescriptor descriptor, Span<byte> buffer, int flags)
    {
        using FileDescriptor.Loan loan = descriptor.Borrow();
        int result;
        fixed (byte* start = buffer)
        {
            do result = Result((int)recv(loan.Number, start, buffer.Length, flags));
            while (result == -(int)Errno.EINTR);
        }
        return result;
    }
}
