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
    private readonly List<LeaseConflict> _refused = [];

    public IReadOnlyCollection<Lease> Granted => _granted.Values;

    public IReadOnlyList<LeaseConflict> Refused => _refused;

    public void Add(Lease lease)
    {
        if (FindOverlap(lease.Subnet) is Lease holder)
        {
            Refuse(lease, $"it overlaps {holder.Key} of {holder.Attributes.PublicIP}, which was there first");
            return;
        }
        if (lease.Attributes.VtepMac is string mac && !_byMac.TryAdd(mac, lease) && !IsSameNode(lease, _byMac[mac]))
        {
            Refuse(lease, $"its VtepMAC {mac} is that of {_byMac[mac].Key} of {_byMac[mac].Attributes.PublicIP}, which was there first");
            return;
        }
        uint address = IPv4.First(lease.Subnet);
        _granted.Add((address, lease.Subnet.PrefixLength), lease);
        for (int length = lease.Subnet.PrefixLength - 1; length > 0; length--)
        {
            if (!_holdsGranted.TryAdd((address & IPv4.Mask(length), length), lease))
                break; // all shorter ones are there already
        }
    }

    public void Refuse(Lease lease, string reason) => _refused.Add(new LeaseConflict(lease, reason));

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
