using System.Net;
using Microsoft.Extensions.Logging;
using Overlay.Subnet.Model;

namespace Overlay.Subnet;

/// <summary>
/// Every message of the control plane. Event ids: 2000 etcd, 2100 own lease, 2200 peers, 2300 network config. Strings that others wrote are
/// escaped by the caller; failures are one line.
/// </summary>
internal static partial class SubnetLog
{
    [LoggerMessage(2000, LogLevel.Warning, "etcd has authentication off: going on without the login of user {User}")]
    public static partial void AuthNotEnabled(this ILogger log, string user);

    [LoggerMessage(2001, LogLevel.Information, "the TLS files have changed on disk: connecting anew with them")]
    public static partial void TlsFilesReread(this ILogger log);

    [LoggerMessage(2002, LogLevel.Debug, "{Count} calls in a row were not answered in time by {Endpoint}: connecting anew")]
    public static partial void ConnectingAnew(this ILogger log, int count, string endpoint);

    [LoggerMessage(2003, LogLevel.Warning, "etcd-keyfile {Path} has mode {Mode}: every user of this machine can use this node's rights in etcd; chmod 600")]
    public static partial void KeyFileExposed(this ILogger log, string path, string mode);

    [LoggerMessage(2004, LogLevel.Debug, "etcd member {Endpoint} fails ({Fault}): asking {Next} from now on")]
    public static partial void AskingAnother(this ILogger log, string endpoint, Store.StoreFault fault, string next);

    [LoggerMessage(EventId = 2010, Message = "lost contact while following {Path}: {Reason} (retrying; what is known stays in force)")]
    public static partial void FollowingLost(this ILogger log, LogLevel level, string path, string reason);

    [LoggerMessage(2011, LogLevel.Information, "following {Path} again from revision {Revision}")]
    public static partial void FollowingAgain(this ILogger log, string path, long revision);

    [LoggerMessage(2012, LogLevel.Information, "reading {Path} anew: {Reason}")]
    public static partial void ReadingAnew(this ILogger log, string path, string reason);

    [LoggerMessage(2013, LogLevel.Warning,
        "etcd was set back (restored from a backup, or wiped): {Path} stands at revision {Revision}, {Seen} was seen before")]
    public static partial void StoreRewound(this ILogger log, string path, long revision, long seen);

    [LoggerMessage(2100, LogLevel.Information, "took over the lease of {Subnet} that stands under our PublicIP {PublicIP} (etcd lease {EtcdLeaseId:x})")]
    public static partial void LeaseTakenOver(this ILogger log, SubnetKey subnet, IPAddress publicIP, long etcdLeaseId);

    [LoggerMessage(2101, LogLevel.Information, "leased {Subnet} for PublicIP {PublicIP} (etcd lease {EtcdLeaseId:x})")]
    public static partial void LeaseCreated(this ILogger log, SubnetKey subnet, IPAddress publicIP, long etcdLeaseId);

    [LoggerMessage(2102, LogLevel.Information, "{Subnet} was taken by another node in the same moment; trying the next")]
    public static partial void RaceLost(this ILogger log, SubnetKey subnet);

    [LoggerMessage(EventId = 2103, Message = "cannot get a subnet yet: {Reason}")]
    public static partial void AcquireWaits(this ILogger log, LogLevel level, string reason);

    [LoggerMessage(2104, LogLevel.Information, "deleted our lease of {Subnet}, which is not needed any more")]
    public static partial void SurplusDeleted(this ILogger log, SubnetKey subnet);

    [LoggerMessage(2105, LogLevel.Warning, "could not delete our lease of {Subnet}, which is not needed any more; it expires by itself: {Reason}")]
    public static partial void SurplusLeft(this ILogger log, SubnetKey subnet, string reason);

    [LoggerMessage(2110, LogLevel.Information, "holding {Subnet} (etcd lease {EtcdLeaseId:x})")]
    public static partial void LeaseHeld(this ILogger log, SubnetKey subnet, long etcdLeaseId);

    [LoggerMessage(2111, LogLevel.Information, "renewed the lease of {Subnet} for {Seconds} s")]
    public static partial void LeaseRenewed(this ILogger log, SubnetKey subnet, double seconds);

    [LoggerMessage(2112, LogLevel.Warning, "the key of our subnet {Subnet} {What}; writing it again")]
    public static partial void LeaseRestoring(this ILogger log, SubnetKey subnet, string what);

    [LoggerMessage(2113, LogLevel.Information, "the key of our subnet {Subnet} stands again (revision {Revision})")]
    public static partial void LeaseRestored(this ILogger log, SubnetKey subnet, long revision);

    [LoggerMessage(2121, LogLevel.Information, "{Subnet} is reserved for this node: its key has no etcd lease and is never renewed")]
    public static partial void LeaseReserved(this ILogger log, SubnetKey subnet);

    [LoggerMessage(2114, LogLevel.Error,
        "subnet {Subnet} of this node ({OwnPublicIP}) is now held by {OtherPublicIP} (node id {OtherNodeId}); giving it up and taking another")]
    public static partial void LeaseLost(this ILogger log, SubnetKey subnet, IPAddress ownPublicIP, IPAddress otherPublicIP, string otherNodeId);

    [LoggerMessage(2115, LogLevel.Warning, "moved from {Old} to {New}")]
    public static partial void LeaseMoved(this ILogger log, SubnetKey old, SubnetKey @new);

