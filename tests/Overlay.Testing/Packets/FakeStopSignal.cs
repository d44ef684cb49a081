using Overlay.Encap.Devices;

namespace Overlay.Testing.Packets;

/// <summary>The stop switch of the fakes that share it; they wait on it, so that a trigger wakes them all.</summary>
public sealed class FakeStopSignal : IStopSignal
{
    /// <inheritdoc/>
    public bool IsTriggered { get; private set; }

    /// <summary>What every fake with this signal locks and waits on.</summary>
    internal object Gate { get; } = new();

    /// <inheritdoc/>
    public void Trigger()
    {
        lock (Gate)
        {
            IsTriggered = true;
            Monitor.PulseAll(Gate);
        }
    }
}
