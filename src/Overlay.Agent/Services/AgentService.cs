using System.Net.Sockets;
using System.Runtime.InteropServices;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Configuration;
using Overlay.Agent.Forwarding;
using Overlay.Agent.Health;
using Overlay.Agent.Startup;
using Overlay.Agent.Systemd;
using Overlay.Agent.Telemetry;
using Overlay.Encap.Flow;
using Overlay.Encap.Linux;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.Services;

/// <summary>
/// The daemon, from first look at the host to the last packet, in the order in which it happens: choose the underlay, read the
/// network config, take a lease, bring up the device, learn the peers, write subnet.env, say READY; then follow etcd until
/// asked to stop. Lease, state and subnet.env stay behind, as flannel leaves them.
/// </summary>
internal sealed class AgentService(
    AgentOptions options, IHostApplicationLifetime lifetime, AgentExit exit, SdNotify notify, TimeProvider time, ILoggerFactory loggers) : BackgroundService
{
    private readonly ILogger _log = loggers.CreateLogger("Overlay.Agent");
    private readonly AgentStatus _status = new(notify, time);

    /// <inheritdoc/>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, context =>
        {
            context.Cancel = true;   // the default would end the process
            _log.NothingToReload();
        });
        try
        {
            await RunAsync(stoppingToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            _log.Stopped(options.SubnetFile);
        }
        catch (Exception e) when (e is CannotStartException or LinuxException or DuplicatePublicIpException)
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

        using EtcdLeaseStore store = new(EtcdOptionsOf(options.Etcd), loggers.CreateLogger<EtcdLeaseStore>());
        NetworkConfigWatcher configs = new(store, time, loggers.CreateLogger<NetworkConfigWatcher>());
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        List<Task> running = [configs.RunAsync(end.Token)];
        try
        {
            NetworkConfig config = await _status.WhileAsync(configs.Configs.ReadAsync(stop).AsTask(), () => configs.WaitingFor, "network config").ConfigureAwait(false);
            OverlaySettings settings = OverlaySettings.Combine(options.DataPath, config, underlay);
            LinkInfo? standing = netlink.Link(settings.Device);
            CheckPort(settings, standing);
            NodeIdentity identity = NodeIdentity.Load(options, standing is { Kind: "vxlan" } ? standing.Mac : null, _log);

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
                acquirer.AcquireAsync(config, wanted, identity.PreviousSubnets, stop), () => acquirer.WaitingFor, "subnet lease").ConfigureAwait(false);
            identity.Remember(config.Network, lease.Subnet);

            using Forwarder forwarder = new(settings.NodeWith(lease.Subnet, underlay.PublicIp, identity.State.VtepMac), time, _log);
            using OverlayDevice device = OverlayDevice.Open(settings, lease.Subnet, forwarder.Table, netlink, _log);
            using FlowReporter reporter = new(device.Plane, time, _log);
            LeaseKeeper keeper = new(store, acquirer, config, lease, timing, time, loggers.CreateLogger<LeaseKeeper>());
            LeaseWatcher peers = new(store, underlay.PublicIp, time, loggers.CreateLogger<LeaseWatcher>());
            running.AddRange([keeper.RunAsync(end.Token), peers.RunAsync(end.Token)]);
            forwarder.Update(await _status.WhileAsync(peers.Tables.ReadAsync(stop).AsTask(), () => peers.WaitingFor, "peers' leases").ConfigureAwait(false));

            NodeFollower follower = new(options, settings, identity, forwarder, device, _status, time, _log);
            await follower.WriteSubnetFileAsync(lease.Subnet, stop).ConfigureAwait(false);
            _status.Ready(follower.Describe());
            _log.Ready(follower.Describe());

            running.AddRange([follower.FollowPeersAsync(peers.Tables, stop), follower.FollowLeaseAsync(keeper.Happenings, stop), follower.FollowConfigAsync(configs.Configs, config, stop)]);
            Task first = await Task.WhenAny([device.Plane.Completion, .. running]).ConfigureAwait(false);
            await first.ConfigureAwait(false);
            stop.ThrowIfCancellationRequested();
            if (first == device.Plane.Completion) throw new CannotStartException(Describe(await device.Plane.Completion.ConfigureAwait(false)));
            throw new InvalidOperationException("a task of the control plane ended by itself");
        }
        finally
        {
            if (stop.IsCancellationRequested) notify.Stopping("stopping: lease, subnet file and state are kept");
            await end.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(running).ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default).ConfigureAwait(false);
        }
    }

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

    // Before anything is written to etcd: is the port free? Not asked where the kernel device that holds it is about to go.
    private static void CheckPort(OverlaySettings settings, LinkInfo? standing)
    {
        if (standing is { Kind: "vxlan" }) return;
        using ShutdownSignal signal = new();
        UdpReceiver.Open(settings.ListenAddress, settings.Port, shared: false, joins: false, signal).Dispose();
    }

    private static EtcdOptions EtcdOptionsOf(EtcdSettings settings) => new()
    {
        Endpoints = [.. settings.Endpoints.Select(e => e.GetLeftPart(UriPartial.Authority))],
        Prefix = settings.Prefix,
        KeyFile = settings.KeyFile ?? "",
        CertFile = settings.CertFile ?? "",
        CaFile = settings.CaFile ?? "",
        Username = settings.Username ?? "",
        Password = settings.Password?.Reveal() ?? "",
    };

    private static string Describe(DataPlaneFault? fault) =>
        fault?.Exception is { } e ? $"{fault.Thread} failed: {e}" : $"{fault?.Thread} lost its device: {(Errno)(fault?.Errno ?? 0)}";
}
