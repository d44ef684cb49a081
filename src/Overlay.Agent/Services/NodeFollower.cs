using System.Net;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Configuration;
using Overlay.Agent.Files;
using Overlay.Agent.Forwarding;
using Overlay.Agent.Telemetry;
using Overlay.Encap.Forwarding;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.Services;

/// <summary>Carries what happens in etcd over to this host: peers into the forwarding table, a moved lease into device and files.</summary>
internal sealed class NodeFollower(
    AgentOptions options, OverlaySettings settings, NodeIdentity identity, Forwarder forwarder, OverlayDevice device, AgentStatus status,
    TimeProvider time, ILogger log)
{
    private static readonly TimeSpan FileRetry = TimeSpan.FromSeconds(5);

    private IPNetwork _subnet;
    private volatile string? _leaseTrouble;
    private volatile string? _configTrouble;

    /// <summary>The node in one line, for STATUS and log.</summary>
    public string Describe() => string.Join("; ", new[]
    {
        $"subnet {_subnet} of {settings.Network}, {forwarder.Peers} peers, MTU {settings.Mtu.Bytes}", _leaseTrouble, _configTrouble,
    }.OfType<string>());

    /// <summary>Writes subnet.env; where that fails, again and again until it succeeds (FAULTS J2).</summary>
    public async Task WriteSubnetFileAsync(IPNetwork subnet, CancellationToken stop)
    {
        _subnet = subnet;
        SubnetEnv env = new(settings.Network, subnet, settings.Mtu.Bytes, options.Firewall.Masquerade);
        while (!SubnetEnvFile.TryWrite(options.SubnetFile, env, out string? problem))
        {
            log.SubnetFileFailed(options.SubnetFile, problem);
            status.Say($"waiting: {options.SubnetFile} cannot be written: {problem}");
            await Task.Delay(FileRetry, time, stop).ConfigureAwait(false);
        }
        log.SubnetFileWritten(options.SubnetFile, subnet, settings.Network, settings.Mtu.Bytes, options.Firewall.Masquerade);
    }

    /// <summary>Follows the leases of all nodes.</summary>
    public async Task FollowPeersAsync(ChannelReader<LeaseTable> tables, CancellationToken stop)
    {
        await foreach (LeaseTable table in tables.ReadAllAsync(stop).ConfigureAwait(false))
        {
            forwarder.Update(table);
            status.Say(Describe());
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
                    forwarder.Suspend();
                    _leaseTrouble = $"subnet taken by {lost.By.PublicIP}, asking for another";
                    break;
                case LeaseHappening.Moved moved:
                    await MoveAsync(moved.New.Subnet, stop).ConfigureAwait(false);
                    _leaseTrouble = $"moved from {moved.Old.Subnet}, which {moved.By.PublicIP} holds: restart Docker";
                    break;
                case LeaseHappening.EtcdUnreachable gone:
                    _leaseTrouble = $"etcd unreachable since {gone.Since:u}";
                    break;
                case LeaseHappening.Overdue:
                    _leaseTrouble = "the lease may have expired while etcd was unreachable; forwarding goes on";
                    break;
                case LeaseHappening.EtcdBack or LeaseHappening.Recreated:
                    _leaseTrouble = null;
                    break;
            }
            status.Say(Describe());
        }
    }

    /// <summary>Follows the network config: what differs from the one at start needs a restart.</summary>
    public async Task FollowConfigAsync(ChannelReader<NetworkConfig> configs, NetworkConfig started, CancellationToken stop)
    {
        await foreach (NetworkConfig config in configs.ReadAllAsync(stop).ConfigureAwait(false))
        {
            _configTrouble = config == started ? null : "the network config in etcd has changed: restart needed";
            if (_configTrouble is not null) log.RestartNeeded(config.Network, started.Network);
            status.Say(Describe());
        }
    }

    private async Task MoveAsync(IPNetwork subnet, CancellationToken stop)
    {
        device.Move(subnet);
        forwarder.Move(Prefix.From(subnet));
        identity.Remember(settings.Network, subnet);
        await WriteSubnetFileAsync(subnet, stop).ConfigureAwait(false);
    }
}
