using Overlay.Subnet.Model;

namespace Overlay.Subnet.Allocation;

/// <summary>
/// Another agent holds a lease under our PublicIP (a cloned machine, a wrong <c>--public-ip</c>). Not retried: two nodes behind one address can
/// not both be reached. The message names both and says what to do.
/// </summary>
public sealed class DuplicatePublicIpException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="ours">What we would write.</param>
    /// <param name="theirs">The lease found under our address.</param>
    public DuplicatePublicIpException(LeaseAttributes ours, Lease theirs)
        : base($"PublicIP {ours.PublicIP} is in use by another node: lease {theirs.Key} belongs to node id \"{theirs.Attributes.NodeId}\", this node is "
            + $"\"{ours.NodeId}\". Give this node an address of its own (--public-ip, --iface); if the other node is gone for good or was reinstalled, "
            + $"delete its key {theirs.Key} with etcdctl")
    {
    }
}