    [LoggerMessage(EventId = 2116, Message = "cannot keep the lease of {Subnet} fresh: {Reason} (retrying)")]
    public static partial void LeaseNotRenewed(this ILogger log, LogLevel level, SubnetKey subnet, string reason);

    [LoggerMessage(2117, LogLevel.Error,
        "the lease of {Subnet} has run out without contact to etcd: another node may be given it. Forwarding goes on; bring etcd back")]
    public static partial void LeaseOverdue(this ILogger log, SubnetKey subnet);

    [LoggerMessage(2118, LogLevel.Error, "{Reason}")]
    public static partial void DuplicateWhileMoving(this ILogger log, string reason);

    [LoggerMessage(2119, LogLevel.Warning,
        "the key of our subnet {Subnet} stands word for word as ours, written by somebody else (etcd lease {EtcdLeaseId:x}): keeping it. "
        + "Does another machine run with a copy of this one's state folder?")]
    public static partial void LeaseAdopted(this ILogger log, SubnetKey subnet, long etcdLeaseId);

    [LoggerMessage(2120, LogLevel.Error,
        "PublicIP {PublicIP} is in use by another node, too: lease {Other} belongs to node id \"{NodeId}\". While its key stands, this node waits {Seconds} s "
        + "for it to vanish, and then stops; give one of the two another address, or delete the key if that node is gone")]
    public static partial void NamesakeFound(this ILogger log, IPAddress publicIP, SubnetKey other, string nodeId, double seconds);

    [LoggerMessage(2200, LogLevel.Information, "{Count} leases at revision {Revision}, {Changes} of them news")]
    public static partial void LeasesRead(this ILogger log, int count, long revision, int changes);

    [LoggerMessage(2201, LogLevel.Information, "lease {Subnet} added: {PublicIP}, {Backend}, VNI {Vni}, MAC {VtepMac}")]
    public static partial void LeaseAdded(this ILogger log, SubnetKey subnet, IPAddress publicIP, string backend, uint? vni, string? vtepMac);

    [LoggerMessage(2202, LogLevel.Information, "lease {Subnet} changed: {OldPublicIP} -> {PublicIP}, {Backend}, VNI {Vni}, MAC {VtepMac}")]
    public static partial void LeaseChanged(
        this ILogger log, SubnetKey subnet, IPAddress oldPublicIP, IPAddress publicIP, string backend, uint? vni, string? vtepMac);

    [LoggerMessage(2203, LogLevel.Information, "lease {Subnet} of {PublicIP} is gone")]
    public static partial void LeaseRemoved(this ILogger log, SubnetKey subnet, IPAddress publicIP);

    [LoggerMessage(2204, LogLevel.Warning, "ignoring {Path}: {Reason}")]
    public static partial void EntryRejected(this ILogger log, string path, string reason);

    [LoggerMessage(2205, LogLevel.Warning, "ignored {Count} more entries in the last {Seconds} s for like reasons")]
    public static partial void MoreEntriesRejected(this ILogger log, long count, double seconds);

    [LoggerMessage(2206, LogLevel.Warning, "ignoring lease {Subnet} of {PublicIP}: {Reason}")]
    public static partial void LeaseConflicts(this ILogger log, SubnetKey subnet, IPAddress publicIP, string reason);

    [LoggerMessage(2207, LogLevel.Warning,
        "the leases vanished all at once: etcd was wiped; keeping the peers for {Seconds} s so that they can write them again, and those of flannel, "
        + "which does so no sooner than it renews, for {Hours} h")]
    public static partial void StoreWiped(this ILogger log, double seconds, double hours);

    [LoggerMessage(2208, LogLevel.Information, "{Count} more changes of leases in the last {Seconds} s")]
    public static partial void MoreLeaseChanges(this ILogger log, long count, double seconds);

    [LoggerMessage(2209, LogLevel.Warning, "ignored {Count} more leases in the last {Seconds} s for clashing with older ones")]
    public static partial void MoreLeaseConflicts(this ILogger log, long count, double seconds);

    [LoggerMessage(2300, LogLevel.Information,
        "network config: {Network}, a /{SubnetLength} per node from {SubnetMin} to {SubnetMax}, backend {Backend}, VNI {Vni}, port {Port}")]
    public static partial void ConfigRead(
        this ILogger log, IPNetwork network, int subnetLength, IPAddress subnetMin, IPAddress subnetMax, string backend, uint vni, int port);

    [LoggerMessage(2301, LogLevel.Warning,
        "network config changed: {Network}, a /{SubnetLength} per node from {SubnetMin} to {SubnetMax}, backend {Backend}, VNI {Vni}, port {Port}")]
    public static partial void ConfigChanged(
        this ILogger log, IPNetwork network, int subnetLength, IPAddress subnetMin, IPAddress subnetMax, string backend, uint vni, int port);

    [LoggerMessage(2302, LogLevel.Warning, "waiting for a network config: {Reason}")]
    public static partial void ConfigAwaited(this ILogger log, string reason);

    [LoggerMessage(2303, LogLevel.Warning, "{Reason}; the last good network config stays in force")]
    public static partial void ConfigKept(this ILogger log, string reason);

    [LoggerMessage(2304, LogLevel.Warning, "the network config names no backend type: using vxlan (flannel would use udp)")]
    public static partial void BackendTypeMissing(this ILogger log);

    [LoggerMessage(2305, LogLevel.Warning, "Backend.DirectRouting is ignored: every packet to a peer is encapsulated")]
    public static partial void DirectRoutingIgnored(this ILogger log);
}
