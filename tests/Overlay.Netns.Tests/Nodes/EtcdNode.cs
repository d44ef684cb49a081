using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Nodes;

/// <summary>A real etcd of one member on a host of its own, and etcdctl beside it, as an operator uses it.</summary>
internal sealed class EtcdNode : IAsyncDisposable
{
    public const string Prefix = "/coreos.com/network";

    /// <summary>A network of which agents lease the subnets 10.1.10.0 to 10.1.63.0: those before are kernel nodes', what tests invent behind is nobody's.</summary>
    public const string Config = """{ "Network": "10.1.0.0/16", "SubnetMin": "10.1.10.0", "SubnetMax": "10.1.63.0", "Backend": { "Type": "vxlan" } }""";

    private const int ClientPort = 2379;

    private Host _host;
    private readonly string _data;
    private Process? _process;

    private EtcdNode(Host host, string data) => (_host, _data) = (host, data);

    /// <summary>The URL for clients.</summary>
    public string Endpoint => $"http://{_host.Address}:{ClientPort}";

    /// <summary>Attaches the host; nobody listens there before <see cref="StartAsync"/>.</summary>
    public static EtcdNode Create(Underlay underlay) => underlay.Own(new EtcdNode(underlay.Attach("etcd", 250), Path.Combine(underlay.Folder, "etcd")));

    /// <summary>Starts etcd, or starts it again on the same data, and waits until it answers.</summary>
    public async Task StartAsync()
    {
        string peer = $"http://{_host.Address}:2380";
        ProcessStartInfo start = new("etcd", [
            "--name", "test", "--data-dir", _data, "--log-level", "error",
            "--listen-client-urls", Endpoint, "--advertise-client-urls", Endpoint,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", $"test={peer}"])
        { RedirectStandardError = true, RedirectStandardOutput = true };
        _process = _host.Namespace.Start(start);
        string last = "";
        _process.ErrorDataReceived += (_, line) => last = line.Data ?? last;
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        await Eventually.TrueAsync(async () =>
        {
            Assert.False(_process.HasExited, $"etcd ended: {last}");
            return await IsListeningAsync() && _host.Namespace.Run("etcdctl", "--endpoints", Endpoint, "endpoint", "health").ExitCode == 0;
        }, "etcd answers");
    }

    /// <summary>Moves host, etcd and data to another address.</summary>
    public async Task MoveAsync(IPAddress address)
    {
        await KillAsync();
        _host.Namespace.Ip("address flush dev eth0", $"address add {address}/24 dev eth0");
        _host = _host with { Address = address };
        await StartAsync();
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        if (_process is null || _process.HasExited) return;
        _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None);
    }

    /// <summary>Loses all data; etcd does not run meanwhile.</summary>
    public void Wipe() => Directory.Delete(_data, recursive: true);

    /// <summary>Runs etcdctl, which has to succeed.</summary>
    public string Ctl(params string[] arguments) => _host.Namespace.Must("etcdctl", ["--endpoints", Endpoint, .. arguments]);

    /// <summary>Writes the network config.</summary>
    public void PutConfig(string json = Config) => Ctl("put", $"{Prefix}/config", json);

    /// <summary>Writes a lease: the key of a subnet such as <c>10.1.7.0-24</c>, without etcd lease unless one is given.</summary>
    public void PutLease(string name, string value, string? etcdLease = null) =>
        Ctl(["put", $"{Prefix}/subnets/{name}", value, .. etcdLease is null ? (string[])[] : [$"--lease={etcdLease}"]]);

    /// <summary>Deletes the key of a subnet.</summary>
    public void DeleteLease(string name) => Ctl("del", $"{Prefix}/subnets/{name}");

    /// <summary>Everything below <c>subnets/</c>, name to value.</summary>
    public Dictionary<string, string> Leases()
    {
        string[] lines = Ctl("get", "--prefix", $"{Prefix}/subnets/").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return lines.Chunk(2).ToDictionary(pair => pair[0][$"{Prefix}/subnets/".Length..], pair => pair[1]);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => await KillAsync();

    private async Task<bool> IsListeningAsync()
    {
        using Socket probe = _host.Namespace.Socket(SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await probe.ConnectAsync(new IPEndPoint(_host.Address, ClientPort), TestContext.Current.CancellationToken);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
