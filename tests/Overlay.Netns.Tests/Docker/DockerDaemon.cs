using System.Diagnostics;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Docker;

/// <summary>
/// A real dockerd in a node's network namespace, started with the values of the node's subnet.env as its unit would, with all files
/// in a folder of the test.
/// </summary>
internal sealed class DockerDaemon : IAsyncDisposable
{
    private const string Image = "busybox:test";

    private readonly Host _host;
    private readonly string _folder;
    private readonly string _socket;
    private readonly Process _process;
    private readonly List<string> _log = [];

    private DockerDaemon(IOverlayNode node, string folder)
    {
        _host = node.Host;
        _folder = Directory.CreateDirectory(Path.Combine(folder, $"docker-{_host.Name}")).FullName;
        _socket = Path.Combine(_folder, "docker.sock");
        SubnetFile file = node.File;
        // nsenter, not ip netns exec: dockerd is to see the machine's mounts and /sys, and only another network.
        ProcessStartInfo start = new("nsenter", [
            $"--net={_host.Namespace.FilePath}", "dockerd", "-H", $"unix://{_socket}", "--data-root", Path.Combine(_folder, "data"),
            "--exec-root", Path.Combine(_folder, "exec"), "--pidfile", Path.Combine(_folder, "pid"), "--storage-driver", "vfs",
            "--bip", $"{file.Gateway}/{file.PrefixLength}", "--mtu", $"{file.Mtu}"])
        { RedirectStandardOutput = true, RedirectStandardError = true };
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Take(line.Data);
        _process.ErrorDataReceived += (_, line) => Take(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    /// <summary>Starts it, waits until it answers, and gives it an image made of busybox.</summary>
    public static async Task<DockerDaemon> StartAsync(Underlay underlay, IOverlayNode node, string image)
    {
        DockerDaemon daemon = underlay.Own(new DockerDaemon(node, underlay.Folder));
        await Eventually.TrueAsync(() =>
        {
            Assert.False(daemon._process.HasExited, daemon.LogText);
            return Tool.Run("docker", ["-H", $"unix://{daemon._socket}", "info"]).ExitCode == 0;
        }, "dockerd answers", () => daemon.LogText);
        daemon.Must("import", image, Image);
        // Docker has set FORWARD to DROP; the rules of this agent are another version's.
        string network = node.File.Network.ToString();
        node.Host.Namespace.Must("iptables", "-I", "FORWARD", "-s", network, "-j", "ACCEPT");
        node.Host.Namespace.Must("iptables", "-I", "FORWARD", "-d", network, "-j", "ACCEPT");
        return daemon;
    }

    /// <summary>An archive of a root file system with busybox in it, for <c>docker import</c>.</summary>
    public static string CreateImage(string folder)
    {
        string root = Path.Combine(folder, "image"), archive = Path.Combine(folder, "image.tar");
        Directory.CreateDirectory(Path.Combine(root, "bin"));
        Directory.CreateDirectory(Path.Combine(root, "tmp"));
        Tool.Must("cp", [Tool.Must("sh", ["-c", "command -v busybox"]).Trim(), Path.Combine(root, "bin", "busybox")]);
        foreach (string name in new[] { "sh", "ping", "nc", "sleep", "ip", "mkfifo" }) File.CreateSymbolicLink(Path.Combine(root, "bin", name), "busybox");
        Tool.Must("tar", ["-C", root, "-cf", archive, "."]);
        return archive;
    }

    /// <summary>Starts a container that idles, and returns its address.</summary>
    public string Run(string name)
    {
        Must("run", "--detach", "--name", name, "--volume", $"{_folder}:/shared", Image, "sleep", "600");
        return Must("inspect", "--format", "{{.NetworkSettings.IPAddress}}", name).Trim();
    }

    /// <summary>Runs a shell line in a container; /shared is <see cref="Shared"/>.</summary>
    public (int ExitCode, string Output) Exec(string container, string line) => Tool.Run("docker", ["-H", $"unix://{_socket}", "exec", container, "sh", "-c", line]);

    /// <summary>Pings three times with packets of the overlay's MTU and DF, from a container's network: busybox's ping knows no DF.</summary>
    public string PingWhole(string container, string address)
    {
        string process = Must("inspect", "--format", "{{.State.Pid}}", container).Trim();
        return Tool.Run("nsenter", ["-t", process, "-n", "ping", "-c", "3", "-i", "0.2", "-M", "do", "-s", "1422", address]).Output;
    }

    /// <summary>A file that containers see in /shared.</summary>
    public string Shared(string name) => Path.Combine(_folder, name);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Tool.Run("sh", ["-c", $"docker -H unix://{_socket} ps -aq | xargs -r docker -H unix://{_socket} rm -f"]);
            Tool.Run("kill", ["-TERM", $"{_process.Id}"]);
            using CancellationTokenSource patience = new(TimeSpan.FromSeconds(20));
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill();
            }
        }
        // Mounts that Docker left would keep the folder from being deleted.
        foreach (string line in File.ReadAllLines("/proc/self/mounts").Reverse())
        {
            string mount = line.Split(' ')[1];
            if (mount.StartsWith(_folder + "/", StringComparison.Ordinal)) Tool.Run("umount", ["-l", mount]);
        }
    }

    private string LogText
    {
        get { lock (_log) return string.Join('\n', _log.TakeLast(30)); }
    }

    private string Must(params string[] arguments)
    {
        (int exitCode, string output) = Tool.Run("docker", ["-H", $"unix://{_socket}", .. arguments]);
        Assert.True(exitCode == 0, $"docker {string.Join(' ', arguments)}: {output}\n{LogText}");
        return output;
    }

    private void Take(string? line)
    {
        if (line is null) return;
        lock (_log) _log.Add(line);
    }
}
