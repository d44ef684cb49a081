using System.Net;
using Overlay.Subnet.Model;

namespace Overlay.Subnet.Watching;

/// <summary>
/// Grants subnets to leases in the order they are added. Networks of a prefix tree either nest or are apart, so an overlap is a look-up of each
/// shorter prefix among the granted ones, and of the subnet itself among the prefixes that hold a granted one.
/// </summary>
internal sealed class LeaseClaims
{
    private readonly Dictionary<(uint Address, int Length), Lease> _granted = [];
    private readonly Dictionary<(uint Address, int Length), Lease> _holdsGranted = [];
    private readonly Dictionary<string, Lease> _byMac = [];

    public IReadOnlyCollection<Lease> Granted => _granted.Values;

    /// <summary>Grants <paramref name="lease"/> its subnet.</summary>
    /// <returns>Null, or why it clashes with one granted before.</returns>
    public string? Add(Lease lease)
    {
        if (FindOverlap(lease.Subnet) is Lease holder)
            return $"it overlaps {holder.Key} of {holder.Attributes.PublicIP}, which was there first";
        if (lease.Attributes.VtepMac is string mac && !_byMac.TryAdd(mac, lease) && !IsSameNode(lease, _byMac[mac]))
            return $"its VtepMAC {mac} is that of {_byMac[mac].Key} of {_byMac[mac].Attributes.PublicIP}, which was there first";

        uint address = IPv4.First(lease.Subnet);
        _granted.Add((address, lease.Subnet.PrefixLength), lease);
        for (int length = lease.Subnet.PrefixLength - 1; length > 0; length--)
        {
            if (!_holdsGranted.TryAdd((address & IPv4.Mask(length), length), lease))
                break; // all shorter ones are there already
        }
        return null;
    }

    // A node whose address changed keeps its MAC and leaves its old key behind for a day: that must not shut out the new one.
    private static bool IsSameNode(Lease a, Lease b) =>
        a.Attributes.PublicIP.Equals(b.Attributes.PublicIP) || (a.Attributes.NodeId is string id && id == b.Attributes.NodeId);

    private Lease? FindOverlap(IPNetwork subnet)
    {
        uint address = IPv4.First(subnet);
        for (int length = subnet.PrefixLength; length > 0; length--)
        {
            if (_granted.TryGetValue((address & IPv4.Mask(length), length), out Lease? holder))
                return holder;
        }
        return _holdsGranted.GetValueOrDefault((address, subnet.PrefixLength));
    }
}
