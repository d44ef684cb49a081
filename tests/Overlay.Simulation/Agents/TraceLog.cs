using Microsoft.Extensions.Logging;

namespace Overlay.Simulation.Agents;

/// <summary>Brings the agent's own log lines into the trace.</summary>
public sealed class TraceLog<T>(SimAgent agent) : ILogger<T>
{
    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => agent.Trace.IsOn;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        if (agent.Trace.IsOn)
            agent.Trace.Line(agent.Name, $"log: {formatter(state, exception)}");
    }
}
