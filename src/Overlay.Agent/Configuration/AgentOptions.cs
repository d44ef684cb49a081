using System.Net;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Hooks;
using Overlay.Agent.Telemetry;

namespace Overlay.Agent.Configuration;

/// <summary>
/// Everything an operator can set, checked and in its own unit. Made once, before the first file or socket is opened; nobody else reads
/// flags or the environment. Holds no secret in a printable form.
/// </summary>
public sealed record AgentOptions
{
    /// <summary>How to reach etcd.</summary>
    public required EtcdSettings Etcd { get; init; }

    /// <summary>Which interface carries the traffic between nodes.</summary>
    public UnderlaySettings Underlay { get; init; } = new();

    /// <summary>The TUN device, the filter and the offloads.</summary>
    public DataPathSettings DataPath { get; init; } = new();

    /// <summary>The rules and routes around the overlay.</summary>
    public FirewallSettings Firewall { get; init; } = new();

    /// <summary>Absolute path of the file for Docker (<c>--subnet-file</c>). Defaults to <c>/run/flannel/subnet.env</c>.</summary>
    public string SubnetFile { get; init; } = "/run/flannel/subnet.env";

    /// <summary>Absolute path of a file with Docker's options (<c>--docker-opts-file</c>). Defaults to null: none is written.</summary>
    public string? DockerOptionsFile { get; init; }

    /// <summary>Absolute path of the folder for the state and lock files (<c>--state-dir</c>). Defaults to <c>/var/lib/overlay-agent</c>.</summary>
    public string StateDirectory { get; init; } = "/var/lib/overlay-agent";

    /// <summary>What to run when this node has another subnet than before (<c>--on-subnet-change</c>). Defaults to null: nothing.</summary>
    public HookCommand? OnSubnetChange { get; init; }

    /// <summary>Life of the etcd lease, whole seconds from 5 to 2592000 (<c>--subnet-lease-ttl</c>). Defaults to 86400 s.</summary>
    public TimeSpan LeaseTtl { get; init; } = TimeSpan.FromSeconds(86400);

    /// <summary>
    /// How much of the lease must be left, whole minutes from 1 to 1439 (<c>--subnet-lease-renew-margin</c>): flannel renews when less is
    /// left. Always under <see cref="LeaseTtl"/>. Defaults to 60 minutes, or half the life of a lease too short for that.
    /// </summary>
    public TimeSpan RenewMargin { get; init; } = TimeSpan.FromMinutes(60);

    /// <summary>Where /healthz and /readyz are served (<c>--healthz-ip</c>, <c>--healthz-port</c>). Defaults to null: nowhere.</summary>
    public IPEndPoint? Health { get; init; }

    /// <summary>Shape of the log lines (<c>--log-format</c>). Defaults to <see cref="LogFormat.Text"/>.</summary>
    public LogFormat LogFormat { get; init; }

    /// <summary>Least level that is logged (<c>-v</c>: 0 information, 1 to 4 debug, 5 and more trace).</summary>
    public LogLevel LogLevel { get; init; } = LogLevel.Information;
}
