using System.Net;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Configuration;
using Overlay.Agent.Files;
using Overlay.Agent.Firewall;
using Overlay.Agent.Forwarding;
using Overlay.Agent.Hooks;
using Overlay.Agent.Memory;
using Overlay.Agent.Telemetry;
using Overlay.Agent.Tunnel;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;
using Overlay.Subnet;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.Services;

/// <summary>
/// Carries what happens in etcd over to this host: peers into the forwarding table, a moved lease into device and files. Its
/// tasks run beside each other; each trouble that STATUS shows has one writer.
/// </summary>
internal sealed class NodeFollower
{
    private static readonly TimeSpan FileRetry = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan FileLook = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan PutBackSaidEvery = TimeSpan.FromMinutes(1);
    private const int ReasonLength = 160;   // of what is told in full in the log

    private readonly AgentOptions _options;
    private readonly OverlaySettings _settings;
    private readonly NodeMemory _memory;
    private readonly SubnetHook _hook;
    private readonly Forwarder _forwarder;
    private readonly OverlayDevice _device;
    private readonly FirewallKeeper _firewall;
    private readonly AgentStatus _status;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Lock _speaking = new();
    private readonly TaskCompletionSource<bool> _firstFileWritten = new(TaskCreationOptions.RunContinuationsAsynchronously);
    // Something that stands in the files has changed: what, is looked up when they are written, so that none writes an older subnet.
    private readonly Channel<bool> _changes =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

    private volatile string _subnet;
    private volatile Moved? _moved;
    private volatile StartDecision? _cached;   // while the leases are not those of etcd
    private volatile string? _etcdTrouble;
    private volatile string? _leaseTrouble;
    private volatile string? _configTrouble;
    private volatile string? _fileTrouble;
    private volatile string? _hostTrouble;
    private int _mtu;

    /// <summary>Follows for a node that runs.</summary>
    /// <param name="options">What the operator set.</param>
    /// <param name="settings">What the overlay on this host is.</param>
    /// <param name="subnet">This node's subnet.</param>
    /// <param name="start">Whether the leases are those of etcd; if not, STATUS says so until they are.</param>
    /// <param name="memory">Takes what the next start is to know.</param>
    /// <param name="hook">Told of each subnet that subnet.env names.</param>
    /// <param name="forwarder">Takes the peers.</param>
    /// <param name="device">Takes the subnet.</param>
    /// <param name="firewall">Takes the subnet, too.</param>
    /// <param name="status">Takes this node in words.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">For what is done.</param>
    public NodeFollower(
        AgentOptions options, OverlaySettings settings, IPNetwork subnet, StartDecision start, NodeMemory memory, SubnetHook hook, Forwarder forwarder,
        OverlayDevice device, FirewallKeeper firewall, AgentStatus status, TimeProvider time, ILogger log)
    {
        (_options, _settings, _memory, _hook, _forwarder, _device, _firewall) = (options, settings, memory, hook, forwarder, device, firewall);
        (_status, _time, _log) = (status, time, log);
        _subnet = subnet.ToString();
        if (start.Cache is not null) (_cached, _configTrouble) = (start, "the network config is not confirmed by etcd");
        _mtu = device.Settings.Mtu.Bytes;
        _changes.Writer.TryWrite(true);
    }

    /// <summary>Why the lease is not confirmed by etcd at the start, in words; null when it is.</summary>
    public string? LeaseTrouble { init => _leaseTrouble = value; }

    /// <summary>Ends when subnet.env has been written for the first time.</summary>
    public Task<bool> FirstFileWritten => _firstFileWritten.Task;

    /// <summary>Why subnet.env is not what it should be; null when it is.</summary>
    public string? FileTrouble => _fileTrouble;

