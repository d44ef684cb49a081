using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Overlay.Encap.Tests.Oracles;

/// <summary>The barest TUN device, in a network namespace that only the calling thread sees and that ends with it.</summary>
internal sealed class RawTun : IDisposable
{
    private const int CloneNewNet = 0x4000_0000;
    private const int ReadWriteNonBlocking = 2 | 0x800;
    private const ulong TunSetIff = 0x4004_54CA, TunSetVnetHdrSize = 0x4004_54D8, TunSetOffload = 0x4004_54D0;
    private const ushort Tun = 1, NoPacketInfo = 0x1000, VnetHeader = 0x4000;

    private readonly SafeFileHandle _descriptor;

    /// <summary>Opens a device. Without <paramref name="offloads"/> the kernel cuts and finishes all that it hands over.</summary>
    public RawTun(string name, bool offloads)
    {
        _descriptor = open("/dev/net/tun", ReadWriteNonBlocking);
        byte[] request = new byte[40];
        Encoding.ASCII.GetBytes(name, request);
        BitConverter.TryWriteBytes(request.AsSpan(16), (ushort)(Tun | NoPacketInfo | (offloads ? VnetHeader : 0)));
        Check(ioctl(_descriptor, TunSetIff, request), "TUNSETIFF");
        if (!offloads) return;
        Check(ioctl(_descriptor, TunSetVnetHdrSize, BitConverter.GetBytes(12)), "TUNSETVNETHDRSZ");
    }

    /// <summary>Whether USO packets may be written (Linux 6.2): 0x60 is TUN_F_USO4 and 6, which ask for TUN_F_CSUM.</summary>
    public bool TakesUdpSegments => ioctl(_descriptor, TunSetOffload, 0x61) == 0;

    /// <summary>Runs something on a thread of its own in a new network namespace.</summary>
    public static void InNamespace(Action action)
    {
        Exception? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                Check(unshare(CloneNewNet), "unshare");
                action();
            }
#pragma warning disable CA1031 // carried over to the test's thread
            catch (Exception e)
#pragma warning restore CA1031
            {
                failure = e;
            }
        });
        thread.Start();
        thread.Join();
        if (failure is not null) throw new InvalidOperationException(failure.Message, failure);
    }

    /// <summary>Runs the ip tool in the calling thread's namespace.</summary>
    public static void Ip(string arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo("ip", arguments) { RedirectStandardError = true })!;
        string errors = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, $"ip {arguments}: {errors}");
    }

    public void Write(byte[] bytes) => Check((int)write(_descriptor, bytes, bytes.Length), "write");

    /// <summary>Reads packets until there are as many as wanted, or none comes for the length of a generous deadline.</summary>
    public List<byte[]> Read(int count, Predicate<byte[]> wanted)
    {
        List<byte[]> packets = [];
        byte[] buffer = new byte[70_000];
        Stopwatch since = Stopwatch.StartNew();
        while (packets.Count < count && since.Elapsed < TimeSpan.FromSeconds(10))
        {
            int length = (int)read(_descriptor, buffer, buffer.Length);
            if (length > 0 && wanted(buffer[..length])) packets.Add(buffer[..length]);
            else if (length <= 0) Thread.Yield();
        }
        return packets;
    }

    public void Dispose() => _descriptor.Dispose();

    private static void Check(int result, string what) =>
        Assert.True(result >= 0, $"{what}: {Marshal.GetLastPInvokeErrorMessage()}");

#pragma warning disable SYSLIB1054, CA2101, IDE1006 // C's names; generated marshalling would need unsafe code here
    [DllImport("libc", SetLastError = true)]
    private static extern int unshare(int flags);

    [DllImport("libc", SetLastError = true, CharSet = CharSet.Ansi)]
    private static extern SafeFileHandle open(string path, int flags);

    [DllImport("libc", SetLastError = true)]
    private static extern int ioctl(SafeFileHandle descriptor, ulong request, byte[] argument);

    [DllImport("libc", SetLastError = true)]
    private static extern int ioctl(SafeFileHandle descriptor, ulong request, nint argument);

    [DllImport("libc", SetLastError = true)]
    private static extern nint read(SafeFileHandle descriptor, byte[] buffer, nint count);

    [DllImport("libc", SetLastError = true)]
    private static extern nint write(SafeFileHandle descriptor, byte[] buffer, nint count);
#pragma warning restore SYSLIB1054, CA2101, IDE1006
}
