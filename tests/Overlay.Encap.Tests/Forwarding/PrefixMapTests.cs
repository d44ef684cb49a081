using System.Net;
using CsCheck;
using Overlay.Encap.Forwarding;
using Overlay.Testing.Packets;

namespace Overlay.Encap.Tests.Forwarding;

public sealed class PrefixMapTests
{
    // Few distinct addresses, so that prefixes nest and repeat.
    private static readonly Gen<Prefix> AnyPrefix =
        Gen.Select(Gen.UInt[0, 3], Gen.UInt[0, 7], Gen.UInt, Gen.Int[0, 32]).Select((a, b, low, length) => new Prefix(a << 30 | b << 20 | low & 0x3FF, length));

    [Fact]
    public void Finds_what_a_plain_search_for_the_longest_prefix_finds() =>
        Gen.Select(AnyPrefix.Array[0, 60], Gen.UInt.Array[20]).Sample((prefixes, strangers) =>
        {
            PrefixMap map = new(prefixes.Select((prefix, i) => (prefix, i)));
            IEnumerable<uint> probes = prefixes.SelectMany(p => new[] { p.Address, p.Last, p.Address - 1, p.Last + 1 }).Concat(strangers);
            return probes.All(address => map.Find(address) == Naive(prefixes, address));
        });

    [Fact]
    public void Stays_right_through_churn() => Gen.Select(AnyPrefix.Array[30], Gen.Int[0, 29].Array[40], Gen.UInt.Array[10]).Sample((pool, toggles, probes) =>
    {
        HashSet<int> present = [];
        foreach (int toggle in toggles)
        {
            if (!present.Add(toggle)) present.Remove(toggle);
            Prefix[] now = [.. present.Order().Select(i => pool[i])];
            PrefixMap map = new(now.Select((prefix, i) => (prefix, i)));
            if (!pool.Select(p => p.Address).Concat(probes).All(address => map.Find(address) == Naive(now, address))) return false;
        }
        return true;
    }, iter: 20);

    [Fact]
    public void Five_thousand_leases_are_each_found_and_nothing_else()
    {
        PrefixMap map = new(Enumerable.Range(0, 5000).Select(i => (new Prefix(0x0A00_0000u + (uint)i * 256, 24), i)));
        for (int i = 0; i < 5000; i++) Assert.Equal(i, map.Find(0x0A00_0000u + (uint)i * 256 + (uint)(i & 255)));
        Assert.Equal(PrefixMap.None, map.Find(0x0A00_0000u + 5000 * 256));
        Assert.Equal(PrefixMap.None, map.Find(0x09FF_FFFF));
        Assert.Equal(PrefixMap.None, map.Find(0));
    }

    [Theory]
    [InlineData(10, 24)]
    [InlineData(255, 24)]
    [InlineData(5000, 24)]
    [InlineData(5000, 26)]
    [InlineData(5000, 32)]
    [InlineData(65_000, 24)]
    public void P1_one_of_many_leases_side_by_side_is_found_in_as_few_steps_as_one_of_ten(int leases, int length)
    {
        PrefixMap map = new(Enumerable.Range(1, leases).Select(i => (new Prefix(0x0A00_0000u + ((uint)i << (32 - length)), length), i)));
        Assert.InRange(map.LongestProbe, 1, 2);
    }

    [Fact]
    public void An_empty_map_finds_nothing() => Assert.Equal(PrefixMap.None, new PrefixMap([]).Find(0));

    [Fact]
    public void The_whole_address_space_is_a_prefix_too()
    {
        PrefixMap map = new([(new Prefix(0, 0), 4), (new Prefix(0xFFFF_FFFF, 32), 5)]);
        Assert.Equal((4, 4, 5), (map.Find(0), map.Find(0xFFFF_FFFE), map.Find(0xFFFF_FFFF)));
    }

    [Theory]
    [InlineData("10.5.1.77", 24, "10.5.1.0/24", "10.5.1.255")]
    [InlineData("10.5.1.77", 32, "10.5.1.77/32", "10.5.1.77")]
    [InlineData("10.5.1.77", 0, "0.0.0.0/0", "255.255.255.255")]
    public void A_prefix_clears_its_host_bits_and_knows_its_last_address(string address, int length, string text, string last)
    {
        Prefix prefix = new(Packet.Ip(address), length);
        Assert.Equal(text, prefix.ToString());
        Assert.Equal(Packet.Ip(last), prefix.Last);
        Assert.Equal(prefix, Prefix.From(IPNetwork.Parse(text)));
        Assert.True(prefix.Contains(Packet.Ip(address)) && prefix.Contains(prefix.Last));
    }

    [Fact]
    public void What_is_not_ipv4_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Prefix(0, 33));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Prefix(0, -1));
        Assert.Throws<ArgumentException>(() => Prefix.AddressOf(IPAddress.IPv6Loopback));
    }

    private static int Naive(Prefix[] prefixes, uint address)
    {
        int best = PrefixMap.None;
        for (int i = 0; i < prefixes.Length; i++)
            if (prefixes[i].Contains(address) && (best < 0 || prefixes[i].Length > prefixes[best].Length)) best = i;
        return best;
    }
}
