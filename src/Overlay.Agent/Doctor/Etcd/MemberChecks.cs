using System.Globalization;
using Overlay.Subnet.Etcd.Inspection;

namespace Overlay.Agent.Doctor.Etcd;

/// <summary>How etcd's members are. Pure.</summary>
internal static class MemberChecks
{
    private const double SlowFsync = 0.010, NearlyFull = 0.8;
    private const int Telling = 50;   // so many fsyncs of now say more than all of the past
    private const long DefaultQuota = 2L << 30;
    private static readonly TimeSpan SlowRead = TimeSpan.FromMilliseconds(100), FarClock = TimeSpan.FromSeconds(3);

    /// <summary>All findings.</summary>
    public static IEnumerable<Finding> Judge(EtcdFacts etcd) =>
        [.. etcd.Members.Select(member => Member(member, etcd)), Leader(etcd), .. etcd.Members.Where(m => m.Problem is null).SelectMany(Figures)];

    private static Finding Member(MemberFacts member, EtcdFacts etcd)
    {
        const string Mend = "etcdctl endpoint status --cluster -w table; systemctl status etcd on that host, and the firewall between (TCP 2379)";
        if (member.Problem is { } problem)
        {
            bool others = etcd.Members.Any(m => m.Problem is null);
            // flannel's default names two ports, of which one is etcd's old one.
            if (others && member.Endpoint.EndsWith(":4001", StringComparison.Ordinal)) return Checks.Members.Skip("nobody is at etcd's port of old, which flannel's default names too").Of(member.Endpoint);
            return (others ? Checks.Members.Warn(problem, Mend) : Checks.Members.Fail(problem, Mend)).Of(member.Endpoint);
        }
        string version = member.Status?.Version ?? "of unknown version";
        return (member.Status is { IsLearner: true } ? Checks.Members.Warn($"etcd {version}, a learner: it has no vote and refuses most requests", "etcdctl member promote") : Checks.Members.Ok($"etcd {version} answers")).Of(member.Endpoint);
    }

    private static Finding Leader(EtcdFacts etcd)
    {
        EtcdMemberStatus[] known = [.. etcd.Members.Select(m => m.Status).OfType<EtcdMemberStatus>()];
        if (known.Length == 0) return Checks.Leader.Skip("no member tells");
        if (known.Any(s => s.LeaderId == 0)) return Checks.Leader.Fail($"{known.Count(s => s.LeaderId == 0)} of {known.Length} members have no leader", "etcdctl endpoint status --cluster -w table; bring back the majority of the members");
        if (known.Select(s => s.LeaderId).Distinct().Count() > 1) return Checks.Leader.Fail("the members follow different leaders: they are of different clusters, or just electing", "etcdctl member list on each endpoint");
        double? changes = etcd.Members.Max(m => m.Metrics?.Value("etcd_server_leader_changes_seen_total"));
        double? recent = etcd.Members.Max(m => m.Recent?.Value("etcd_server_leader_changes_seen_total"));
        TimeSpan watched = etcd.Members.Max(m => m.Watched);
        string found = string.Create(CultureInfo.InvariantCulture,
            $"leader {known[0].LeaderId:x}{(changes is null ? "" : $", {changes} changes seen since the members started")}{(recent is null ? "" : $", {recent} of them in these {watched.TotalSeconds:0} s")}");
        return changes > 10 || recent > 0 ? Checks.Leader.Warn(found, "look for slow disks (etcd.fsync) and a slow network between members; etcd's log says \"took too long\"") : Checks.Leader.Ok(found);
    }

    private static IEnumerable<Finding> Figures(MemberFacts member) =>
        new[] { Latency(member), Fsync(member), Space(member), Clock(member) }.Select(finding => finding.Of(member.Endpoint));

    private static Finding Latency(MemberFacts member)
    {
        if (member.Reads.Count == 0) return Checks.Latency.Skip("no reads");
        TimeSpan[] sorted = [.. member.Reads.Order()];
        string found = string.Create(CultureInfo.InvariantCulture, $"{sorted.Length} reads: median {sorted[sorted.Length / 2].TotalMilliseconds:0.0} ms, slowest {sorted[^1].TotalMilliseconds:0.0} ms");
        return sorted[sorted.Length / 2] < SlowRead ? Checks.Latency.Ok(found) : Checks.Latency.Warn(found, "look at the member's disk (etcd.fsync), its load and the network to it");
    }

    private static Finding Fsync(MemberFacts member)
    {
        const string Histogram = "etcd_disk_wal_fsync_duration_seconds", Commits = "etcd_disk_backend_commit_duration_seconds";
        if (member.Metrics is not { } metrics) return Checks.Fsync.Skip(member.MetricsProblem ?? "no metrics");
        if (metrics.Quantile(Histogram, 0.99) is not { } p99) return Checks.Fsync.Skip("the member has written nothing yet");
        double commit = metrics.Quantile(Commits, 0.99) ?? 0;
        string found = string.Create(CultureInfo.InvariantCulture, $"99 % of fsyncs within {p99 * 1000:0.0} ms (under 10 wanted), of commits within {commit * 1000:0.0} ms, since the member started");
        double? now = member.Recent?.Quantile(Histogram, 0.99);
        if (now is not null) found += string.Create(CultureInfo.InvariantCulture, $"; in these {member.Watched.TotalSeconds:0} s {member.Recent!.Count(Histogram)} fsyncs, 99 % within {now * 1000:0.0} ms");
        bool isSlow = now is not null && member.Recent!.Count(Histogram) >= Telling ? now >= SlowFsync : p99 >= SlowFsync || now >= SlowFsync;
        return isSlow ? Checks.Fsync.Warn(found, "give etcd an SSD of its own: --data-dir there, or --wal-dir for the log alone") : Checks.Fsync.Ok(found);
    }

    private static Finding Space(MemberFacts member)
    {
        const string Mend = "etcdctl compact REVISION; etcdctl defrag; etcdctl alarm disarm";
        if (member.Status is not { } status) return Checks.Space.Skip("the member does not tell its size");
        if (status.Errors.Count > 0) return Checks.Space.Fail(string.Join("; ", status.Errors), Mend);
        double quota = member.Metrics?.Value("etcd_server_quota_backend_bytes") is > 0 and var told ? told : DefaultQuota;
        string found = string.Create(CultureInfo.InvariantCulture, $"{status.DatabaseBytes >> 20} MiB ({status.UsedBytes >> 20} in use) of {quota / (1 << 20):0} MiB");
        return status.DatabaseBytes < quota * NearlyFull ? Checks.Space.Ok(found) : Checks.Space.Warn(found, Mend);
    }

    private static Finding Clock(MemberFacts member)
    {
        if (member.ClockDifference is not { } difference) return Checks.EtcdClock.Skip("the member does not tell its time");
        string found = string.Create(CultureInfo.InvariantCulture, $"{difference.TotalSeconds:+0.0;-0.0} s from this node's");
        return difference.Duration() < FarClock ? Checks.EtcdClock.Ok(found) : Checks.EtcdClock.Warn(found, "timedatectl set-ntp true, on both hosts");
    }
}
