using System.Net;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Configuration;
using Overlay.Agent.Files;
using Overlay.Agent.State;
using Overlay.Agent.Telemetry;
using Overlay.Encap.Wire;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.Memory;

/// <summary>
/// What this node remembers across restarts and reboots: who it is, which subnet it had and how, and what etcd said last. Remembering is
/// instant; the disk is written by <see cref="RunAsync"/>, seldom, and never in the way of packets or of the lease (FAULTS K16).
/// </summary>
/// <remarks>Thread-safe once it runs.</remarks>
internal sealed class NodeMemory
{
    /// <summary>Least time between two writes of a file, however much happens in etcd.</summary>
    public static readonly TimeSpan WriteInterval = TimeSpan.FromSeconds(5);

    private readonly StateFile _stateFile;
    private readonly CacheFile _cacheFile;
    private readonly string _folder;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly Channel<bool> _changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly EtcdCache? _loaded;
    private readonly IPNetwork? _inSubnetFile; // which is written at once, where the state may lag behind
    private AgentState _state;
    private AgentState? _savedState;
    private IPAddress? _publicIp;
    private NetworkConfig? _config;
    private LeaseTable? _leases;
    private bool _isCacheNew;
    private string? _stateProblem, _cacheProblem;
    private string? _identityOnDisk;

    private NodeMemory(AgentOptions options, TimeProvider time, ILogger log)
    {
        (_folder, _time, _log) = (options.StateDirectory, time, log);
        _stateFile = new StateFile(_folder);
        _cacheFile = new CacheFile(_folder);
        LoadedState loaded = _stateFile.Load();
        if (loaded.Problem is not null) log.StateIgnored(_folder, loaded.Problem);
        _loaded = _cacheFile.Load(out string? problem);
        if (problem is not null) log.CacheNotUsed(problem);
        _publicIp = _loaded?.PublicIp;
        PreviousSubnet env = SubnetEnvFile.ReadPrevious(options.SubnetFile);
        if (env.Problem is not null) log.PreviousFileIgnored(options.SubnetFile, env.Problem);
        _inSubnetFile = env.Subnet;

        _identityOnDisk = loaded.State?.NodeId;
        AgentState? known = loaded.State ?? Restored();
        _state = known ?? AgentState.CreateNew();
        _state = _state with { DockerOptionsFile = options.DockerOptionsFile ?? _state.DockerOptionsFile };
        MayAdopt = known is null && env.Subnet is not null;
        IPNetwork?[] hints = [env.Subnet, _state.Subnet];
        IPNetwork?[] networks = [env.Network, _state.Network];
        PreviousNetworks = [.. networks.OfType<IPNetwork>().Distinct()];
        PreviousSubnets = [.. hints.OfType<IPNetwork>().Distinct()];
        Announced = _state.Announced ?? (PreviousSubnets.Count > 0 ? PreviousSubnets[0] : null);
    }

    /// <summary>What is remembered of this node now.</summary>
    public AgentState State
    {
        get { lock (_gate) return _state; }
    }

    /// <summary>Overlay networks of earlier runs.</summary>
    public IReadOnlyList<IPNetwork> PreviousNetworks { get; }

    /// <summary>Subnets of earlier runs, the best hint first: subnet.env, which flannel's own agent may have written, then the state file.</summary>
    public IReadOnlyList<IPNetwork> PreviousSubnets { get; }

    /// <summary>The subnet that the rest of this host counts with, as far as earlier runs know.</summary>
    public IPNetwork? Announced { get; }

    /// <summary>
    /// This node does not remember who it is, and its subnet file names the subnet of a run before: it has lost its state since it was booted,
    /// rather than being a machine that nobody has seen. The lease of that subnet may tell; see <see cref="Adopt"/>.
    /// </summary>
    public bool MayAdopt { get; }

    /// <summary>Reads what earlier runs left, and makes up an identity where there is none.</summary>
    public static NodeMemory Load(AgentOptions options, TimeProvider time, ILogger log) => new(options, time, log);

