using System.Runtime.InteropServices;
using System.Text;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using static Tmds.Linux.LibC;

namespace Overlay.Encap.Tests.Linux;

/// <summary>A bare TUN made through the gate; it is deleted when the descriptor is disposed.</summary>
internal static class TestTun
{
    public static FileDescriptor Create(string name, ushort flags = TunAbi.IFF_TUN | TunAbi.IFF_NO_PI)
    {
        Assert.SkipUnless(File.Exists("/dev/net/tun"), "there is no /dev/net/tun");
        LinuxException.Check(Syscall.Open("/dev/net/tun\0"u8, O_RDWR | O_NONBLOCK, out FileDescriptor? descriptor), "open /dev/net/tun");
        ifreq request = new() { ifr_flags = flags };
        Encoding.ASCII.GetBytes(name, MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref request, 1))[..TunAbi.IFNAMSIZ]);
        LinuxException.Check(Syscall.Ioctl(descriptor!, TunAbi.TUNSETIFF, ref request), $"create TUN {name}");
        return descriptor!;
    }
}
