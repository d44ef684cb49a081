using System.Net;
using Overlay.Subnet.Model;

namespace Overlay.Subnet.Allocation;

/// <summary>
/// The subnets a config leases, less those that overlap one in use, whatever the length of its prefix. Pure and immutable.
/// </summary>
public sealed class SubnetPool
{
    private readonly int _subnetLength;
    private readonly uint _first;
    private readonly uint[] _usedFirst; // the used ranges, ascending and apart
    private readonly uint[] _usedLast;

    /// <summary>Creates the pool.</summary>
    /// <param name="config">The network and its limits.</param>
    /// <param name="used">Every subnet in use, in any order; others than IPv4 are not looked at.</param>
    public SubnetPool(NetworkConfig config, IEnumerable<IPNetwork> used)
    {
        _subnetLength = config.SubnetLength;
        _first = IPv4.ToUInt32(config.SubnetMin);
        Count = ((IPv4.ToUInt32(config.SubnetMax) - _first) >> (32 - _subnetLength)) + 1;

        var ranges = new List<(uint First, uint Last)>();
        foreach (IPNetwork subnet in used.Where(IPv4.IsIPv4).OrderBy(IPv4.First))
        {
            uint first = IPv4.First(subnet), last = IPv4.Last(subnet);
            if (ranges.Count > 0 && first <= ranges[^1].Last)
                ranges[^1] = (ranges[^1].First, Math.Max(last, ranges[^1].Last));
            else
                ranges.Add((first, last));
        }
        _usedFirst = [.. ranges.Select(range => range.First)];
        _usedLast = [.. ranges.Select(range => range.Last)];
    }

    /// <summary>How many subnets the config has.</summary>
    public uint Count { get; }

    /// <summary>
    /// Every free subnet once, in an order drawn by <paramref name="random"/>: a random start and a random stride that has no factor in common
    /// with the count, so that nodes that come at the same moment seldom try the same ones.
    /// </summary>
    public IEnumerable<IPNetwork> Free(Random random)
    {
        uint index = (uint)random.NextInt64(Count);
        uint stride = Stride(random);
        for (uint i = 0; i < Count; i++)
        {
            var subnet = new IPNetwork(IPv4.FromUInt32(_first + (index << (32 - _subnetLength))), _subnetLength);
            if (IsFree(subnet))
                yield return subnet;
            index = (uint)(((ulong)index + stride) % Count);
        }
    }

    /// <summary>Tells whether nothing in use overlaps <paramref name="subnet"/>.</summary>
    public bool IsFree(IPNetwork subnet)
    {
        int next = Array.BinarySearch(_usedFirst, IPv4.Last(subnet));
        int candidate = next >= 0 ? next : ~next - 1; // the last range that starts at or before our end
        return candidate < 0 || _usedLast[candidate] < IPv4.First(subnet);
    }

    private uint Stride(Random random)
    {
        while (true)
        {
            uint stride = (uint)random.NextInt64(1, Math.Max(2, (long)Count));
            if (GreatestCommonDivisor(stride, Count) == 1)
                return stride;
        }
    }

    private static uint GreatestCommonDivisor(uint a, uint b)
    {
        while (b != 0)
            (a, b) = (b, a % b);
        return a;
    }
}
