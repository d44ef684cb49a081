using System.Net;
using System.Text;
using Overlay.Agent.Doctor;
using Overlay.Agent.Doctor.Etcd;
using Overlay.Agent.Doctor.Node;
using Overlay.Agent.State;
using Overlay.Agent.Tests.Support;
using Overlay.Encap.Wire;
using Overlay.Subnet.Etcd.Inspection;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Survey;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.Tests.Doctor;

/// <summary>etcd's members and their content, from facts made up.</summary>
public class EtcdCheckTests
{
    private const string FastDisk = "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.001\"} 50\netcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.002\"} 100\netcd_disk_wal_fsync_duration_seconds_bucket{le=\"+Inf\"} 100\n";
    private const string SlowDisk = "etcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.016\"} 50\netcd_disk_wal_fsync_duration_seconds_bucket{le=\"0.512\"} 100\netcd_disk_wal_fsync_duration_seconds_bucket{le=\"+Inf\"} 100\n";

    private static readonly MemberFacts Member = new("http://192.168.64.250:2379")
    {
        Reads = [TimeSpan.FromMilliseconds(1), TimeSpan.FromMilliseconds(2)],
        Status = new EtcdMemberStatus("3.4.23", 7, 7, 1 << 20, 1 << 19, false, []),
        Metrics = EtcdMetrics.Parse(FastDisk),
        ClockDifference = TimeSpan.FromSeconds(0.4),
    };

    private static readonly EtcdFacts Good = new()
    {
        Members = [Member],
        Config = Some.Node.Config,
        Keys = Keys(Key("10.1.15.0-24", "192.168.64.1"), Key("10.1.16.0-24", "192.168.64.2", "02:00:00:00:00:02")),
        OwnLife = new EtcdLeaseLife(TimeSpan.FromHours(23), TimeSpan.FromHours(24), 1),
    };

    [Fact]
    public void A_good_etcd_is_well()
    {
        Some.AssertWell(MemberChecks.Judge(Good));
        Some.AssertWell(LeaseChecks.Judge(Good, Some.Node, null));
        Assert.Equal("10.1.16.0-24", Assert.Single(Good.Peers(IPAddress.Parse("192.168.64.1"))).Key.Name);
    }

    [Fact]
    public void Each_fault_of_a_member_is_named()
    {
        Some.AssertIs(Judge(m => m with { Problem = "no connection" }), Checks.Members, Verdict.Fail, "no connection");
        Some.AssertIs(MemberChecks.Judge(Good with { Members = [Member, new("http://b:2379") { Problem = "no connection" }] }), Checks.Members, Verdict.Warn, "no connection");
        Some.AssertIs(MemberChecks.Judge(Good with { Members = [Member, new("http://127.0.0.1:4001") { Problem = "no connection" }] }), Checks.Members, Verdict.Skip, "etcd's port of old");
        Some.AssertIs(Judge(m => m with { Status = m.Status! with { LeaderId = 0 } }), Checks.Leader, Verdict.Fail, "no leader");
        Some.AssertIs(MemberChecks.Judge(Good with { Members = [Member, Member with { Status = Member.Status! with { LeaderId = 8 } }] }), Checks.Leader, Verdict.Fail, "follow different leaders");
        Some.AssertIs(Judge(m => m with { Status = m.Status! with { IsLearner = true } }), Checks.Members, Verdict.Warn, "a learner");
        Some.AssertIs(Judge(m => m with { Metrics = EtcdMetrics.Parse("etcd_server_leader_changes_seen_total 40\n") }), Checks.Leader, Verdict.Warn, "40 changes");
        Some.AssertIs(Judge(m => m with { Reads = [TimeSpan.FromSeconds(1)] }), Checks.Latency, Verdict.Warn, "1000.0 ms");
        Some.AssertIs(Judge(m => m with { Metrics = EtcdMetrics.Parse(SlowDisk) }), Checks.Fsync, Verdict.Warn, "99 % of fsyncs within 502");
        Some.AssertIs(Judge(m => m with { Metrics = null, MetricsProblem = "HTTP status 404" }), Checks.Fsync, Verdict.Skip, "404");
        Some.AssertIs(Judge(m => m with { Status = m.Status! with { Errors = ["memberID:7 alarm:NOSPACE "] } }), Checks.Space, Verdict.Fail, "NOSPACE");
        Some.AssertIs(Judge(m => m with { Status = m.Status! with { DatabaseBytes = 2_000_000_000 } }), Checks.Space, Verdict.Warn, "of 2048 MiB");
        Some.AssertIs(Judge(m => m with { ClockDifference = TimeSpan.FromSeconds(-90) }), Checks.EtcdClock, Verdict.Warn, "-90.0 s");
    }

