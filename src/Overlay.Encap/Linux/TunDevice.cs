using System.Text;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Threads;
using Overlay.Encap.Wire;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Linux;

/// <summary>
/// A TUN device with virtio-net headers and segmentation offload, and its queues. The device lives as long as this object,
/// and goes with the process that holds it.
/// </summary>
/// <remarks>Dispose it after the loops that use its queues have ended.</remarks>
public sealed unsafe class TunDevice : IDisposable
{
    private const uint BaseOffloads = TunAbi.TUN_F_CSUM | TunAbi.TUN_F_TSO4;

    private TunDevice(string name, TunQueue[] queues, bool takesUdpSegments)
    {
        Name = name;
        Queues = queues;
        TakesUdpSegments = takesUdpSegments;
    }

    /// <summary>Name of the interface.</summary>
    public string Name { get; }

    /// <summary>One for each worker.</summary>
    public IReadOnlyList<TunQueue> Queues { get; }

    /// <summary>Whether UDP super-packets pass in both directions (Linux 6.2).</summary>
    public bool TakesUdpSegments { get; }

    /// <summary>Creates the device, down and without address. One that exists is never taken over.</summary>
    /// <param name="name">Interface name, 1 to 15 bytes.</param>
    /// <param name="queues">Number of queues, at least one.</param>
    /// <param name="segments">Whether super-packets may pass; false leaves only checksum offload.</param>
    /// <param name="signal">Ends the waits of all queues.</param>
    /// <exception cref="LinuxException">No /dev/net/tun, no permission, the name is none for an interface, or it is taken.</exception>
    public static TunDevice Open(string name, int queues, bool segments, ShutdownSignal signal)
    {
        if (!IsName(name))
            throw new LinuxException($"create TUN device \"{name}\"", Errno.EINVAL, "a device name is 1 to 15 ASCII characters without space, slash, colon and per cent: choose --device");
        List<FileDescriptor> opened = [];
        bool takesUdp = segments;
        try
        {
            for (int i = 0; i < 2 * queues; i++)
            {
                LinuxException.Check(Syscall.Open("/dev/net/tun\0"u8, O_RDWR | O_NONBLOCK, out FileDescriptor? descriptor), "open /dev/net/tun",
                    "load the tun module (modprobe tun) or let the service use the device (DeviceAllow=/dev/net/tun rw)");
                opened.Add(descriptor!);
                Attach(descriptor!, name, isFirst: i == 0);
                takesUdp = SetOffloads(descriptor!, segments) && takesUdp;
            }
            return new TunDevice(name, [.. opened.Chunk(2).Select(pair => new TunQueue(pair[0], pair[1], signal))], takesUdp);
        }
        catch
        {
            opened.ForEach(descriptor => descriptor.Dispose());
            throw;
        }
    }

    /// <summary>Makes the queues fit for other loops, after those that used them have ended: what waits in the kernel is not lost.</summary>
    /// <param name="signal">Ends the waits of all queues from now on.</param>
    /// <param name="spin">How long a wait may look before it sleeps.</param>
    public void Rearm(ShutdownSignal signal, SpinBudget spin)
    {
        foreach (TunQueue queue in Queues) queue.Rearm(signal, spin);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (TunQueue queue in Queues) queue.Dispose();
    }

    private static void Attach(FileDescriptor descriptor, string name, bool isFirst)
    {
        ifreq request = default;
        Encoding.ASCII.GetBytes(name, new Span<byte>(request.ifr_name, TunAbi.IFNAMSIZ - 1));
        request.ifr_flags = (ushort)(TunAbi.IFF_TUN | TunAbi.IFF_NO_PI | TunAbi.IFF_VNET_HDR | TunAbi.IFF_MULTI_QUEUE);
        // Without it the kernel would join us to a persistent TUN of that name that nobody holds at the moment, with its owner's settings.
        if (isFirst) request.ifr_flags |= TunAbi.IFF_TUN_EXCL;
        int result = Syscall.Ioctl(descriptor, TunAbi.TUNSETIFF, ref request);
        LinuxException.Check(result, $"create TUN device {name}", Syscall.ErrorOf(result) switch
        {
            Errno.EBUSY => $"another process or a left-over persistent device holds {name}: remove it (ip link delete {name}) or choose --device",
            Errno.ENOTTY => "/dev/net/tun is there, but it is not the TUN device: remove it, and make it anew (mknod /dev/net/tun c 10 200)",
            _ => null,
        });
        int headerSize = VirtioNetHeader.Size;
        LinuxException.Check(Syscall.Ioctl(descriptor, TunAbi.TUNSETVNETHDRSZ, ref headerSize), $"set the header size of {name}");
    }

    // The kernel's rule, and no per cent: it would put a number of its own in its place.
    private static bool IsName(string name) =>
        name.Length is > 0 and < TunAbi.IFNAMSIZ && name is not ("." or "..") && name.All(c => c is > ' ' and <= '~' and not ('/' or ':' or '%'));

    // Returns whether the kernel knows UDP segmentation.
    private static bool SetOffloads(FileDescriptor descriptor, bool segments)
    {
        uint wanted = segments ? BaseOffloads : TunAbi.TUN_F_CSUM;
        // The kernel takes USO for both families or for none.
        const uint Uso = TunAbi.TUN_F_USO4 | TunAbi.TUN_F_USO6;
        if (segments && Syscall.Ioctl(descriptor, TunAbi.TUNSETOFFLOAD, wanted | Uso) >= 0) return true;
        LinuxException.Check(Syscall.Ioctl(descriptor, TunAbi.TUNSETOFFLOAD, wanted), "set the offloads of the TUN device");
        return false;
    }
}
