namespace Overlay.Encap.Devices;

/// <summary>The one switch that ends every wait of a data plane, for good. Any thread may trigger it, any number of times.</summary>
public interface IStopSignal
{
    /// <summary>Whether <see cref="Trigger"/> has been called; true before any wait returns false because of it.</summary>
    bool IsTriggered { get; }

    /// <summary>From now on every wait of the devices that share this signal returns false at once.</summary>
    void Trigger();
}
