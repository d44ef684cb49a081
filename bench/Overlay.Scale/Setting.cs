using System.Diagnostics;
using System.Net;
using Overlay.Testing.Etcd;

namespace Overlay.Scale;

/// <summary>What every measurement is given.</summary>
/// <param name="Prefix">Of the names of the namespaces: left and right for nodes; this process runs in the one of etcd.</param>
/// <param name="Work">For files.</param>
/// <param name="Agent">The binary to measure.</param>
/// <param name="Load">The load generator.</param>
/// <param name="Address">That etcd listens on.</param>
/// <param name="Peers">How many peers there are.</param>
/// <param name="Seconds">Length of a flood or an idle time.</param>
/// <param name="Rounds">Rounds of the lease race.</param>
/// <param name="Cycles">Cycles of the churn soak.</param>
/// <param name="Report">Takes the figures.</param>
internal sealed record Setting(
    string Prefix, string Work, string Agent, string Load, IPAddress Address, int Peers, int Seconds, int Rounds, int Cycles, Report Report)
{
    /// <summary>An etcd of its own.</summary>
    public Task<EtcdServer> StartEtcdAsync() => EtcdServer.StartAsync(CancellationToken.None, address: Address);

    /// <summary>A node of the topology; each measurement has folders of its own.</summary>
    public Node Node(string name) => new(Prefix, name, Directory.CreateDirectory(Path.Combine(Work, Path.GetRandomFileName())).FullName);

    /// <summary>Waits until a condition holds, and says how long it took, in seconds.</summary>
    public static async Task<double> UntilAsync(Func<bool> condition, string what, Func<string>? context = null, double limit = 60)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start).TotalSeconds > limit) throw new TimeoutException($"never came true: {what}\n{context?.Invoke()}");
            await Task.Delay(1);
        }
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }
}