    [Fact]
    public void A_quantile_lies_between_its_buckets_by_a_straight_line()
    {
        EtcdMetrics metrics = EtcdMetrics.Parse("# HELP x\nh_bucket{le=\"1\"} 10\nh_bucket{le=\"2\"} 20\nh_bucket{le=\"+Inf\"} 20\nnonsense\nplain 4.5e+01\n");

        Assert.Equal(1.5, metrics.Quantile("h", 0.75)!.Value, 6);
        Assert.Equal(45, metrics.Value("plain"));
        Assert.Null(metrics.Quantile("absent", 0.5));
        Assert.Null(EtcdMetrics.Parse("h_bucket{le=\"+Inf\"} 0\n").Quantile("h", 0.99));
    }

    [Fact]
    public void What_is_new_is_told_from_what_the_member_has_counted_all_its_life()
    {
        const string Name = "etcd_disk_wal_fsync_duration_seconds_bucket";
        static string Page(int fast, int slow, int changes) => $"{Name}{{le=\"0.001\"}} {fast}\n{Name}{{le=\"0.512\"}} {fast + slow}\n{Name}{{le=\"+Inf\"}} {fast + slow}\netcd_server_leader_changes_seen_total {changes}\n";
        static MemberFacts Watched(string before, string after) => Member with
        {
            Metrics = EtcdMetrics.Parse(after),
            Recent = EtcdMetrics.Parse(after).Since(EtcdMetrics.Parse(before)),
            Watched = TimeSpan.FromSeconds(3),
        };

        MemberFacts turnedSlow = Watched(Page(100_000, 0, 1), Page(100_000, 100, 2)), recovered = Watched(Page(1000, 1000, 3), Page(1100, 1000, 3)), quiet = Watched(Page(1000, 1000, 3), Page(1010, 1000, 3));
        Some.AssertIs(Judge(_ => turnedSlow), Checks.Fsync, Verdict.Warn, "in these 3 s 100 fsyncs, 99 % within 506.9");
        Some.AssertIs(Judge(_ => turnedSlow), Checks.Leader, Verdict.Warn, "1 of them in these 3 s");
        Some.AssertIs(Judge(_ => recovered), Checks.Fsync, Verdict.Ok, "100 fsyncs, 99 % within 1.0 ms");
        Some.AssertIs(Judge(_ => quiet), Checks.Fsync, Verdict.Warn, "10 fsyncs");   // too few to outweigh the past
    }

    [Fact]
    public void Each_fault_of_the_lease_is_named()
    {
        Some.AssertIs(LeaseChecks.Judge(Good with { Config = null, ConfigProblem = "Network: missing" }, Some.Node, null), Checks.Config, Verdict.Fail, "Network: missing");
        Some.AssertIs(LeaseChecks.Judge(Good with { Config = NetworkConfig.Parse("""{"Network":"10.1.0.0/16"}"""u8) }, Some.Node, null), Checks.Config, Verdict.Warn, "Backend.Type is missing");
        Some.AssertIs(LeaseChecks.Judge(Good with { Keys = [] }, Some.Node, null), Checks.Own, Verdict.Fail, "no key for 192.168.64.1");
        Some.AssertIs(LeaseChecks.Judge(Good with { OwnLife = null }, Some.Node, null), Checks.Own, Verdict.Fail, "does not exist any more");
        Some.AssertIs(LeaseChecks.Judge(Good with { OwnLife = new(TimeSpan.FromMinutes(5), TimeSpan.FromHours(24), 1) }, Some.Node, null), Checks.Own, Verdict.Warn, "should have been renewed");
        Some.AssertIs(LeaseChecks.Judge(Good with { Keys = Keys(Key("10.1.99.0-24", "192.168.64.1")) }, Some.Node, null), Checks.Own, Verdict.Fail, "the key is 10.1.99.0-24");
        Assert.All(LeaseChecks.Judge(Good with { Problem = "etcd is away" }, Some.Node, null), f => Assert.Equal(Verdict.Skip, f.Verdict));
    }

