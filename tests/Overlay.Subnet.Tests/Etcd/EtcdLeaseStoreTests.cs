using System.Net;
using Overlay.Subnet.Etcd;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Tests.Etcd;

/// <summary>The contract of the store, on a healthy etcd.</summary>
public sealed class EtcdLeaseStoreTests(EtcdFixture etcd)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private EtcdOptions NewOptions()
    {
        Assert.SkipUnless(Overlay.Testing.Etcd.EtcdServer.Missing is null, Overlay.Testing.Etcd.EtcdServer.Missing ?? "");
        return etcd.NewOptions();
    }

    [Fact]
    public async Task C33_a_long_list_is_read_in_pages_at_one_revision()
    {
        EtcdOptions options = NewOptions();
        using EtcdLeaseStore store = EtcdFixture.Open(options);
        for (int i = 0; i < 450; i++)
            await store.PutAsync($"subnets/10.{i / 250}.{i % 250}.0-24", "x"u8.ToArray(), 0, null, Cancel);
        StoreSnapshot snapshot = await store.ReadAsync(StorePaths.Subnets, Cancel);
        Assert.Equal(450, snapshot.Records.Select(record => record.Path).Distinct().Count());
        Assert.All(snapshot.Records, record => Assert.True(record.ModRevision <= snapshot.Revision));
    }

    [Fact]
    public async Task C33_pages_shrink_when_huge_values_do_not_fit_into_one_answer()
    {
        using EtcdLeaseStore store = EtcdFixture.Open(NewOptions());
        byte[] huge = new byte[1024 * 1024];
        for (int i = 0; i < 70; i++)
            await store.PutAsync($"subnets/junk{i:00}", huge, 0, null, Cancel);
        StoreSnapshot snapshot = await store.ReadAsync(StorePaths.Subnets, Cancel);
        Assert.Equal(70, snapshot.Records.Count);
        Assert.All(snapshot.Records, record => Assert.Equal(StoreRecord.MaxValueLength + 1, record.Value.Length));
        foreach (StoreRecord record in snapshot.Records)
            await store.DeleteAsync(record.Path, record, Cancel);
    }

    [Fact]
    public async Task C25_a_sibling_prefix_is_not_ours_and_odd_names_arrive_whole()
    {
        EtcdOptions options = NewOptions();
        using EtcdLeaseStore store = EtcdFixture.Open(options);
        foreach (string name in new[] { "subnets-old/10.1.2.0-24", "subnets", "subnets/", "subnets/%s\n\0\u202e", "subnets/" + new string('x', 65536), "subnets/10.1.2.0-24" })
            await store.PutAsync(name, "x"u8.ToArray(), 0, null, Cancel);
        StoreSnapshot snapshot = await store.ReadAsync(StorePaths.Subnets, Cancel);
        Assert.Equal(
            ["subnets/", "subnets/%s\n\0\u202e", "subnets/10.1.2.0-24", "subnets/" + new string('x', StoreRecord.MaxPathLength - 8)],
            snapshot.Records.Select(record => record.Path));
    }

    [Fact]
    public async Task What_stands_in_etcd_is_byte_for_byte_what_flannel_writes()
    {
        EtcdOptions options = NewOptions();
        using EtcdLeaseStore store = EtcdFixture.Open(options);
        var attributes = new LeaseAttributes
        {
            PublicIP = IPAddress.Parse("192.168.100.1"),
            BackendType = "vxlan",
            Vni = 1,
            VtepMac = "fe:0c:99:5a:37:ec",
        };
        SubnetKey key = SubnetKey.For(IPNetwork.Parse("10.1.26.0/24"));
        await store.PutAsync(StorePaths.Subnet(key), attributes.ToJson(), 0, null, Cancel);
        string shown = await etcd.Server.CtlAsync(Cancel, "get", "--prefix", options.Prefix);
        Assert.Equal(
            $$$"""
            {{{options.Prefix}}}/subnets/10.1.26.0-24
            {"PublicIP":"192.168.100.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"fe:0c:99:5a:37:ec"}}

            """,
            shown);
    }
}
