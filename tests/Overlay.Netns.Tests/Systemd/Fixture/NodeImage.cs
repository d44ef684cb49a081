using System.Security.Cryptography;
using System.Text;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Systemd;

/// <summary>
/// The file system of a bare node of this machine's own distribution: systemd, and what a rented machine has besides. Made once by
/// debootstrap and kept under a name made of what it holds, so that the next run only copies it.
/// </summary>
internal static class NodeImage
{
    private const string Cache = "/var/cache/overlay-agent-tests";
    private static readonly string[] Packages = ["systemd", "systemd-sysv", "dbus", "iproute2", "iptables", "nftables", "procps"];

    /// <summary>Skips the test where a node cannot be made.</summary>
    public static void Require()
    {
        Privilege.Require();
        string[] missing = [.. new[] { "debootstrap", "systemd-nspawn", "nsenter", "dpkg-deb", "objdump", "strace" }.Where(tool => !Privilege.IsInstalled(tool))];
        Assert.SkipWhen(missing.Length > 0, $"not installed: {string.Join(", ", missing)}");
        Assert.SkipUnless(File.Exists("/dev/net/tun"), "there is no /dev/net/tun");
    }

    /// <summary>
    /// Takes this machine's one place for a node until it is disposed of: nodes that run side by side would share a control group, and
    /// each systemd takes its own for the whole.
    /// </summary>
    public static async Task<IDisposable> LockAsync()
    {
        Directory.CreateDirectory(Cache);
        while (true)
        {
            try
            {
                return new FileStream(Path.Combine(Cache, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                await Task.Delay(100, TestContext.Current.CancellationToken);   // another checkout tests its nodes
            }
        }
    }

    /// <summary>Copies the image, and makes it before where it is missing. Call under the lock.</summary>
    public static void CopyTo(string folder)
    {
        string suite = File.ReadLines("/etc/os-release").Single(line => line.StartsWith("VERSION_CODENAME=", StringComparison.Ordinal))["VERSION_CODENAME=".Length..].Trim('"');
        string content = $"{suite} {string.Join(',', Packages)}";
        string image = Path.Combine(Cache, $"node-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(content)))[..12]}");
        if (!Directory.Exists(image))
        {
            string half = image + ".new";
            Tool.Must("rm", ["-rf", half]);
            Tool.Must("debootstrap", ["--variant=minbase", $"--include={string.Join(',', Packages)}", suite, half]);
            Tool.Must("sh", ["-c", "rm -rf \"$1\"/var/cache/apt/* \"$1\"/var/lib/apt/lists/* \"$1\"/usr/share/doc/* \"$1\"/usr/share/locale/* \"$1\"/etc/resolv.conf", "sh", half]);
            Directory.Move(half, image);
        }
        Tool.Must("cp", ["-a", "--reflink=auto", image, folder]);
    }
}
