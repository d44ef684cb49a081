using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Overlay.Agent.State;
using Overlay.Agent.Tests.Support;
using Overlay.Encap.Wire;
using Overlay.Subnet.Model;
using Overlay.Subnet.Watching;

namespace Overlay.Agent.Tests.State;

public sealed class CacheFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string CachePath => _folder.File("lib/cache.json");

    private CacheFile NewFile() => new(_folder.File("lib"));

    [Theory]
    [InlineData("""{"Network":"10.1.0.0/16"}""")]
    [InlineData("""{"Network":"10.0.0.0/8","SubnetLen":20,"SubnetMin":"10.10.0.0","SubnetMax":"10.99.0.0","Backend":{"Type":"vxlan","VNI":7,"Port":4789,"MTU":1400,"DirectRouting":true}}""")]
    public void What_is_saved_is_loaded_again(string config)
    {
        Assert.Null(NewFile().Load(out string? problem));
        Assert.Null(problem);
        EtcdCache saved = Cache(3, config);
        Assert.True(NewFile().TrySave(saved, out problem), problem);

        EtcdCache loaded = NewFile().Load(out problem)!;

        Assert.Null(problem);
        Assert.Equal(saved with { Leases = loaded.Leases }, loaded);
        Assert.Equal(saved.Leases.Revision, loaded.Leases.Revision);
        Assert.Equal(saved.Leases.Leases.OrderBy(entry => entry.Value.Key.Name), loaded.Leases.Leases.OrderBy(entry => entry.Value.Key.Name));
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(CachePath));
    }

    [Fact]
    public void J4_every_flipped_byte_and_every_truncation_is_noticed()
    {
        EtcdCache saved = Cache(2);
        Assert.True(NewFile().TrySave(saved, out _));
        byte[] good = File.ReadAllBytes(CachePath);
        for (int i = 0; i < good.Length - 2; i++)
        {
            File.WriteAllBytes(CachePath, good[..i]);
            Assert.Null(NewFile().Load(out _));
            byte[] flipped = [.. good];
            flipped[i] ^= 1;
            File.WriteAllBytes(CachePath, flipped);
            EtcdCache? loaded = NewFile().Load(out string? problem);
            Assert.True(loaded is null ? problem is not null : loaded.Leases.Leases.SequenceEqual(saved.Leases.Leases), $"byte {i} changed what was loaded");
        }
    }

    // A right checksum is no promise: an operator may have edited the file, or another program written it.
    [Theory]
    [InlineData("nodeId", "\"short\"")]
    [InlineData("vtepMac", "\"ff:ff:ff:ff:ff:ff\"")]
    [InlineData("publicIp", "\"fe80::1\"")]
    [InlineData("publicIp", "17")]
    [InlineData("config", "{}")]
    [InlineData("config", "null")]
    [InlineData("leases", "null")]
    [InlineData("leases", "[null]")]
    [InlineData("leases", "[{\"key\":\"10.1.5.0-24\"}]")]
    [InlineData("leases", "[{\"key\":\"../../etc/passwd\",\"value\":{}}]")]
    [InlineData("leases", "[{\"key\":\"10.1.5.0-24\",\"value\":{\"PublicIP\":\"224.0.0.1\"}}]")]
    public void J4_values_that_etcd_could_not_have_given_are_ignored(string name, string value)
    {
        Assert.True(NewFile().TrySave(Cache(1), out _));
        JsonNode body = JsonNode.Parse(File.ReadAllText(CachePath))!["state"]!;
        body[name] = JsonNode.Parse(value);
        Assert.True(new SealedFile(CachePath, 1, 1 << 20).TryWrite(Encoding.UTF8.GetBytes(body.ToJsonString()), out _));

        Assert.Null(NewFile().Load(out string? problem));
        Assert.NotNull(problem);
    }

    [Fact]
    public void J4_a_newer_file_is_neither_used_nor_overwritten()
    {
        Assert.True(NewFile().TrySave(Cache(1), out _));
        string newer = File.ReadAllText(CachePath).Replace("\"version\":1", "\"version\":2", StringComparison.Ordinal);
        File.WriteAllText(CachePath, newer);
        Assert.Null(NewFile().Load(out string? problem));
        Assert.Contains("version 2", problem);
        Assert.False(NewFile().TrySave(Cache(1), out problem));
        Assert.Contains("newer", problem);
        Assert.Equal(newer, File.ReadAllText(CachePath));
    }

    [Fact]
    public void P1_5000_peers_are_saved_and_loaded()
    {
        EtcdCache saved = Cache(5000);
        long start = TimeProvider.System.GetTimestamp();
        Assert.True(NewFile().TrySave(saved, out _));
        long written = TimeProvider.System.GetTimestamp();
        EtcdCache loaded = NewFile().Load(out _)!;
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"5000 peers: {new FileInfo(CachePath).Length} bytes, saved in {TimeProvider.System.GetElapsedTime(start, written).TotalMilliseconds:0} ms, "
            + $"loaded in {TimeProvider.System.GetElapsedTime(written).TotalMilliseconds:0} ms");
        Assert.Equal(5000, loaded.Leases.Leases.Count);
    }

    internal static EtcdCache Cache(int peers, string config = """{"Network":"10.0.0.0/8","SubnetLen":24}""") => new(
        new string('a', 32), new MacAddress(0x020000000001), "/coreos.com/network", IPAddress.Parse("192.168.0.1"),
        new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero), NetworkConfig.Parse(Encoding.UTF8.GetBytes(config)),
        LeaseTable.Build(77, Enumerable.Range(1, peers).Select(Peer), IPAddress.Parse("192.168.0.1")));

    private static Lease Peer(int number)
    {
        Assert.True(SubnetKey.TryParse($"10.{number / 256 + 1}.{number % 256}.0-24", out SubnetKey key, out _));
        LeaseAttributes attributes = new()
        {
            PublicIP = IPAddress.Parse($"192.168.{number / 256}.{number % 256}"),
            BackendType = "vxlan",
            Vni = 1,
            VtepMac = new MacAddress(0x0200_0000_0000UL + (uint)number).ToString(),
            NodeId = number % 2 == 0 ? new string('b', 32) : null,
        };
        return new Lease(key, attributes, EtcdLeaseId: number, CreateRevision: number, ModRevision: number + 1) { IsRetained = number % 3 == 0 };
    }
}
