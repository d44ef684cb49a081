using System.Diagnostics;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Docker;

/// <summary>
/// A real dockerd in a node's network namespace, started with the DOCKER_OPTS of an options file as the unit does it, and with all
/// its own files in a folder of the test.
/// </summary>
internal sealed class DockerDaemon : IAsyncDisposable
{
    private const string Image = "busybox:test";

    private readonly Host _host;
    private readonly string _optionsFile;
    private readonly string _folder;
    private readonly string _socket;
    private readonly List<string> _log = [];
    private Process _process;

    private DockerDaemon(Host host, string optionsFile, string folder)
    {
        (_host, _optionsFile) = (host, optionsFile);
        _folder = Directory.CreateDirectory(Path.Combine(folder, $"docker-{host.Name}")).FullName;
        _socket = Path.Combine(_folder, "docker.sock");
        Directory.CreateDirectory(Shared("www/cgi-bin"));
        Place("www/cgi-bin/who", "#!/bin/sh\nprintf 'Content-Type: text/plain\\r\\n\\r\\n%s' \"$REMOTE_ADDR\"\n");
        // Where Docker finds forwarding off it switches it on, and has FORWARD drop: that is how a bare node comes to it.
        host.Namespace.SetSysctl("ipv4/ip_forward", "0");
        _process = Launch();
    }

    /// <summary>Starts it, waits until it answers, and gives it an image made of busybox.</summary>
    /// <param name="underlay">Owns it.</param>
    /// <param name="host">The node.</param>
    /// <param name="optionsFile">Holds DOCKER_OPTS.</param>
    /// <param name="image">Of <see cref="CreateImage"/>.</param>
    public static async Task<DockerDaemon> StartAsync(Underlay underlay, Host host, string optionsFile, string image)
    {
        DockerDaemon daemon = underlay.Own(new DockerDaemon(host, optionsFile, underlay.Folder));
        await daemon.AnsweringAsync();
        daemon.Must("import", image, Image);
        return daemon;
    }

    /// <summary>Restarts it as its unit would: containers run on meanwhile (live-restore), and it makes its rules anew.</summary>
    public async Task RestartAsync()
    {
        await EndAsync();
        _process.Dispose();
        _process = Launch();
        await AnsweringAsync();
    }

    /// <summary>An archive of a root file system with busybox in it, for <c>docker import</c>.</summary>
    public static string CreateImage(string folder)
    {
        string root = Path.Combine(folder, "image"), archive = Path.Combine(folder, "image.tar");
        Directory.CreateDirectory(Path.Combine(root, "bin"));
        Directory.CreateDirectory(Path.Combine(root, "tmp"));
        Tool.Must("cp", [Tool.Must("sh", ["-c", "command -v busybox"]).Trim(), Path.Combine(root, "bin", "busybox")]);
        foreach (string name in new[] { "sh", "ping", "nc", "dd", "ip", "netstat", "httpd", "tail" }) File.CreateSymbolicLink(Path.Combine(root, "bin", name), "busybox");
        Tool.Must("tar", ["-C", root, "-cf", archive, "."]);
        return archive;
    }

    /// <summary>Starts a container that tells on its port 80 who asks, and returns its address.</summary>
    public string Run(string name, params string[] options)
    {
        Must(["run", "--detach", "--name", name, "--volume", $"{_folder}/shared:/shared", .. options, Image, "httpd", "-f", "-p", "0.0.0.0:80", "-h", "/shared/www"]);
        return Must("inspect", "--format", "{{.NetworkSettings.IPAddress}}", name).Trim();
    }

    /// <summary>When a container was started, and its process: the same as long as it is the same one.</summary>
    public string IdentityOf(string container) => Must("inspect", "--format", "{{.State.StartedAt}} {{.State.Pid}}", container);

    /// <summary>Runs a shell line in a container; /shared is <see cref="Shared"/>.</summary>
    public (int ExitCode, string Output) Exec(string container, string line) => Tool.Run("docker", ["-H", $"unix://{_socket}", "exec", container, "sh", "-c", line]);

    /// <summary>Asks a container of <see cref="Run"/> from another one.</summary>
    /// <returns>The address it sees the question come from; empty or a complaint where there is no answer.</returns>
    public string Who(string container, string endPoint) => Exec(container, Question(endPoint)).Output;

    /// <summary>The same from a host.</summary>
    public static string Who(Host host, string endPoint) => host.Namespace.Run("busybox", "sh", "-c", Question(endPoint)).Output;

    /// <summary>Pings three times with packets of the overlay's MTU and DF, from a container's network: busybox's ping knows no DF.</summary>
    public string PingWhole(string container, string address)
    {
        string process = Must("inspect", "--format", "{{.State.Pid}}", container).Trim();
        return Tool.Run("nsenter", ["-t", process, "-n", "ping", "-c", "3", "-i", "0.2", "-M", "do", "-s", "1422", address]).Output;
    }

    /// <summary>Puts a program into /shared.</summary>
    public void Place(string name, string script)
    {
        File.WriteAllText(Shared(name), script);
        File.SetUnixFileMode(Shared(name), (UnixFileMode)0b111_101_101);
    }

    /// <summary>A file that containers see in /shared.</summary>
    public string Shared(string name) => Path.Combine(_folder, "shared", name);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Tool.Run("sh", ["-c", $"docker -H unix://{_socket} ps -aq | xargs -r docker -H unix://{_socket} rm -f"]);
            await EndAsync();
        }
        _process.Dispose();
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

    // By nc: wget of a statically linked busybox crashes where it finds another libc's name services.
    private static string Question(string endPoint) => $"printf 'GET /cgi-bin/who HTTP/1.0\\r\\n\\r\\n' | nc -w 5 {endPoint.Replace(':', ' ')} | tail -n 1";

    private Process Launch()
    {
        // The shell takes the file as EnvironmentFile= does, and the words of $DOCKER_OPTS as ExecStart= does.
        // nsenter, not ip netns exec: dockerd is to see the machine's mounts and /sys, and only another network.
        ProcessStartInfo start = new("nsenter", [
            $"--net={_host.Namespace.FilePath}", "sh", "-c", ". \"$0\"; exec dockerd \"$@\" $DOCKER_OPTS", _optionsFile,
            "-H", $"unix://{_socket}", "--data-root", Path.Combine(_folder, "data"), "--exec-root", Path.Combine(_folder, "exec"),
            "--pidfile", Path.Combine(_folder, "pid"), "--storage-driver", "vfs", "--live-restore"])
        { RedirectStandardOutput = true, RedirectStandardError = true };
        Process process = Process.Start(start)!;
        process.OutputDataReceived += (_, line) => Take(line.Data);
        process.ErrorDataReceived += (_, line) => Take(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        return process;
    }

    private Task AnsweringAsync() => Eventually.TrueAsync(() =>
    {
        Assert.False(_process.HasExited, LogText);
        return Tool.Run("docker", ["-H", $"unix://{_socket}", "info"]).ExitCode == 0;
    }, "dockerd answers", () => LogText);

    private async Task EndAsync()
    {
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
