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
using Overlay.Agent.Healing;
using Overlay.Agent.Health;
using Overlay.Agent.Hooks;
using Overlay.Agent.Memory;
using Overlay.Agent.Startup;
using Overlay.Agent.State;
using Overlay.Agent.Systemd;
using Overlay.Agent.Telemetry;
using Overlay.Agent.Tunnel;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.Services;

/// <summary>
/// The daemon, from first look at the host to the last packet, in the order in which it happens: choose the underlay, read the
/// network config, take a lease, bring up the device, learn the peers, write subnet.env and firewall rules, say READY; then follow
/// etcd until asked to stop. Where etcd does not answer, config, lease and peers are those of an earlier run. Lease, state, subnet.env
/// and rules stay behind, as flannel leaves them.
/// </summary>
internal sealed class AgentService(
    AgentOptions options, IHostApplicationLifetime lifetime, AgentExit exit, SdNotify notify, TimeProvider time, ILoggerFactory loggers) : BackgroundService
{
    private const PosixSignal UserSignal1 = (PosixSignal)10, UserSignal2 = (PosixSignal)12;   // on x86 and arm; PosixSignal takes raw numbers too

    private readonly ILogger _log = loggers.CreateLogger("Overlay.Agent");
    private readonly AgentStatus _status = new(notify, time);
    private FlowReporter? _reporter;

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        // The default of each would end the process. SIGPIPE the runtime ignores; SIGTERM, SIGINT and SIGQUIT end it in order, by the host.
        using PosixSignalRegistration hangUp = Ignore(PosixSignal.SIGHUP, _log.NothingToReload);
        using PosixSignalRegistration report = Ignore(UserSignal1, () => Volatile.Read(ref _reporter)?.SayAll());
        using PosixSignalRegistration nothing = Ignore(UserSignal2, () => { });
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
            string reason = e is DuplicatePublicIpException { Theirs.Key: var key } ? $"{e.Message}: etcdctl del {options.Etcd.Prefix}/{StorePaths.Subnet(key)}" : e.Message;
            if (_status.IsReady) _log.Failed(reason);
            else _log.CannotStart(reason);
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
        NodeMemory memory = NodeMemory.Load(options, time, _log);
        EtcdCache? cache = memory.CacheFor(options.Etcd.Prefix, underlay.PublicIp);
        LeaseWatcher peers = new(store, underlay.PublicIp, time, loggers.CreateLogger<LeaseWatcher>(), known: cache?.Leases);
        NetworkConfigWatcher configs = new(store, time, loggers.CreateLogger<NetworkConfigWatcher>(), nodes: () => peers.Current.Leases.Count);
        await using TaskGroup reading = new(stop);
        reading.Run("following the network config", configs.RunAsync);
        reading.Run("following the leases", peers.RunAsync);
        StartDecision start = await StartDecision.MakeAsync(configs, peers, cache, reading.Failure, time, stop).ConfigureAwait(false);
        if (start.Cache is { } last) _log.StartingFromCache(start.Stale, memory.State.Subnet, last.Leases.Leases.Count, last.Leases.Revision);
        NetworkConfig config = start.Cache?.Config ?? await _status.WhileAsync(configs.Configs.ReadAsync(stop).AsTask(), reading, () => configs.WaitingFor, "network config").ConfigureAwait(false);
        OverlaySettings settings = OverlaySettings.Combine(options.DataPath, config, underlay) with { KeepsBlackhole = options.Firewall.BlackholeRoute };
        LinkInfo? replaced = OverlayDevice.CheckHost(settings, netlink);
        FirewallTools tools = FirewallTools.Choose(options.Firewall, config.EnableNFTables, time, _log);
        if (memory.MayAdopt && await _status.WhileAsync(peers.Tables.WaitToReadAsync(stop).AsTask(), reading, () => peers.WaitingFor, "peers' leases").ConfigureAwait(false))
            memory.Adopt(peers.Current, underlay.PublicIp);
        memory.Begin(replaced?.Mac);

        LeaseTiming timing = new() { Ttl = options.LeaseTtl, RenewMargin = options.RenewMargin };
        LeaseAcquirer acquirer = new(store, timing, time, loggers.CreateLogger<LeaseAcquirer>());
        LeaseAttributes wanted = memory.Attributes(config, underlay.PublicIp);
        FirstLease first = start.Cache is not null ? new FirstLease(memory.EarlierLease(wanted), IsEarlier: true, Trouble: null) : await _status.WhileAsync(
            FirstLease.TakeAsync(acquirer, config, wanted, memory, cache is null ? null : peers.Current, time, stop), reading, () => acquirer.WaitingFor, "subnet lease").ConfigureAwait(false);
        OwnLease lease = first.Lease;
        if (first.Trouble is not null) _log.LeaseNotConfirmed(lease.Subnet, first.Trouble);
        memory.Remember(config.Network);
        memory.Remember(lease, left: first.IsEarlier ? null : timing.Ttl);

        using Forwarder forwarder = new(settings.NodeWith(lease.Subnet, underlay.PublicIp, memory.State.VtepMac), time, _log);
        using OverlayDevice device = OverlayDevice.Open(settings, lease.Subnet, forwarder.Table, netlink, replaced, _log);
        using FlowReporter reporter = new(() => device.Outbound, () => device.Inbound, time, _log);
        Volatile.Write(ref _reporter, reporter);
        LeaseKeeper keeper = new(
            store, acquirer, config, lease, timing, time, loggers.CreateLogger<LeaseKeeper>(), remaining: first.IsEarlier ? memory.EarlierLeaseLeft : null,
            nodes: () => peers.Current.Leases.Count);
        SubnetHook hook = new(options.OnSubnetChange, options.SubnetFile, memory.Announced, memory.RememberAnnounced, SubnetHook.DefaultLimit, time, _log);
        OverlayRules rules = new(config.Network, lease.Subnet, config.Backend.Port) { Device = settings.Device, Former = memory.PreviousNetworks };
        FirewallKeeper firewall = new(tools, options.Firewall, rules, time, _log);
        NodeFollower follower = new(options, settings, lease.Subnet, start, memory, hook, forwarder, device, firewall, _status, time, _log) { LeaseTrouble = first.Trouble };

        HostKeeper host = new(options.Underlay, config, underlay, device, forwarder, Readdress, follower.TellOfHost, time, _log);

        await using TaskGroup following = new(stop);
        following.Run("looking after this host", host.RunAsync);
        following.Run("reading etcd", reading.Failure.WaitAsync);
        following.Run("keeping the lease", keeper.RunAsync);
        following.Run("following the lease", end => follower.FollowLeaseAsync(keeper.Happenings, end));
        following.Run("writing the subnet file", follower.WriteSubnetFileAsync);
        following.Run("keeping the firewall rules", firewall.RunAsync);
        LeaseTable known = start.Cache?.Leases
            ?? await _status.WhileAsync(peers.Tables.ReadAsync(stop).AsTask(), following, () => peers.WaitingFor, "peers' leases").ConfigureAwait(false);
        forwarder.Update(known);
        if (start.Cache is null) memory.Remember(config, known);
        following.Run("remembering", end => memory.RunAsync(options.Etcd.Prefix, end));
        following.Run("following peers", end => follower.FollowPeersAsync(peers.Tables, end));
        following.Run("following the config", end => follower.FollowConfigAsync(configs.Configs, config, end));
        await _status.WhileAsync(follower.FirstFileWritten.WaitAsync(stop), following, () => follower.FileTrouble, "subnet file").ConfigureAwait(false);
        await _status.WhileAsync(firewall.InPlace.WaitAsync(stop), following, () => firewall.Trouble, "firewall rules").ConfigureAwait(false);
        DockerNotice.Give(new SubnetEnv(config.Network, lease.Subnet, settings.Mtu.Bytes, options.Firewall.Masquerade), options, _log);
        _status.Ready(follower.Describe());
        _log.Ready(follower.Describe());

        firewall.TroubleChanged += follower.Report;
        following.Run("running the hook", hook.RunAsync);
        if (Patience() is { } patience)
        {
            Watchdog watchdog = new(notify, patience, keeper.Pulse.Ask, () => [.. device.Turns, ("the lease loop", keeper.Pulse.Answers)], time, _log);
            following.Run("feeding the watchdog", watchdog.RunAsync);
        }
        await following.Failure.WaitAsync(stop).ConfigureAwait(false);

        void Readdress(System.Net.IPAddress publicIp)
        {
            store.Reconnect();
            keeper.Republish(publicIp);
            peers.Readdress(publicIp);
        }
    }

    private TimeSpan? Patience() => !notify.IsSupervised ? null
        : WatchdogPatience.Read(Environment.GetEnvironmentVariable("WATCHDOG_USEC"), Environment.GetEnvironmentVariable("WATCHDOG_PID"));

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
            HealthServer server = HealthServer.Start(endPoint, () => _status is { IsReady: true, HasNoSubnet: false }, time);
            _log.HealthServed(server.EndPoint);
            return server;
        }
        catch (SocketException e)
        {
            throw new CannotStartException($"health checks cannot be served on {endPoint}: {e.Message}; choose --healthz-ip and --healthz-port", e);
        }
    }
}