    /// <summary>The node in one line, for STATUS and log.</summary>
    public string Describe()
    {
        int peers = _forwarder.Peers;
        return string.Join("; ", new[]
        {
            $"subnet {_subnet} of {_settings.Network}, {peers} {(peers == 1 ? "peer" : "peers")}, MTU {_device.Settings.Mtu.Bytes}",
            _etcdTrouble is { } gone ? $"{gone}, {_cached?.From ?? "forwarding goes on"}" : _cached?.Stale, _moved?.Text, _leaseTrouble, _configTrouble, _fileTrouble, _hostTrouble, _firewall.Trouble,
        }.OfType<string>());
    }

    /// <summary>
    /// Writes subnet.env for each subnet this node has; where that fails, again and again until it succeeds (FAULTS J2). What somebody deletes or
    /// changes is put back.
    /// </summary>
    public async Task WriteSubnetFileAsync(CancellationToken stop)
    {
        NodeFiles files = new(_options.SubnetFile, _options.DockerOptionsFile);
        Task<bool> change = _changes.Reader.WaitToReadAsync(stop).AsTask();
        long? putBackSaid = null;
        while (true)
        {
            await Task.WhenAny(change, Task.Delay(FileLook, _time, stop)).ConfigureAwait(false);
            stop.ThrowIfCancellationRequested();
            bool hasChanged = _changes.Reader.TryRead(out _);
            if (hasChanged) change = _changes.Reader.WaitToReadAsync(stop).AsTask();
            SubnetEnv env = new(_settings.Network, IPNetwork.Parse(_subnet), _device.Settings.Mtu.Bytes, _options.Firewall.Masquerade);
            string? astray = hasChanged ? null : files.Astray(env);
            if (!hasChanged && astray is null) continue;
            if (!files.TryWrite(env, out string? failing, out string? problem))
            {
                if (_fileTrouble is null) _log.SubnetFileFailed(failing, problem);
                _fileTrouble = $"{failing} cannot be written: {problem}";
                Report();
                await Task.Delay(FileRetry, _time, stop).ConfigureAwait(false);
                _changes.Writer.TryWrite(true);
                continue;
            }
            if (_fileTrouble is not null)
            {
                _fileTrouble = null;
                Report();
            }
            if (hasChanged)
            {
                _log.SubnetFileWritten(_options.SubnetFile, env.Subnet, env.Network, env.Mtu, env.Masquerade ? "true" : "false");   // as in the file
                _firstFileWritten.TrySetResult(true);
                _hook.Announce(env.Subnet);
            }
            else if (putBackSaid is null || _time.GetElapsedTime(putBackSaid.Value) >= PutBackSaidEvery)
            {
                _log.FilePutBack(astray!);
                putBackSaid = _time.GetTimestamp();
            }
        }
    }

    /// <summary>Hears of this host: what is wrong with it, and by the way of another MTU.</summary>
    public void TellOfHost(string? trouble)
    {
        _hostTrouble = trouble;
        if (Interlocked.Exchange(ref _mtu, _device.Settings.Mtu.Bytes) != _device.Settings.Mtu.Bytes) _changes.Writer.TryWrite(true);
        if (_moved is { } moved && !HasAddressIn(moved.From)) Interlocked.CompareExchange(ref _moved, null, moved);   // Docker has followed
        Report();
    }

    /// <summary>Says this node in words to whoever looks; before it is ready, STATUS says what is waited for.</summary>
    public void Report()
    {
        // Of two tasks that describe it at once, the one that speaks last must not be the one that looked first.
        lock (_speaking)
        {
            if (_status.IsReady) _status.Say(Describe());
        }
    }

    /// <summary>Follows the leases of all nodes.</summary>
    public async Task FollowPeersAsync(ChannelReader<LeaseTable> tables, CancellationToken stop)
    {
        await foreach (LeaseTable table in tables.ReadAllAsync(stop).ConfigureAwait(false))
        {
            if (_cached is not null) _memory.RefuseNamesake(table);   // as a start with etcd would have done
            _forwarder.Update(table);
            _memory.Remember(config: null, table);
            if (_cached is not null) _log.CacheReconciled();
            _cached = null;
            Report();
        }
    }

