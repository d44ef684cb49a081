using System.Net;
using CsCheck;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Subnet.Tests.Support;

namespace Overlay.Subnet.Tests.Allocation;

public sealed class SubnetPoolTests
{
    private static readonly Gen<IPNetwork> AnyUsed =
        Gen.Select(Gen.UInt[IPv4.ToUInt32(IPAddress.Parse("10.0.250.0")), IPv4.ToUInt32(IPAddress.Parse("10.2.5.255"))], Gen.Int[14, 30]).Select(IPv4.Network);

    [Fact]
    public void C29_free_subnets_are_those_of_a_naive_model_each_once()
    {
        Gen.Select(Gen.Int[18, 28], AnyUsed.Array[0, 40], Gen.Int).Sample((length, used, seed) =>
        {
            NetworkConfig config = Some.Parse($$"""{"Network":"10.1.0.0/16","SubnetLen":{{length}}}""");
            var model = new HashSet<IPNetwork>();
            for (long at = IPv4.ToUInt32(config.SubnetMin); at <= IPv4.ToUInt32(config.SubnetMax); at += 1L << (32 - length))
            {
                var subnet = new IPNetwork(IPv4.FromUInt32((uint)at), length);
                if (!used.Any(other => other.Contains(subnet.BaseAddress) || subnet.Contains(other.BaseAddress)))
                    model.Add(subnet);
            }
            IPNetwork[] free = [.. new SubnetPool(config, used).Free(new Random(seed))];
            return free.Length == model.Count && model.SetEquals(free) && free.All(config.Fits);
        }, iter: 200);
    }

    [Fact]
    public void The_order_differs_from_node_to_node()
    {
        var pool = new SubnetPool(Some.Config, []);
        Assert.True(Enumerable.Range(0, 64).Select(seed => pool.Free(new Random(seed)).First()).Distinct().Count() > 32);
        Assert.Equal(255u, pool.Count);
    }

    [Fact]
    public void A_pool_of_one_subnet_works()
    {
        NetworkConfig config = Some.Parse("""{"Network":"10.1.0.0/16","SubnetMin":"10.1.7.0","SubnetMax":"10.1.7.0"}""");
        Assert.Equal("10.1.7.0/24", Assert.Single(new SubnetPool(config, []).Free(new Random(1))).ToString());
        Assert.Empty(new SubnetPool(config, [IPNetwork.Parse("10.1.7.128/25")]).Free(new Random(1)));
    }
}
