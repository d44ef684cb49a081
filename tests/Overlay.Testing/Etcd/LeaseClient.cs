using System.Collections.Concurrent;
using System.Net;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;

namespace Overlay.Testing.Etcd;

/// <summary>The control plane of one node as the agent composes it, over a connection of its own, without packets.</summary>
public sealed class LeaseClient : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<LeaseHappening> _happened = new();
    private readonly LeaseTiming _timing;
    private readonly ILoggerFactory _log;
    private readonly EtcdLeaseStore _store;
    private readonly LeaseAcquirer _acquirer;
    private Task[] _running = [];

    /// <summary>Connects to nothing before <see cref="AcquireAsync"/>.</summary>
    /// <param name="options">Where etcd is.</param>
    /// <param name="number">Makes node id, MAC and PublicIP; from 0 to 65,535.</param>
    /// <param name="timing">How long its etcd lease lives; a day by default.</param>
    /// <param name="log">Where its lines go; nowhere by default.</param>
    public LeaseClient(EtcdOptions options, int number, LeaseTiming? timing = null, ILoggerFactory? log = null)
    {
        _timing = timing ?? new LeaseTiming();
        _log = log ?? NullLoggerFactory.Instance;
        _store = new EtcdLeaseStore(options, _log.CreateLogger<EtcdLeaseStore>());
        _acquirer = new LeaseAcquirer(_store, _timing, TimeProvider.System, _log.CreateLogger<LeaseAcquirer>());
        Attributes = AttributesOf(number) with { NodeId = $"node-{number}" };
        Watcher = new LeaseWatcher(_store, Attributes.PublicIP, TimeProvider.System, _log.CreateLogger<LeaseWatcher>());
    }

    /// <summary>What it writes.</summary>
    public LeaseAttributes Attributes { get; }

    /// <summary>What it knows of all nodes, once it runs.</summary>
    public LeaseWatcher Watcher { get; }

    /// <summary>Its own lease, once it runs.</summary>
    public LeaseKeeper? Keeper { get; private set; }

    /// <summary>What its acquisition waits for; null when it does not.</summary>
    public string? WaitingFor => _acquirer.WaitingFor;

    /// <summary>What happened to its lease, oldest first.</summary>
    public IReadOnlyCollection<LeaseHappening> Happened => _happened;

    /// <summary>What has ended a part of it that should run for ever; null when all of it runs.</summary>
    public Exception? Failure => _running.FirstOrDefault(task => task.IsFaulted)?.Exception;

    /// <summary>What a node of that number says of itself, without node id.</summary>
    public static LeaseAttributes AttributesOf(int number) => new()
    {
        PublicIP = new IPAddress([172, (byte)(16 + (number >> 16)), (byte)(number >> 8), (byte)number]),
        BackendType = "vxlan",
        Vni = 1,
        VtepMac = $"02:00:00:00:{number >> 8:x2}:{number & 255:x2}",
    };

    /// <summary>Gets a subnet.</summary>
    public Task<OwnLease> AcquireAsync(NetworkConfig config, CancellationToken cancellationToken) =>
        _acquirer.AcquireAsync(config, Attributes, [], cancellationToken);

    /// <summary>Keeps a lease and follows those of all nodes, until disposed of.</summary>
    public void Run(NetworkConfig config, OwnLease lease)
    {
        Keeper = new LeaseKeeper(_store, _acquirer, config, lease, _timing, TimeProvider.System, _log.CreateLogger<LeaseKeeper>(), nodes: () => Watcher.Current.Leases.Count);
        _running = [Keeper.RunAsync(_stop.Token), Watcher.RunAsync(_stop.Token), TakeAsync(Keeper.Happenings)];
    }

    /// <summary>Gets a subnet and keeps it.</summary>
    public async Task<OwnLease> StartAsync(NetworkConfig config, CancellationToken cancellationToken)
    {
        OwnLease lease = await AcquireAsync(config, cancellationToken).ConfigureAwait(false);
        Run(config, lease);
        return lease;
    }

    /// <summary>Follows the leases of all nodes without one of its own.</summary>
    public void Watch() => _running = [Watcher.RunAsync(_stop.Token)];

    /// <summary>How often something happened.</summary>
    public int Count<T>()
        where T : LeaseHappening => _happened.OfType<T>().Count();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_running).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _store.Dispose();
        _stop.Dispose();
    }

    private async Task TakeAsync(ChannelReader<LeaseHappening> happenings)
    {
        await foreach (LeaseHappening happening in happenings.ReadAllAsync(_stop.Token).ConfigureAwait(false))
            _happened.Enqueue(happening);
    }
}
