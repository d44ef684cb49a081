using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Configuration;
using Overlay.Agent.Docker;
using Overlay.Agent.Files;
using Overlay.Agent.Firewall;
using Overlay.Agent.Firewall.Rules;
using Overlay.Agent.Forwarding;
using Overlay.Agent.Health;
using Overlay.Agent.Startup;
using Overlay.Agent.Systemd;
using Overlay.Agent.Telemetry;
using Overlay.Agent.Tunnel;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.Services;

/// <summary>
/// The daemon, from first look at the host to the last packet, in the order in which it happens: choose the underlay, read the
/// network config, take a lease, bring up the device, learn the peers, write subnet.env and firewall rules, say READY; then follow
/// etcd until asked to stop. Lease, state, subnet.env and rules stay behind, as flannel leaves them.
/// </summary>
internal sealed class AgentService(
    AgentOptions options, IHostApplicationLifetime lifetime, AgentExit exit, SdNotify notify, TimeProvider time, ILoggerFactory loggers) : BackgroundService
{
    private const PosixSignal UserSignal1 = (PosixSignal)10;   // SIGUSR1 on x86 and arm; PosixSignal takes raw numbers too

    private readonly ILogger _log = loggers.CreateLogger("Overlay.Agent");
    private readonly AgentStatus _status = new(notify, time);
    private FlowReporter? _reporter;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // The default of both would end the process.
        using PosixSignalRegistration hangUp = Ignore(PosixSignal.SIGHUP, _log.NothingToReload);
        using PosixSignalRegistration report = Ignore(UserSignal1, () => Volatile.Read(ref _reporter)?.SayAll());
        using CancellationTokenRegistration stopping = stoppingToken.Register(() => notify.Stopping("stopping; lease, state and subnet file are kept"));
        try
        {
            await RunAsync(stoppingToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            _log.Stopped(options.SubnetFile);
        }
        catch (Exception e) when (e is CannotStartException or LinuxException or DuplicatePublicIpException or DeviceLostException)
        {
            exit.Fail();
            if (_status.IsReady) _log.Failed(e.Message);
            else _log.CannotStart(e.Message);
        }
#pragma warning disable CA1031 // the host would report a crash as exit code 0
        catch (Exception e)
#pragma warning restore CA1031
        {
            exit.Fail();
            _log.Crashed(e);
        }
        lifetime.StopApplication();
    }

    private async Task RunAsync(CancellationToken stop)
    {
        await using HealthServer? health = StartHealth();
        using RouteNetlink netlink = new();
        UnderlayChoice underlay = UnderlayInterface.Choose(options.Underlay, HostNetwork.Read(netlink));
        _log.UnderlayChosen(underlay.Link.Name, underlay.Address, underlay.Link.Mtu, underlay.PublicIp, underlay.Reason);

        using EtcdLeaseStore store = new(options.Etcd.ToOptions(), loggers.CreateLogger<EtcdLeaseStore>());
        NetworkConfigWatcher configs = new(store, time, loggers.CreateLogger<NetworkConfigWatcher>());
        await using TaskGroup reading = new(stop);
        reading.Run("following the network config", configs.RunAsync);
        NetworkConfig config = await _status.WhileAsync(configs.Configs.ReadAsync(stop).AsTask(), reading, () => configs.WaitingFor, "network config").ConfigureAwait(false);
        OverlaySettings settings = OverlaySettings.Combine(options.DataPath, config, underlay);
        LinkInfo? replaced = OverlayDevice.CheckHost(settings, netlink);
        FirewallTools tools = FirewallTools.Choose(options.Firewall, config.EnableNFTables, time, _log);
        NodeIdentity identity = NodeIdentity.Load(options, replaced?.Mac, _log);

        LeaseTiming timing = new() { Ttl = options.LeaseTtl, RenewMargin = options.RenewMargin };
        LeaseAcquirer acquirer = new(store, timing, time, loggers.CreateLogger<LeaseAcquirer>());
        LeaseAttributes wanted = new()
        {
            PublicIP = underlay.PublicIp,
            BackendType = config.Backend.Type,
            Vni = config.Backend.Vni,
            VtepMac = identity.State.VtepMac.ToString(),
            NodeId = identity.State.NodeId,
        };
        OwnLease lease = await _status.WhileAsync(
            acquirer.AcquireAsync(config, wanted, identity.PreviousSubnets, stop), reading, () => acquirer.WaitingFor, "subnet lease").ConfigureAwait(false);
        identity.Remember(config.Network, lease.Subnet);

        using Forwarder forwarder = new(settings.NodeWith(lease.Subnet, underlay.PublicIp, identity.State.VtepMac), time, _log);
        using OverlayDevice device = OverlayDevice.Open(settings, lease.Subnet, forwarder.Table, netlink, replaced, _log);
        using FlowReporter reporter = new(device.Plane, time, _log);
        Volatile.Write(ref _reporter, reporter);
        LeaseKeeper keeper = new(store, acquirer, config, lease, timing, time, loggers.CreateLogger<LeaseKeeper>());
        LeaseWatcher peers = new(store, underlay.PublicIp, time, loggers.CreateLogger<LeaseWatcher>());
        OverlayRules rules = new(config.Network, lease.Subnet, config.Backend.Port) { Former = identity.PreviousNetworks };
        FirewallKeeper firewall = new(tools, options.Firewall, rules, time, _log);
        NodeFollower follower = new(options, settings, lease.Subnet, identity, forwarder, device, firewall, _status, time, _log);

        await using TaskGroup following = new(stop);
        following.Run("the data plane", device.WatchAsync);
        following.Run("reading the network config", reading.Failure.WaitAsync);
        following.Run("keeping the lease", keeper.RunAsync);
        following.Run("following the leases", peers.RunAsync);
        following.Run("writing the subnet file", follower.WriteSubnetFileAsync);
        following.Run("keeping the firewall rules", firewall.RunAsync);
        forwarder.Update(await _status.WhileAsync(peers.Tables.ReadAsync(stop).AsTask(), following, () => peers.WaitingFor, "peers' leases").ConfigureAwait(false));
        await _status.WhileAsync(follower.FirstFileWritten.WaitAsync(stop), following, () => follower.FileTrouble, "subnet file").ConfigureAwait(false);
        await _status.WhileAsync(firewall.InPlace.WaitAsync(stop), following, () => firewall.Trouble, "firewall rules").ConfigureAwait(false);
        DockerNotice.Give(new SubnetEnv(config.Network, lease.Subnet, settings.Mtu.Bytes, options.Firewall.Masquerade), netlink, _log);
        _status.Ready(follower.Describe());
        _log.Ready(follower.Describe());

        firewall.TroubleChanged += () => _status.Say(follower.Describe());
        following.Run("following peers", end => follower.FollowPeersAsync(peers.Tables, end));
        following.Run("following the lease", end => follower.FollowLeaseAsync(keeper.Happenings, end));
        following.Run("following the config", end => follower.FollowConfigAsync(configs.Configs, config, end));
        await following.Failure.WaitAsync(stop).ConfigureAwait(false);
    }

    private static PosixSignalRegistration Ignore(PosixSignal signal, Action instead) => PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        instead();
    });

    private HealthServer? StartHealth()
    {
        if (options.Health is not { } endPoint) return null;
        try
        {
            HealthServer server = HealthServer.Start(endPoint, () => _status.IsReady, time);
            _log.HealthServed(server.EndPoint);
            return server;
        }
        catch (SocketException e)
        {
            throw new CannotStartException($"health checks cannot be served on {endPoint}: {e.Message}; choose --healthz-ip and --healthz-port", e);
        }
    }
}