    /// <summary>What etcd said last, if this node can start from it: it is of this node, prefix and address, and the subnet is one of its network.</summary>
    public EtcdCache? CacheFor(string prefix, IPAddress publicIp)
    {
        if (_loaded is null) return null;
        string? reason =
            _loaded.NodeId != _state.NodeId ? "they are another node's"
            : _loaded.Prefix != prefix ? $"they are of another prefix, {_loaded.Prefix}"
            : !_loaded.PublicIp.Equals(publicIp) ? $"this node's address was {_loaded.PublicIp} then"
            : _state.Subnet is not { } subnet || _state.EtcdLeaseId is null ? "this node has not held a lease"
            : _inSubnetFile is { } newer && newer != subnet && _loaded.Config.Fits(newer) ? $"the subnet file names {newer}, which is newer than the state's {subnet}"
            : _loaded.Leases.Leases.GetValueOrDefault(subnet) is { } taken && !taken.Attributes.PublicIP.Equals(publicIp) && taken.Attributes.NodeId != _state.NodeId
                ? $"the subnet {subnet} was taken by {taken.Attributes.PublicIP} then, and this node had no other yet"
            : !_loaded.Config.Fits(subnet) ? $"the subnet {subnet} is not one of {_loaded.Config.Network}, /{_loaded.Config.SubnetLength} each"
            : null;
        if (reason is null) return _loaded;
        _log.CacheNotUsed(reason);
        return null;
    }

    /// <summary>What this node says of itself in etcd.</summary>
    public LeaseAttributes Attributes(NetworkConfig config, IPAddress publicIp) => new()
    {
        PublicIP = publicIp,
        BackendType = config.Backend.Type,
        Vni = config.Backend.Vni,
        VtepMac = State.VtepMac.ToString(),
        NodeId = State.NodeId,
    };

    /// <summary>
    /// The lease of an earlier run, as if that run had never ended. Its revision is not known to anybody who has not asked etcd since, so
    /// whatever stands at the key counts.
    /// </summary>
    public OwnLease EarlierLease(LeaseAttributes wanted) => new(SubnetKey.For(_state.Subnet!.Value), wanted, _state.EtcdLeaseId!.Value, ModRevision: 0);

    /// <summary>What is left of the life of that lease, by this host's clock; negative when it has run out, null where that is not known.</summary>
    public TimeSpan? EarlierLeaseLeft => _state.LeaseExpires - _time.GetUtcNow();

    /// <summary>
    /// After a start without etcd: refuses to go on when another node has had a lease under this one's address for longer (FAULTS C30). No start
    /// with etcd would have got so far.
    /// </summary>
    /// <exception cref="DuplicatePublicIpException">It has.</exception>
    public void RefuseNamesake(LeaseTable leases)
    {
        LeaseAttributes ours;
        lock (_gate) ours = new LeaseAttributes { PublicIP = _publicIp ?? IPAddress.None, NodeId = _state.NodeId };
        Lease? first = leases.Leases.Values.Concat(leases.Conflicts.Select(conflict => conflict.Lease))
            .Where(lease => lease.Attributes.PublicIP.Equals(ours.PublicIP) && lease.Attributes.NodeId is not null).MinBy(lease => lease.CreateRevision);
        if (first is not null && first.Attributes.NodeId != ours.NodeId) throw new DuplicatePublicIpException(ours, first);
    }

    /// <summary>
    /// Takes up the identity of the lease that this node must have written before it lost its state: the one lease under its address, of the very
    /// subnet that its subnet file names. In any other case the lease may be another machine's, and the operator has to decide (FAULTS C30).
    /// </summary>
    /// <param name="leases">The leases of all nodes.</param>
    /// <param name="publicIp">This node's address.</param>
    public void Adopt(LeaseTable leases, IPAddress publicIp)
    {
        Lease[] ours = [.. leases.Leases.Values.Concat(leases.Conflicts.Select(conflict => conflict.Lease)).Where(lease => lease.Attributes.PublicIP.Equals(publicIp))];
        if (!MayAdopt || ours is not [{ Attributes: var attributes } lease] || lease.Subnet != _inSubnetFile
            || !AgentState.IsNodeId(attributes.NodeId) || !MacAddress.TryParse(attributes.VtepMac, out MacAddress mac)) return;
        lock (_gate) _state = _state with { NodeId = attributes.NodeId!, VtepMac = mac, Subnet = lease.Subnet };
        _log.IdentityAdopted(attributes.NodeId!, lease.Key, publicIp);
    }

