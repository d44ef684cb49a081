using System.Net;
using System.Text.Json;
using Overlay.Agent.Tests.Support;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Agent.Tests.Leases;

/// <summary><c>leases</c>, <c>leases reserve</c> and <c>leases release SUBNET</c> against a real etcd.</summary>
public sealed class LeaseVerbTests(EtcdOfTests etcd) : IClassFixture<EtcdOfTests>
{
    private const string Sixteen = """{"Network":"10.1.0.0/16","Backend":{"Type":"vxlan"}}""";

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_list_shows_owners_times_reservations_and_what_is_wrong()
    {
        using EtcdNetwork network = await NetworkAsync();
        await network.LeaseAsync("10.1.5.0-24", "192.168.0.5", "0123456789abcdef");
        await network.LeaseAsync("10.1.6.0-24", "192.168.0.6", nodeId: null);
        await network.LeaseAsync("10.1.6.128-25", "192.168.0.7");
        await network.LeaseAsync("10.2.8.0-24", "192.168.0.8");
        await network.LeaseAsync("10.1.9.0-24", "192.168.0.9", "one");
        await network.LeaseAsync("10.1.10.0-24", "192.168.0.9", "two");
        await network.LeaseAsync("10.1.11.0-24", "192.168.0.11", vni: 7);
        await network.PutAsync("subnets/10.1.12.0-24", """{"PublicIP":"192.168.0.12","PublicIPv6":null}""");
        await network.PutAsync("subnets/10.1.13.0-24", "rubbish");
        await network.PutAsync("subnets/\u001b[2Jforeign", "x");

        VerbRun run = await network.RunAsync("leases");
        Assert.Equal(0, run.Code);
        string[] lines = run.Out.TrimEnd().Split('\n');
        Assert.StartsWith("SUBNET", lines[0]);
        Assert.Equal(12, lines.Length); // two problems stand on two lines
        Assert.Matches(@"^10\.1\.5\.0/24 +192\.168\.0\.5 +01234567 +vxlan +1 +02:00:00:00:00:05 +23h59m +\d+s ago$", Line("10.1.5.0/24 "));
        Assert.Matches(@"^10\.1\.6\.0/24 +192\.168\.0\.6 +- +vxlan .* ago$", Line("10.1.6.0/24 "));
        Assert.Contains("it overlaps 10.1.6.0-24 of 192.168.0.6", Line("10.1.6.128/25 "));
        Assert.Contains("it is outside of Network 10.1.0.0/16", Line("10.2.8.0/24 "));
        Assert.Contains("another node holds 10.1.10.0-24 under the same PublicIP", Line("10.1.9.0/24 "));
        Assert.Contains("its VNI is 7", Line("10.1.11.0/24 "));
        Assert.Matches(@"^10\.1\.12\.0/24 +192\.168\.0\.12 +- +- +- +- +reserved +-$", Line("10.1.12.0/24 "));
        Assert.Contains("unusable value", Line("10.1.13.0-24 "));
        Assert.Contains("foreign key", Line(@"\u001b[2Jforeign "));
        Assert.DoesNotContain('\u001b', run.Out);
        Assert.Contains("7 of 10 keys have a problem", run.Error);

        string Line(string start) => Assert.Single(lines, l => l.StartsWith(start, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Json_has_every_key_with_its_revisions()
    {
        using EtcdNetwork network = await NetworkAsync();
        await network.LeaseAsync("10.1.5.0-24", "192.168.0.5", "n5");
        VerbRun run = await network.RunAsync("leases", "list", "--json");
        using JsonDocument document = JsonDocument.Parse(run.Out);
        JsonElement lease = Assert.Single(document.RootElement.GetProperty("leases").EnumerateArray());
        Assert.Equal("n5", lease.GetProperty("nodeId").GetString());
        Assert.InRange(lease.GetProperty("ttlSeconds").GetInt32(), 86000, 86400);
        Assert.Equal((await network.GetAsync("subnets/10.1.5.0-24"))!.ModRevision, lease.GetProperty("modRevision").GetInt64());
        Assert.Empty(lease.GetProperty("problems").EnumerateArray());
    }

    [Fact]
    public async Task P4_five_thousand_leases_are_listed_with_their_times()
    {
        using EtcdNetwork network = etcd.NewNetwork();
        await network.PutAsync(StorePaths.Config, """{"Network":"10.0.0.0/8"}""");
        await Parallel.ForAsync(0, 5000, new ParallelOptions { MaxDegreeOfParallelism = 64, CancellationToken = Cancel }, async (i, cancel) =>
        {
            (long id, _) = await network.Store.GrantAsync(TimeSpan.FromHours(24), cancel);
            LeaseAttributes node = new()
            {
                PublicIP = new IPAddress([192, 168, (byte)(i >> 8), (byte)i]),
                BackendType = "vxlan",
                Vni = 1,
                VtepMac = $"02:00:00:00:{i >> 8:x2}:{i & 255:x2}",
                NodeId = $"n{i}",
            };
            SubnetKey key = SubnetKey.For(new IPNetwork(new IPAddress([10, (byte)(1 + (i >> 8)), (byte)i, 0]), 24));
            Assert.True((await network.Store.PutAsync(StorePaths.Subnet(key), node.ToJson(), id, null, cancel)).Succeeded);
        });
        VerbRun run = await network.RunAsync("leases", "--json");
        Assert.Equal((0, ""), (run.Code, run.Error));
        using JsonDocument document = JsonDocument.Parse(run.Out);
        Assert.Equal(5000, document.RootElement.GetProperty("leases").EnumerateArray().Count(l => l.GetProperty("ttlSeconds").GetInt32() > 80000));
    }

    [Fact]
    public async Task A_reservation_is_flannels_form_and_never_expires()
    {
        using EtcdNetwork network = await NetworkAsync();
        Assert.Equal(0, (await network.RunAsync("leases", "reserve", "10.1.5.0/24", "--public-ip=192.168.0.5", "--dry-run")).Code);
        Assert.Null(await network.GetAsync("subnets/10.1.5.0-24"));

        foreach (string said in new[] { "reserved 10.1.5.0/24 for 192.168.0.5", "is reserved for 192.168.0.5 already" })
            Assert.Contains(said, (await network.RunAsync("leases", "reserve", "10.1.5.0/24", "--public-ip=192.168.0.5")).Out);
        StoreRecord record = (await network.GetAsync("subnets/10.1.5.0-24"))!;
        Assert.Equal("""{"PublicIP":"192.168.0.5","PublicIPv6":null}""", await network.TextAsync("subnets/10.1.5.0-24"));
        Assert.Equal(0, record.EtcdLeaseId);
        Assert.Equal(record.CreateRevision, record.ModRevision);
    }

    [Fact]
    public async Task A_nodes_own_live_lease_becomes_a_reservation_with_its_value_untouched()
    {
        using EtcdNetwork network = await NetworkAsync();
        await network.LeaseAsync("10.1.5.0-24", "192.168.0.5");
        string? value = await network.TextAsync("subnets/10.1.5.0-24");
        Assert.Equal(0, (await network.RunAsync("leases", "reserve", "10.1.5.0/24", "--public-ip=192.168.0.5")).Code);
        Assert.Equal((0, value), ((await network.GetAsync("subnets/10.1.5.0-24"))!.EtcdLeaseId, await network.TextAsync("subnets/10.1.5.0-24")));
    }

    [Theory]
    [InlineData("10.2.5.0/24", "it is outside of Network 10.1.0.0/16")]
    [InlineData("10.1.5.0/25", "its length is not SubnetLen 24")]
    [InlineData("10.1.0.0/24", "it is outside of SubnetMin 10.1.1.0 to SubnetMax 10.1.255.0")]
    [InlineData("10.1.6.0/24", "10.1.6.0/24 is held by 192.168.0.6")]
    [InlineData("10.1.7.0/24", "10.1.7.0/24 is reserved for 192.168.0.7")]
    [InlineData("10.1.8.0/24", "10.1.8.128/25 is held by 192.168.0.8")]
    [InlineData("10.1.9.0/24", "its key 10.1.9.0-24 holds what no agent can read")]
    public async Task C22_what_cannot_be_the_nodes_is_not_reserved(string subnet, string reason)
    {
        using EtcdNetwork network = await NetworkAsync();
        await network.LeaseAsync("10.1.6.0-24", "192.168.0.6");
        await network.PutAsync("subnets/10.1.7.0-24", """{"PublicIP":"192.168.0.7","PublicIPv6":null}""");
        await network.LeaseAsync("10.1.8.128-25", "192.168.0.8");
        await network.PutAsync("subnets/10.1.9.0-24", "rubbish");
        long revision = (await network.Store.ReadAsync(StorePaths.Subnets, Cancel)).Revision;
        VerbRun run = await network.RunAsync("leases", "reserve", subnet, "--public-ip=192.168.0.5");
        Assert.Equal(1, run.Code);
        Assert.Contains(reason, run.Error);
        Assert.Equal(revision, (await network.Store.ReadAsync(StorePaths.Subnets, Cancel)).Revision);
    }

    [Fact]
    public async Task A_dead_nodes_lease_is_shown_and_freed_only_with_leave()
    {
        using EtcdNetwork network = await NetworkAsync();
        long id = await network.LeaseAsync("10.1.6.0-24", "192.168.0.6", "0123456789");
        VerbRun without = await network.RunAsync("leases", "release", "10.1.6.0/24");
        Assert.Equal(1, without.Code);
        Assert.Contains("10.1.6.0-24 belongs to 192.168.0.6 (node 01234567): a lease that was renewed", without.Error);
        Assert.NotNull(await network.GetAsync("subnets/10.1.6.0-24"));

        Assert.Equal(0, (await network.RunAsync("leases", "release", "10.1.6.0-24", "--yes")).Code);
        Assert.Null(await network.GetAsync("subnets/10.1.6.0-24"));
        Assert.Equal(0, (await network.Store.LifeAsync(id, Cancel))!.Keys);
        Assert.Equal(1, (await network.RunAsync("leases", "release", "10.1.6.0/24", "--yes")).Code);
    }

    [Fact]
    public async Task A_key_that_its_node_writes_meanwhile_is_not_deleted()
    {
        using EtcdNetwork network = await NetworkAsync();
        long id = await network.LeaseAsync("10.1.6.0-24", "192.168.0.6");
        VerbRun run = await network.RunAsync(WriteAgain, "leases", "release", "10.1.6.0/24");
        Assert.Equal(1, run.Code);
        Assert.Contains("was left alone", run.Error);
        Assert.NotNull(await network.GetAsync("subnets/10.1.6.0-24"));

        string WriteAgain()
        {
            network.PutAsync("subnets/10.1.6.0-24", """{"PublicIP":"192.168.0.6","PublicIPv6":null}""", id).GetAwaiter().GetResult();
            return "yes";
        }
    }

    private async Task<EtcdNetwork> NetworkAsync()
    {
        EtcdNetwork network = etcd.NewNetwork();
        await network.PutAsync(StorePaths.Config, Sixteen);
        return network;
    }
}
