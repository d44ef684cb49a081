using System.Diagnostics;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Systemd;

/// <summary>A whole node under its own systemd, booted in the network of a host of the underlay.</summary>
/// <remarks>Disposing powers it off and gives its place back.</remarks>
internal sealed class Machine : IAsyncDisposable
{
    private const int RebootWanted = 133;   // as systemd-nspawn tells whoever keeps it

    private readonly Host _host;
    private readonly string _root;
    private readonly IDisposable _place;
    private Process? _container;
    private string _leader = "";

    private Machine(Host host, string root, IDisposable place) => (_host, _root, _place) = (host, root, place);

    /// <summary>The node's address on the underlay.</summary>
    public string Address => _host.Address.ToString();

    /// <summary>Makes a bare node; it is not booted yet, so that a test can put files into it.</summary>
    public static async Task<Machine> CreateAsync(Underlay underlay, string name, int number)
    {
        IDisposable place = await NodeImage.LockAsync();
        Host host = underlay.Attach(name, number);
        // As on a real node, the way out says which interface is the underlay.
        host.Namespace.Ip($"route add default via {Underlay.AddressOf(254)} dev eth0");
        string root = Path.Combine(underlay.Folder, name);
        Machine machine = underlay.Own(new Machine(host, root, place));
        NodeImage.CopyTo(root);
        machine.Write("/etc/hostname", name + "\n");
        return machine;
    }

    /// <summary>A file of the node, by the path that the node sees. The folders in /run are its own and not here.</summary>
    public string PathOf(string path) => _root + path;

    /// <summary>Writes a file into the node.</summary>
    public void Write(string path, string content, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.OtherRead)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(PathOf(path))!);
        File.WriteAllText(PathOf(path), content);
        File.SetUnixFileMode(PathOf(path), mode);
    }

    /// <summary>Boots it, and waits until systemd has nothing left to do that can be done.</summary>
    public async Task BootAsync()
    {
        _container = Process.Start(new ProcessStartInfo("systemd-nspawn", [
            "--directory", _root, "--register=no", "--keep-unit", $"--network-namespace-path={_host.Namespace.FilePath}",
            "--capability=CAP_NET_ADMIN", "--bind=/dev/net/tun", "--boot"])
        { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;
        _container.OutputDataReceived += (_, _) => { };
        _container.ErrorDataReceived += (_, _) => { };
        _container.BeginOutputReadLine();
        _container.BeginErrorReadLine();
        await Eventually.TrueAsync(() =>
        {
            Assert.False(_container.HasExited, "systemd-nspawn ended");
            _leader = File.ReadAllText($"/proc/{_container.Id}/task/{_container.Id}/children").Trim();
            // Until it becomes systemd, the child belongs to nspawn.
            return int.TryParse(_leader, out _) && Tool.Run("cat", [$"/proc/{_leader}/comm"]).Output == "systemd\n"
                && Run("systemctl", "is-active", "basic.target").Output == "active\n";
        }, "the node is up");
    }

    /// <summary>Reboots it as an operator does.</summary>
    public async Task RebootAsync()
    {
        Run("systemctl", "reboot");
        await Eventually.TrueAsync(() => _container!.HasExited, "the node goes down");
        Assert.Equal(RebootWanted, _container!.ExitCode);
        _container.Dispose();
        await BootAsync();
    }

    /// <summary>Runs a program in the node.</summary>
    public (int ExitCode, string Output) Run(params string[] line) =>
        Tool.Run("nsenter", ["-t", _leader, "-a", "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive", .. line]);

    /// <summary>Runs a program in the node that has to succeed.</summary>
    public string Must(params string[] line)
    {
        (int exitCode, string output) = Run(line);
        Assert.True(exitCode == 0, $"{string.Join(' ', line)} ended with {exitCode}: {output}\n{Journal}");
        return output;
    }

    /// <summary>A property of a unit, as systemd has it.</summary>
    public string Property(string unit, string property) => Must("systemctl", "show", "--property", property, "--value", unit).Trim();

    /// <summary>Waits until a unit is active.</summary>
    public Task ActiveAsync(string unit) => Eventually.TrueAsync(() => Property(unit, "ActiveState") == "active", $"{unit} is active", () => Journal);

    /// <summary>What the agent and systemd have said of it last.</summary>
    public string Journal => Run("journalctl", "--no-pager", "--quiet", "--lines=60", "--output=short-monotonic", "--unit=overlay-agent*", "--unit=docker.service").Output;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_container is { HasExited: false })
        {
            Tool.Run("kill", ["-TERM", $"{_container.Id}"]);   // nspawn powers the node off in order
            using CancellationTokenSource patience = new(TimeSpan.FromSeconds(20));
            try
            {
                await _container.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                _container.Kill(entireProcessTree: true);
                await _container.WaitForExitAsync(CancellationToken.None);
            }
        }
        _container?.Dispose();
        _place.Dispose();
    }
}
