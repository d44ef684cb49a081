using Overlay.Subnet.Etcd;

namespace Overlay.Testing.Etcd;

/// <summary>
/// A real etcd of three members on free loopback ports, each with a data directory of its own and each to be hurt by itself. Disposing kills
/// the processes and deletes the directories.
/// </summary>
public sealed class EtcdCluster : IAsyncDisposable
{
    private const int Size = 3;

    private EtcdCluster(EtcdServer[] members) => Members = members;

    /// <summary>The members; which of them leads changes.</summary>
    public IReadOnlyList<EtcdServer> Members { get; }

    /// <summary>Options that name every member.</summary>
    public EtcdOptions Options => new() { Endpoints = [.. Members.Select(member => member.Endpoint)] };

    /// <summary>Starts a cluster and waits until each member answers.</summary>
    public static async Task<EtcdCluster> StartAsync(CancellationToken cancellationToken)
    {
        for (int attempt = 1; ; attempt++)
        {
            int[] ports = [.. Enumerable.Range(0, Size * 2).Select(_ => EtcdServer.FreePort())];
            string all = string.Join(',', Enumerable.Range(0, Size).Select(i => $"m{i}=http://127.0.0.1:{ports[Size + i]}"));
            var cluster = new EtcdCluster([.. Enumerable.Range(0, Size).Select(i => EtcdServer.MemberOf(
                Directory.CreateTempSubdirectory("overlay-etcd-").FullName, $"m{i}", ports[i], ports[Size + i], all))]);
            try
            {
                await Task.WhenAll(cluster.Members.Select(member => member.StartAgainAsync(cancellationToken))).ConfigureAwait(false);
                return cluster;
            }
            catch (InvalidOperationException) when (attempt < 3)
            {
                await cluster.DisposeAsync().ConfigureAwait(false); // somebody took one of the ports meanwhile
            }
            catch
            {
                await cluster.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    /// <summary>The member that leads now.</summary>
    public async Task<EtcdServer> FindLeaderAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            foreach (EtcdServer member in Members.Where(member => member.IsRunning))
            {
                // The fifth column of the status says whether the member leads.
                string status = await member.CtlAsync(cancellationToken, "endpoint", "status", "-w", "simple").ConfigureAwait(false);
                if (status.Split(", ")[4] == "true")
                    return member;
            }
            await Task.Delay(50, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (EtcdServer member in Members)
            await member.DisposeAsync().ConfigureAwait(false);
    }
}
