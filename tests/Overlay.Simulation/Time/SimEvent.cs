namespace Overlay.Simulation.Time;

/// <summary>Something that is to happen.</summary>
/// <param name="process">Whose code it runs; null for the world's.</param>
/// <param name="run">What happens.</param>
public sealed class SimEvent(SimProcess? process, Action run)
{
    public SimProcess? Process { get; } = process;

    public bool IsCancelled { get; private set; }

    public void Run() => run();

    public void Cancel() => IsCancelled = true;
}
