using Microsoft.Extensions.Logging;

namespace Overlay.Agent.Tests.Forwarding;

/// <summary>Keeps the text of every line logged.</summary>
internal sealed class LineLogger : ILogger
{
    /// <summary>The lines so far.</summary>
    public List<string> Lines { get; } = [];

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
        Lines.Add(formatter(state, exception));
}
