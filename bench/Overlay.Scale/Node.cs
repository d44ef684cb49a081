using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using static Tmds.Linux.LibC;

namespace Overlay.Scale;

/// <summary>A node of the topology: its network namespace, and the agent in it with what the kernel and the agent itself say of it.</summary>
internal sealed class Node(string prefix, string name, string work) : IDisposable
{
    private readonly Socket _notify = new(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
    private readonly List<string> _log = [];
    private Process? _agent;
    private volatile string _status = "";

    /// <summary>Whether the agent has said READY.</summary>
    public bool IsReady { get; private set; }

    /// <summary>What the agent says it does.</summary>
    public string Status => _status;

    /// <summary>The peers that it says it has.</summary>
    public int Peers
    {
        get
        {
            string[] words = _status.Split(' ');
            int at = Array.FindIndex(words, word => word.StartsWith("peer", StringComparison.Ordinal));
            return at > 0 && int.TryParse(words[at - 1], out int peers) ? peers : -1;
        }
    }

    /// <summary>Its log so far.</summary>
    public string Log { get { lock (_log) return string.Join('\n', _log); } }

    /// <summary>Lines logged so far.</summary>
    public int Lines { get { lock (_log) return _log.Count; } }

    /// <summary>The first address of its subnet: that of its overlay device.</summary>
    public IPAddress Address
    {
        get
        {
            string line = File.ReadLines(Path.Combine(work, name, "subnet.env")).First(line => line.StartsWith("FLANNEL_SUBNET=", StringComparison.Ordinal));
            byte[] octets = IPAddress.Parse(line.Split('=')[1].Split('/')[0]).GetAddressBytes();
            octets[3] = 0;
            return new IPAddress(octets);
        }
    }

    /// <summary>Memory in use now, MiB.</summary>
    public double Rss => StatusField("VmRSS:");

    /// <summary>The most memory it ever used, MiB.</summary>
    public double PeakRss => StatusField("VmHWM:");

    /// <summary>Descriptors open now.</summary>
    public int Descriptors => Directory.GetFileSystemEntries($"/proc/{_agent!.Id}/fd").Length;

    /// <summary>Threads now.</summary>
    public int Threads => Directory.GetDirectories($"/proc/{_agent!.Id}/task").Length;

    /// <summary>CPU time used so far, seconds.</summary>
    public double Cpu
    {
        get
        {
            string[] fields = File.ReadAllText($"/proc/{_agent!.Id}/stat").Split(") ")[1].Split(' ');
            return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / 100.0;
        }
    }

    /// <summary>Starts the agent.</summary>
    public void Start(string binary, string endpoint)
    {
        string folder = Directory.CreateDirectory(Path.Combine(work, name)).FullName, socket = Path.Combine(folder, "notify");
        _notify.Bind(new UnixDomainSocketEndPoint(socket));
        _ = ListenAsync();
        ProcessStartInfo start = Command(binary, [$"--etcd-endpoints={endpoint}", "--iface=eth0", $"--subnet-file={folder}/subnet.env", $"--state-dir={folder}/state", "--iptables-forward-rules=false"]);
        start.Environment["NOTIFY_SOCKET"] = socket;
        _agent = Process.Start(start)!;
        _agent.OutputDataReceived += (_, line) => Take(line.Data);
        _agent.ErrorDataReceived += (_, line) => Take(line.Data);
        _agent.BeginOutputReadLine();
        _agent.BeginErrorReadLine();
    }

    /// <summary>Runs a program here to its end and returns what it printed.</summary>
    public async Task<string> RunAsync(string program, params IEnumerable<string> arguments)
    {
        using Process process = Process.Start(Command(program, arguments))!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? output : throw new InvalidOperationException($"{program} ended with {process.ExitCode}: {output}{await errors}");
    }

    /// <summary>A UDP socket of this namespace, to be used from any thread.</summary>
    public Socket UdpSocket()
    {
        Socket? socket = null;
        Thread thread = new(() =>
        {
            using (var file = File.OpenHandle($"/run/netns/{prefix}{name}"))
            {
                if (setns((int)file.DangerousGetHandle(), CLONE_NEWNET) != 0) throw new InvalidOperationException("setns failed");
            }
            socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        });
        thread.Start();
        thread.Join();
        return socket!;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_agent is { HasExited: false })
        {
            _ = kill(_agent.Id, SIGTERM);
            if (!_agent.WaitForExit(TimeSpan.FromSeconds(15))) _agent.Kill();
        }
        _agent?.Dispose();
        _notify.Dispose();
    }

    private ProcessStartInfo Command(string program, IEnumerable<string> arguments) =>
        new("ip", ["netns", "exec", prefix + name, program, .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };

    private void Take(string? line)
    {
        if (line is null) return;
        lock (_log) _log.Add(line);
    }

    private double StatusField(string field) => long.Parse(
        File.ReadLines($"/proc/{_agent!.Id}/status").First(line => line.StartsWith(field, StringComparison.Ordinal)).Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2],
        CultureInfo.InvariantCulture) / 1024.0;

    private async Task ListenAsync()
    {
        byte[] buffer = new byte[8192];
        try
        {
            while (true)
            {
                int length = await _notify.ReceiveAsync(buffer);
                foreach (string line in System.Text.Encoding.UTF8.GetString(buffer, 0, length).Split('\n'))
                {
                    if (line.StartsWith("STATUS=", StringComparison.Ordinal)) _status = line["STATUS=".Length..];
                    if (line == "READY=1") IsReady = true;
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The run is over.
        }
    }
}