    /// <summary>Follows our own lease. Packets go on, whatever etcd does, unless another node holds our subnet.</summary>
    public async Task FollowLeaseAsync(ChannelReader<LeaseHappening> happenings, CancellationToken stop)
    {
        await foreach (LeaseHappening happening in happenings.ReadAllAsync(stop).ConfigureAwait(false))
        {
            switch (happening)
            {
                case LeaseHappening.Lost lost:
                    _forwarder.Suspend();
                    _status.HasNoSubnet = true;
                    _leaseTrouble = $"subnet taken by {lost.By.PublicIP}, asking for another";
                    break;
                case LeaseHappening.Moved moved:
                    Move(moved.New);
                    _status.HasNoSubnet = false;
                    _leaseTrouble = null;
                    if (moved.New.Subnet.Equals(moved.Old.Subnet)) break;   // it was free again before another was found
                    _moved = new Moved(moved.Old.Subnet, $"moved from {moved.Old.Subnet}, which {moved.By.PublicIP} holds: restart Docker with the new {_options.SubnetFile}");
                    _log.RestartDocker(_options.SubnetFile);
                    break;
                case LeaseHappening.EtcdUnreachable gone:
                    _etcdTrouble = $"etcd unreachable since {gone.Since:u}: {LogText.Escape(gone.Reason, ReasonLength)}";
                    break;
                case LeaseHappening.Overdue:
                    _leaseTrouble = "the lease has run out meanwhile, another node may be given the subnet";
                    break;
                case LeaseHappening.Hindered hindered:
                    _leaseTrouble = $"the lease is not in order: {hindered.Reason}";
                    break;
                case LeaseHappening.EtcdBack:
                    _etcdTrouble = null;
                    break;
                case LeaseHappening.Recreated recreated:
                    _leaseTrouble = null;
                    _memory.Remember(recreated.Lease, left: null);
                    break;
                case LeaseHappening.Reserved reserved:
                    _leaseTrouble = null;
                    _memory.Remember(reserved.Lease, left: null);
                    break;
                case LeaseHappening.Renewed renewed:
                    _leaseTrouble = null;
                    _memory.Remember(renewed.Lease, renewed.Ttl);
                    break;
            }
            Report();
        }
    }

    /// <summary>Follows the network config: what differs from the one at start needs a restart.</summary>
    public async Task FollowConfigAsync(ChannelReader<NetworkConfig> configs, NetworkConfig started, CancellationToken stop)
    {
        await foreach (NetworkConfig config in configs.ReadAllAsync(stop).ConfigureAwait(false))
        {
            _memory.Remember(config, leases: null);
            string changes = string.Join(", ", NetworkConfig.Changes(started, config).Select(c => $"{c.Key} {c.Was ?? "none"} -> {c.Now ?? "none"}"));
            bool isNews = changes.Length > 0 || _configTrouble is not null;   // after a start from the cache, etcd may say the same
            _configTrouble = changes.Length == 0 ? null : $"the network config in etcd has changed, restart needed ({changes})";
            if (changes.Length > 0) _log.RestartNeeded(changes);
            else if (isNews) _log.ConfigAsStarted();
            Report();
        }
    }

    private void Move(OwnLease lease)
    {
        _device.Move(lease.Subnet);
        _firewall.Move(lease.Subnet);
        _forwarder.Move(Prefix.From(lease.Subnet));
        _memory.Remember(lease, left: null);
        _subnet = lease.Subnet.ToString();
        _changes.Writer.TryWrite(true);
    }

    // Of a bridge, as long as whoever made it was not restarted.
    private static bool HasAddressIn(IPNetwork subnet)
    {
        try
        {
            using RouteNetlink netlink = new();
            return netlink.Addresses().Any(address => subnet.Contains(address.Address));
        }
        catch (LinuxException)
        {
            return true;
        }
    }

    private sealed record Moved(IPNetwork From, string Text);
}
