using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Overlay.Subnet.Etcd;

namespace Overlay.Testing.Etcd;

/// <summary>
/// A real etcd of one member on free loopback ports with a data directory of its own, and the ways to hurt it. Disposing kills the process and
/// deletes the directory.
/// </summary>
public sealed class EtcdServer : IAsyncDisposable
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(30);

    private readonly List<string> _arguments;
    private readonly List<string> _ctlArguments;
    private Process? _process;

    private EtcdServer(
        string directory, int clientPort, int peerPort, EtcdCertificates? certificates, bool clientCertificates, IPAddress address,
        string name = "test", string? cluster = null)
    {
        DirectoryPath = directory;
        Address = address;
        ClientPort = clientPort;
        string scheme = certificates is null ? "http" : "https";
        Endpoint = $"{scheme}://{address}:{clientPort}";
        string peer = $"http://{address}:{peerPort}";
        _arguments =
        [
            "--name", name, "--data-dir", Path.Combine(directory, "data"), "--log-level", "error",
            "--listen-client-urls", Endpoint, "--advertise-client-urls", Endpoint,
            "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", cluster ?? $"{name}={peer}",
        ];
        _ctlArguments = ["--endpoints", Endpoint];
        if (certificates is null)
            return;
        (string certFile, string keyFile) = certificates.Issue("server");
        (ClientCertFile, ClientKeyFile) = certificates.Issue("client");
        _arguments.AddRange(["--cert-file", certFile, "--key-file", keyFile]);
        if (clientCertificates)
            _arguments.AddRange(["--trusted-ca-file", certificates.CaFile, "--client-cert-auth"]);
        _ctlArguments.AddRange(["--cacert", certificates.CaFile, "--cert", ClientCertFile, "--key", ClientKeyFile]);
    }

    /// <summary>Why no server can be started here; null when one can.</summary>
    public static string? Missing { get; } =
        new[] { "etcd", "etcdctl" }.FirstOrDefault(tool => !Environment.GetEnvironmentVariable("PATH")!.Split(':').Any(dir => File.Exists(Path.Combine(dir, tool))))
            is string absent ? $"{absent} is not installed" : null;

    /// <summary>Holds the data and certificates.</summary>
    public string DirectoryPath { get; }

    /// <summary>The address it listens on.</summary>
    public IPAddress Address { get; }

    /// <summary>The TCP port for clients.</summary>
    public int ClientPort { get; }

    /// <summary>The URL for clients.</summary>
    public string Endpoint { get; }

    /// <summary>A client certificate the server accepts; empty without TLS.</summary>
    public string ClientCertFile { get; } = "";

    /// <summary>Its key.</summary>
    public string ClientKeyFile { get; } = "";

    /// <summary>Options that reach this server without TLS files or login.</summary>
    public EtcdOptions Options => new() { Endpoints = [Endpoint] };

    /// <summary>Starts a server and waits until it answers.</summary>
    /// <param name="cancellationToken">Gives up.</param>
    /// <param name="certificates">Makes it a TLS server with a certificate of this authority.</param>
    /// <param name="clientCertificates">Asks clients for a certificate of that authority.</param>
    /// <param name="address">An address of this machine to listen on; loopback by default.</param>
    public static async Task<EtcdServer> StartAsync(
        CancellationToken cancellationToken, EtcdCertificates? certificates = null, bool clientCertificates = true, IPAddress? address = null)
    {
        for (int attempt = 1; ; attempt++)
        {
            string directory = Directory.CreateTempSubdirectory("overlay-etcd-").FullName;
            var server = new EtcdServer(directory, FreePort(), FreePort(), certificates, clientCertificates, address ?? IPAddress.Loopback);
            try
            {
                await server.StartAgainAsync(cancellationToken).ConfigureAwait(false);
                return server;
            }
            catch (InvalidOperationException) when (attempt < 3)
            {
                await server.DisposeAsync().ConfigureAwait(false); // somebody took one of the ports meanwhile
            }
            catch
            {
                await server.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    /// <summary>One member of a cluster on loopback; it does not run yet.</summary>
    /// <param name="directory">For its data; deleted with it.</param>
    /// <param name="name">Its name in <paramref name="cluster"/>.</param>
    /// <param name="clientPort">Free.</param>
    /// <param name="peerPort">That of its peer URL in <paramref name="cluster"/>.</param>
    /// <param name="cluster">All members as etcd's <c>--initial-cluster</c> takes them.</param>
    internal static EtcdServer MemberOf(string directory, string name, int clientPort, int peerPort, string cluster) =>
        new(directory, clientPort, peerPort, null, false, IPAddress.Loopback, name, cluster);

    /// <summary>A loopback TCP port nobody listens on at the moment.</summary>
    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    /// <summary>Starts the killed server on the same ports and data, with more flags if given, and waits until it answers.</summary>
    public async Task StartAgainAsync(CancellationToken cancellationToken, params string[] more)
    {
        var start = new ProcessStartInfo("etcd", [.. _arguments, .. more]) { RedirectStandardError = true, RedirectStandardOutput = true };
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += (_, _) => { };
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
        long begin = Stopwatch.GetTimestamp();
        while (true)
        {
            if (_process.HasExited)
                throw new InvalidOperationException($"etcd exited with {_process.ExitCode}");
            try
            {
                using var probe = new TcpClient();
                await probe.ConnectAsync(Address, ClientPort, cancellationToken).ConfigureAwait(false);
                (int code, string output) = await RunAsync("etcdctl", [.. _ctlArguments, "endpoint", "health"], cancellationToken).ConfigureAwait(false);
                if (code == 0 || output.Contains("user name is empty", StringComparison.Ordinal)) // authentication is on: it answers, that will do
                    return;
            }
            catch (SocketException)
            {
                // not listening yet
            }
            if (Stopwatch.GetElapsedTime(begin) > StartLimit)
                throw new TimeoutException("etcd did not become healthy");
            await Task.Delay(20, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Whether the process is there; a suspended one is.</summary>
    public bool IsRunning => _process is { HasExited: false };

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        if (_process is null)
            return;
        if (!_process.HasExited)
            _process.Kill();
        await _process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        _process.Dispose();
        _process = null;
    }

    /// <summary>Freezes the process: its sockets stay open and silent.</summary>
    public Task SuspendAsync(CancellationToken cancellationToken) => SignalAsync("-STOP", cancellationToken);

    /// <summary>Thaws it.</summary>
    public Task ResumeAsync(CancellationToken cancellationToken) => SignalAsync("-CONT", cancellationToken);

    /// <summary>Runs etcdctl against this server and returns what it printed.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public async Task<string> CtlAsync(CancellationToken cancellationToken, params string[] arguments)
    {
        (int code, string output) = await RunAsync("etcdctl", [.. _ctlArguments, .. arguments], cancellationToken).ConfigureAwait(false);
        return code == 0 ? output : throw new InvalidOperationException($"etcdctl {string.Join(' ', arguments)} failed: {output}");
    }

    /// <summary>Deletes the data of the killed server.</summary>
    public void DeleteData() => Directory.Delete(Path.Combine(DirectoryPath, "data"), recursive: true);

    /// <summary>Switches authentication on: user root with password "root", and user "flannel" with password "secret" who has <paramref name="right"/> on the prefix.</summary>
    public async Task EnableAuthAsync(CancellationToken cancellationToken, string right = "readwrite", string prefix = "/coreos.com/network/")
    {
        await CtlAsync(cancellationToken, "user", "add", "root:root").ConfigureAwait(false);
        await CtlAsync(cancellationToken, "user", "grant-role", "root", "root").ConfigureAwait(false);
        await CtlAsync(cancellationToken, "user", "add", "flannel:secret").ConfigureAwait(false);
        await CtlAsync(cancellationToken, "role", "add", "overlay").ConfigureAwait(false);
        await CtlAsync(cancellationToken, "role", "grant-permission", "overlay", "--prefix=true", right, prefix).ConfigureAwait(false);
        await CtlAsync(cancellationToken, "user", "grant-role", "flannel", "overlay").ConfigureAwait(false);
        await CtlAsync(cancellationToken, "auth", "enable").ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await KillAsync().ConfigureAwait(false);
        Directory.Delete(DirectoryPath, recursive: true);
    }

    private async Task SignalAsync(string signal, CancellationToken cancellationToken)
    {
        (int code, string output) = await RunAsync("kill", [signal, $"{_process!.Id}"], cancellationToken).ConfigureAwait(false);
        if (code != 0)
            throw new InvalidOperationException(output);
    }

    private static async Task<(int Code, string Output)> RunAsync(string tool, IReadOnlyList<string> arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(tool, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["ETCDCTL_API"] = "3";
        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        string errors = await process.StandardError.ReadToEndAsync(cancellationToken).ConfigureAwait(false);
        await process.WaitForExitAsync(cancellationToken).ConfigureAwait(false);
        return (process.ExitCode, await output.ConfigureAwait(false) + errors);
    }
}
