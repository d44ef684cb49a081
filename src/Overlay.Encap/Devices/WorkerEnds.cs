namespace Overlay.Encap.Devices;

/// <summary>What one worker moves packets between: a queue of the TUN device and sockets of its own.</summary>
/// <param name="Tun">The queue.</param>
/// <param name="Receiver">The receiving socket.</param>
/// <param name="Sender">The sending sockets.</param>
/// <param name="TunnelPort">Where super-packets leave whole, which workers share; null for nowhere.</param>
public sealed record WorkerEnds(ITunQueue Tun, IUnderlayReceiver Receiver, IUnderlaySender Sender, ITunnelPort? TunnelPort = null);
