using System.Net;

namespace Overlay.Agent.Files;

/// <summary>What a subnet.env of an earlier run says. A hint only: whoever asks for the subnet checks it against the network config.</summary>
/// <param name="Network">FLANNEL_NETWORK, or null.</param>
/// <param name="Subnet">FLANNEL_SUBNET masked to its network, or null where there is none to be had.</param>
/// <param name="Problem">Why there is none, in words for one log line; null when there is one, or no file at all.</param>
public sealed record PreviousSubnet(IPNetwork? Network, IPNetwork? Subnet, string? Problem);