    [Fact]
    public void Without_etcd_the_agents_cache_of_this_prefix_tells_config_and_peers()
    {
        using TempFolder folder = new();
        IPAddress own = IPAddress.Parse("192.168.64.1");
        EtcdFacts away = new() { Problem = "no connection" };
        LeaseTable leases = LeaseTable.Build(10, [.. Good.Keys.Select(key => key.Lease!)], own);
        EtcdCache cache = new("00000000000000000000000000000001", MacAddress.NewLocal(), "/overlay", own, DateTimeOffset.UnixEpoch, Some.Node.Config!, leases);
        Assert.True(new CacheFile(folder.Path).TrySave(cache, out string? problem), problem);

        EtcdFacts known = away.WithCache(folder.Path, "/overlay");

        Assert.Equal("10.1.16.0-24", Assert.Single(known.Peers(own)).Key.Name);
        Assert.Equal(Some.Node.Config, known.KnownConfig);
        Some.AssertIs(LeaseChecks.Judge(known, Some.Node, null), Checks.Config, Verdict.Skip, "no connection; 10.1.0.0/16, /24 each, VNI 1, UDP 8472 by the agent's cache of 1970-01-01");
        Assert.Null(away.WithCache(folder.Path, "/another").Cache);
        Assert.Same(Good, Good.WithCache(folder.Path, "/overlay"));   // etcd itself knows better
    }

    [Fact]
    public void C30_a_clone_with_our_address_is_named()
    {
        AgentState state = new("00000000000000000000000000000001", MacAddress.NewLocal());

        Some.AssertIs(LeaseChecks.Judge(Good with { Keys = Keys(Key("10.1.15.0-24", "192.168.64.1", nodeId: "00000000000000000000000000000002")) }, Some.Node, state),
            Checks.Own, Verdict.Fail, "another node's id 00000000000000000000000000000002");

        NodeFacts blue = Some.Node with { Options = Some.Node.Options with { StateDirectory = "/var/lib/overlay-agent/blue" } };
        Assert.Contains(LeaseChecks.Judge(Good with { Keys = Keys(Key("10.1.15.0-24", "192.168.64.1", nodeId: "00000000000000000000000000000002")) }, blue, state),
            f => f.Mend?.EndsWith("systemctl stop overlay-agent@blue; rm /var/lib/overlay-agent/blue/state.json /var/lib/overlay-agent/blue/cache.json", StringComparison.Ordinal) == true);
    }

    [Fact]
    public void C25_C27_keys_in_each_others_way_and_keys_that_are_none_are_named()
    {
        EtcdFacts bad = Good with
        {
            Keys = Keys(Key("10.1.15.0-24", "192.168.64.1"), Key("10.1.15.0-25", "192.168.64.3", "02:00:00:00:00:03"), new StoreRecord("subnets/x\u202Ey", Encoding.UTF8.GetBytes("{}"), 0, 9, 9)),
        };
        Finding[] findings = [.. LeaseChecks.Judge(bad, Some.Node, null)];

        Assert.Contains(findings, f => f is { Verdict: Verdict.Warn, Subject: "10.1.15.0-25" } && f.Check == Checks.Conflicts);
        Assert.Contains(findings, f => f.Check == Checks.Conflicts && f.Subject == "subnets/x\\u202ey");
    }

    private static Finding[] Judge(Func<MemberFacts, MemberFacts> change) => [.. MemberChecks.Judge(Good with { Members = [change(Member)] })];

    private static IReadOnlyList<SurveyedKey> Keys(params StoreRecord[] records) => LeaseSurvey.Create(new StoreSnapshot(1, 10, records), Some.Node.Config);

    private static StoreRecord Key(string name, string publicIp, string mac = "02:00:00:00:00:01", string? nodeId = null)
    {
        LeaseAttributes attributes = new() { PublicIP = IPAddress.Parse(publicIp), BackendType = "vxlan", Vni = 1, VtepMac = mac, NodeId = nodeId };
        return new StoreRecord($"subnets/{name}", attributes.ToJson(), 77, name.EndsWith("25", StringComparison.Ordinal) ? 5 : 2, 5);
    }
}
