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
            + $"\"{ours.NodeId}\". Give this node an address of its own (--public-ip, --iface). If the other node is gone for good, or if it was this very "
            + "machine before it was reinstalled or lost its state, its key expires by itself within the lease time, and may be deleted at once")
    {
        Theirs = theirs;
    }

    /// <summary>The lease found under our address.</summary>
    public Lease Theirs { get; }
}