    /// <summary>Writes the identity before etcd hears of it: a lease that nobody remembers is a stranger's at the next start.</summary>
    /// <param name="kernelMac">MAC of a kernel vxlan device that this agent replaces: peers know it already. Null for none.</param>
    public void Begin(MacAddress? kernelMac)
    {
        if (kernelMac is { IsUnicast: true } mac) _state = _state with { VtepMac = mac };
        SaveState();
    }

    /// <summary>Remembers the network of this run.</summary>
    public void Remember(IPNetwork network) => Change(state => state with { Network = network });

    /// <summary>Remembers the lease of this run.</summary>
    /// <param name="lease">As it is held now.</param>
    /// <param name="left">Its life from now; null where that is not known yet.</param>
    public void Remember(OwnLease lease, TimeSpan? left)
    {
        lock (_gate)
        {
            _isCacheNew |= !lease.Attributes.PublicIP.Equals(_publicIp);
            _publicIp = lease.Attributes.PublicIP;
        }
        Change(state => state with
        {
            Subnet = lease.Subnet,
            EtcdLeaseId = lease.Key == SubnetKey.For(lease.Subnet) ? lease.EtcdLeaseId : null,   // a dual-stack name is not made again from the subnet
            LeaseExpires = left is null ? state.LeaseExpires : _time.GetUtcNow() + left,
        });
    }

    /// <summary>Remembers that the rest of this host knows of a subnet.</summary>
    public void RememberAnnounced(IPNetwork subnet) => Change(state => state with { Announced = subnet });

    /// <summary>Remembers what etcd gave; null for nothing new.</summary>
    public void Remember(NetworkConfig? config, LeaseTable? leases)
    {
        lock (_gate) (_config, _leases, _isCacheNew) = (config ?? _config, leases ?? _leases, true);
        _changes.Writer.TryWrite(true);
    }

    /// <summary>Writes what has changed, at most once in <see cref="WriteInterval"/>, until cancelled; then once more.</summary>
    public async Task RunAsync(string prefix, CancellationToken stop)
    {
        await Task.Yield();   // the disk may be slow
        try
        {
            while (true)
            {
                await _changes.Reader.ReadAsync(stop).ConfigureAwait(false);
                Save(prefix);
                await Task.Delay(WriteInterval, _time, stop).ConfigureAwait(false);
            }
        }
        finally
        {
            Save(prefix);
        }
    }

    // The second copy of the identity, with the lease that stood in etcd for it.
    private AgentState? Restored()
    {
        if (_loaded is null) return null;
        _log.IdentityRestored(_loaded.NodeId);
        Lease? own = _loaded.Leases.Leases.Values.FirstOrDefault(lease => lease.Attributes.NodeId == _loaded.NodeId);
        return new AgentState(_loaded.NodeId, _loaded.VtepMac) { Subnet = own?.Subnet, EtcdLeaseId = own?.EtcdLeaseId };
    }

    private void Change(Func<AgentState, AgentState> change)
    {
        lock (_gate) _state = change(_state);
        _changes.Writer.TryWrite(true);
    }

    private void Save(string prefix)
    {
        SaveState();
        EtcdCache cache;
        lock (_gate)
        {
            if (!_isCacheNew || (_config ?? _loaded?.Config) is not { } config || (_leases ?? _loaded?.Leases) is not { } leases
                || (_publicIp ?? _loaded?.PublicIp) is not { } publicIp) return;
            _isCacheNew = false;
            cache = new EtcdCache(_state.NodeId, _state.VtepMac, prefix, publicIp, _time.GetUtcNow(), config, leases);
        }
        if (!_cacheFile.TrySave(cache, out string? problem))
        {
            lock (_gate) _isCacheNew = true;
            _changes.Writer.TryWrite(true);
            if (problem != _cacheProblem) _log.CacheNotSaved(_folder, problem);
        }
        _cacheProblem = problem;
    }

    private void SaveState()
    {
        AgentState state = State;
        if (state == _savedState) return;
        if (_stateFile.TrySave(state, out string? problem)) (_savedState, _identityOnDisk) = (state, state.NodeId);
        else
        {
            _changes.Writer.TryWrite(true);   // again, in a while
            if (problem != _stateProblem && state.NodeId == _identityOnDisk) _log.StateNotRenewed(_folder, problem);
            else if (problem != _stateProblem) _log.StateNotSaved(_folder, problem);
        }
        _stateProblem = problem;
    }
}
