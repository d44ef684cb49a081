namespace Overlay.Simulation.Network;

/// <summary>Whether messages pass between an agent and etcd.</summary>
public enum LinkState
{
    Up,

    /// <summary>Everything is dropped: callers wait for their deadline.</summary>
    BlackHole,

    /// <summary>Everything is refused at once.</summary>
    Refusing,
}
