using System.Net;
using Microsoft.Extensions.Logging;
using Overlay.Encap.Wire;
using Overlay.Subnet.Model;

namespace Overlay.Agent.Telemetry;

/// <summary>Every message of this project. Event ids 3000 to 3999; an id is never used again for something else.</summary>
internal static partial class AgentLog
{
    [LoggerMessage(3000, LogLevel.Information, "overlay-agent {Version} starts, with {Given}")]
    public static partial void Starting(this ILogger logger, string version, string given);

    [LoggerMessage(3001, LogLevel.Warning, "{Warning}")]
    public static partial void OptionWarning(this ILogger logger, string warning);

    [LoggerMessage(3002, LogLevel.Critical, "cannot start: {Reason}")]
    public static partial void CannotStart(this ILogger logger, string reason);

    [LoggerMessage(3003, LogLevel.Information, "stopped as asked; lease, state and {SubnetFile} are kept for the next start")]
    public static partial void Stopped(this ILogger logger, string subnetFile);

    [LoggerMessage(3007, LogLevel.Information, "SIGHUP: there is nothing to reload, the network config in etcd is followed anyway")]
    public static partial void NothingToReload(this ILogger logger);

    [LoggerMessage(3008, LogLevel.Information, "a core dump of this process would hold etcd's password and key: {Problem}")]
    public static partial void CoreDumpsAreWhole(this ILogger logger, string problem);

    [LoggerMessage(3010, LogLevel.Information, "underlay is {Interface}, address {Address}, MTU {Mtu}, advertised as {PublicIp}: {Reason}")]
    public static partial void UnderlayChosen(this ILogger logger, string @interface, IPAddress address, int mtu, IPAddress publicIp, string reason);

    [LoggerMessage(3020, LogLevel.Information, "{Path} written: subnet {Subnet} of {Network}, MTU {Mtu}, FLANNEL_IPMASQ={Masquerade}")]
    public static partial void SubnetFileWritten(this ILogger logger, string path, IPNetwork subnet, IPNetwork network, int mtu, string masquerade);

    [LoggerMessage(3021, LogLevel.Error, "{Path} cannot be written, not ready until it is: {Problem}")]
    public static partial void SubnetFileFailed(this ILogger logger, string path, string problem);

    [LoggerMessage(3023, LogLevel.Warning, "{Path} was deleted or changed by somebody and is put back")]
    public static partial void FilePutBack(this ILogger logger, string path);

    [LoggerMessage(3022, LogLevel.Warning, "{Path} of an earlier run is ignored: {Problem}")]
    public static partial void PreviousFileIgnored(this ILogger logger, string path, string problem);

    [LoggerMessage(3023, LogLevel.Error, "state cannot be saved in {Folder}: {Problem}; without it the next start is a new node to etcd and is refused until the key of this one is deleted or expires")]
    public static partial void StateNotSaved(this ILogger logger, string folder, string problem);

    [LoggerMessage(3030, LogLevel.Information, "health checks are served on {EndPoint}")]
    public static partial void HealthServed(this ILogger logger, IPEndPoint endPoint);

    [LoggerMessage(3004, LogLevel.Critical, "ended by a defect of this program, please report it")]
    public static partial void Crashed(this ILogger logger, Exception exception);

    [LoggerMessage(3006, LogLevel.Critical, "ends with a fault: {Reason}")]
    public static partial void Failed(this ILogger logger, string reason);

    [LoggerMessage(3005, LogLevel.Information, "ready: {Node}")]
    public static partial void Ready(this ILogger logger, string node);

    [LoggerMessage(3024, LogLevel.Warning, "the state in {Folder} is ignored: {Problem}; if it is lost, delete this node's key below subnets/ in etcd, since a node of another id is refused")]
    public static partial void StateIgnored(this ILogger logger, string folder, string problem);

    [LoggerMessage(3040, LogLevel.Information, "kernel device {Device} is replaced, its MAC {Mac} is kept")]
    public static partial void KernelDeviceReplaced(this ILogger logger, string device, MacAddress? mac);

    [LoggerMessage(3041, LogLevel.Information, "{Device} is up: {Address}/32, MTU {Mtu}, route to {Network}, VXLAN on {Listen}:{Port}, VNI {Vni}")]
    public static partial void DeviceUp(this ILogger logger, string device, IPAddress address, int mtu, IPNetwork network, IPAddress listen, int port, Vni vni);

    [LoggerMessage(3044, LogLevel.Information, "offloads: {Offloads}; workers: {Workers}")]
    public static partial void OffloadsChosen(this ILogger logger, string offloads, int workers);

    [LoggerMessage(3055, LogLevel.Information, "offloads: tunnel segmentation {State}")]
    public static partial void TunnelSegmentationIs(this ILogger logger, string state);

    [LoggerMessage(3045, LogLevel.Warning, "{Reason}")]
    public static partial void OffloadWithheld(this ILogger logger, string reason);

    [LoggerMessage(3042, LogLevel.Warning, "lease {Key} of {PublicIp} is not reachable: {Reason}")]
    public static partial void LeaseSkipped(this ILogger logger, SubnetKey key, IPAddress publicIp, string reason);

    [LoggerMessage(3048, LogLevel.Warning, "{Count} more leases that are not reachable in the last {Seconds} s")]
    public static partial void MoreLeasesSkipped(this ILogger logger, long count, double seconds);

    [LoggerMessage(3043, LogLevel.Warning, "the network config in etcd has changed ({Changes}); it takes effect when this agent is restarted")]
    public static partial void RestartNeeded(this ILogger logger, string changes);

    [LoggerMessage(3046, LogLevel.Information, "the network config in etcd is again the one this agent runs with")]
    public static partial void ConfigAsStarted(this ILogger logger);

    [LoggerMessage(3047, LogLevel.Error, "containers of this node are unreachable until Docker is restarted with the new {SubnetFile}")]
    public static partial void RestartDocker(this ILogger logger, string subnetFile);

    [LoggerMessage(3050, LogLevel.Warning, "{Direction} packets dropped in the last {Seconds} s: {Reasons}")]
    public static partial void PacketsDropped(this ILogger logger, string direction, string reasons, double seconds);

    [LoggerMessage(3051, LogLevel.Warning, "the kernel refused {Count} segmented sends; the same packets were sent one by one (--offload-gso=off, or --offload-tunnel-gso=off, saves the attempt)")]
    public static partial void SegmentationRefused(this ILogger logger, long count);

    [LoggerMessage(3052, LogLevel.Warning, "the TUN device refused {Count} super-packets; the same packets were written one by one (--offload-tso=off saves the attempt)")]
    public static partial void JoiningRefused(this ILogger logger, long count);

    [LoggerMessage(3053, LogLevel.Information,
        "{Direction}: received {Received}, delivered {Delivered} ({Bytes} bytes), dropped: {Reasons}; sends segmented here {SegmentFallbacks}, writes not joined {JoinFallbacks}, odd ECN {EcnOdd}, foreign MAC {ForeignMac}, ICMP errors sent {Icmp}")]
    public static partial void FlowCounts(
        this ILogger logger, string direction, long received, long delivered, long bytes, string reasons, long segmentFallbacks, long joinFallbacks, long ecnOdd,
        long foreignMac, long icmp);
}
