using System.Net;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Configuration;
using Overlay.Agent.Docker;
using Overlay.Agent.Files;
using Overlay.Agent.Firewall;
using Overlay.Agent.Forwarding;
using Overlay.Agent.Telemetry;
using Overlay.Agent.Tunnel;
using Overlay.Encap.Forwarding;
using Overlay.Subnet.Allocation;
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

    private readonly AgentOptions _options;
    private readonly OverlaySettings _settings;
    private readonly NodeIdentity _identity;
    private readonly Forwarder _forwarder;
    private readonly OverlayDevice _device;
    private readonly FirewallKeeper _firewall;
    private readonly AgentStatus _status;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly TaskCompletionSource<bool> _firstFileWritten = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<string> _subnets =
        Channel.CreateBounded<string>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });

    private volatile string _subnet;
    private volatile string? _moved;
    private volatile string? _leaseTrouble;
    private volatile string? _configTrouble;
    private volatile string? _fileTrouble;

    public NodeFollower(
        AgentOptions options, OverlaySettings settings, IPNetwork subnet, NodeIdentity identity, Forwarder forwarder, OverlayDevice device,
        FirewallKeeper firewall, AgentStatus status, TimeProvider time, ILogger log)
    {
        (_options, _settings, _identity, _forwarder, _device, _firewall, _status, _time, _log) = (options, settings, identity, forwarder, device, firewall, status, time, log);
        _subnet = subnet.ToString();
        _subnets.Writer.TryWrite(_subnet);
    }

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
            $"subnet {_subnet} of {_settings.Network}, {peers} {(peers == 1 ? "peer" : "peers")}, MTU {_settings.Mtu.Bytes}",
            _moved, _leaseTrouble, _configTrouble, _fileTrouble, _firewall.Trouble,
        }.OfType<string>());
    }

    /// <summary>Writes subnet.env for each subnet this node has; where that fails, again and again until it succeeds (FAULTS J2).</summary>
    public async Task WriteSubnetFileAsync(CancellationToken stop)
    {
        while (true)
        {
            SubnetEnv env = new(_settings.Network, IPNetwork.Parse(await _subnets.Reader.ReadAsync(stop).ConfigureAwait(false)), _settings.Mtu.Bytes, _options.Firewall.Masquerade);
            string failing = _options.SubnetFile;
            bool written = SubnetEnvFile.TryWrite(failing, env, out string? problem);
            if (written && _options.DockerOptionsFile is { } dockerFile) written = DockerOptionsFile.TryWrite(failing = dockerFile, env, out problem);
            if (written)
            {
                _fileTrouble = null;
                _log.SubnetFileWritten(_options.SubnetFile, env.Subnet, env.Network, env.Mtu, env.Masquerade);
                _firstFileWritten.TrySetResult(true);
                continue;
            }
            if (_fileTrouble is null) _log.SubnetFileFailed(failing, problem!);
            _fileTrouble = $"{failing} cannot be written: {problem}";
            await Task.Delay(FileRetry, _time, stop).ConfigureAwait(false);
            // Unless the subnet has changed meanwhile.
            if (_subnets.Reader.Count == 0) _subnets.Writer.TryWrite(env.Subnet.ToString());
        }
    }

    /// <summary>Follows the leases of all nodes.</summary>
    public async Task FollowPeersAsync(ChannelReader<LeaseTable> tables, CancellationToken stop)
    {
        await foreach (LeaseTable table in tables.ReadAllAsync(stop).ConfigureAwait(false))
        {
            _forwarder.Update(table);
            _status.Say(Describe());
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
                    _leaseTrouble = $"subnet taken by {lost.By.PublicIP}, asking for another";
                    break;
                case LeaseHappening.Moved moved:
                    Move(moved.New.Subnet);
                    _moved = $"moved from {moved.Old.Subnet}, which {moved.By.PublicIP} holds: restart Docker with the new {_options.SubnetFile}";
                    _leaseTrouble = null;
                    _log.RestartDocker(_options.SubnetFile);
                    break;
                case LeaseHappening.EtcdUnreachable gone:
                    _leaseTrouble = $"etcd unreachable since {gone.Since:u}";
                    break;
                case LeaseHappening.Overdue:
                    _leaseTrouble = "the lease may have expired while etcd was unreachable; forwarding goes on";
                    break;
                case LeaseHappening.EtcdBack or LeaseHappening.Recreated or LeaseHappening.Renewed:
                    _leaseTrouble = null;
                    break;
            }
            _status.Say(Describe());
        }
    }

    /// <summary>Follows the network config: what differs from the one at start needs a restart.</summary>
    public async Task FollowConfigAsync(ChannelReader<NetworkConfig> configs, NetworkConfig started, CancellationToken stop)
    {
        await foreach (NetworkConfig config in configs.ReadAllAsync(stop).ConfigureAwait(false))
        {
            string changes = string.Join(", ", Changes(started, config));
            _configTrouble = changes.Length == 0 ? null : $"the network config in etcd has changed, restart needed ({changes})";
            if (changes.Length == 0) _log.ConfigAsStarted();
            else _log.RestartNeeded(changes);
            _status.Say(Describe());
        }
    }

    private void Move(IPNetwork subnet)
    {
        _device.Move(subnet);
        _firewall.Move(subnet);
        _forwarder.Move(Prefix.From(subnet));
        _identity.Remember(_settings.Network, subnet);
        _subnet = subnet.ToString();
        _subnets.Writer.TryWrite(_subnet);
    }

    private static IEnumerable<string> Changes(NetworkConfig was, NetworkConfig now)
    {
        (string Name, object Was, object Now)[] fields =
        [
            ("Network", was.Network, now.Network), ("SubnetLen", was.SubnetLength, now.SubnetLength),
            ("SubnetMin", was.SubnetMin, now.SubnetMin), ("SubnetMax", was.SubnetMax, now.SubnetMax),
            ("VNI", was.Backend.Vni, now.Backend.Vni), ("Port", was.Backend.Port, now.Backend.Port), ("MTU", was.Backend.Mtu, now.Backend.Mtu),
            ("EnableNFTables", was.EnableNFTables, now.EnableNFTables),
        ];
        return fields.Where(f => !f.Was.Equals(f.Now)).Select(f => $"{f.Name} {f.Was} -> {f.Now}");
    }
}
