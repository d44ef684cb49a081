using System.Globalization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Logging.Console;
using Overlay.Agent.Text;

namespace Overlay.Agent.Telemetry;

/// <summary>
/// One line for each message: <c>2026-11-23T16:55:28.123Z INFO  lease held ...</c>, or <c>&lt;6&gt;lease held ...</c> for the journal. An
/// exception follows on the same line. What came from outside cannot break out of the line.
/// </summary>
internal sealed class LineConsoleFormatter : ConsoleFormatter
{
    /// <summary>The name that selects this formatter.</summary>
    public const string FormatterName = "overlay-line";

    private readonly TimeProvider _time;
    private readonly bool _isJournal;

    public LineConsoleFormatter(TimeProvider time, bool isJournal)
        : base(FormatterName)
    {
        _time = time;
        _isJournal = isJournal;
    }

    /// <inheritdoc/>
    public override void Write<TState>(in LogEntry<TState> logEntry, IExternalScopeProvider? scopeProvider, TextWriter textWriter)
    {
        string message = logEntry.Formatter(logEntry.State, logEntry.Exception);
        if (_isJournal) textWriter.Write(Priority(logEntry.LogLevel));
        else textWriter.Write(string.Create(CultureInfo.InvariantCulture, $"{_time.GetUtcNow():yyyy-MM-dd'T'HH:mm:ss.fff'Z'} {Word(logEntry.LogLevel)} "));
        textWriter.Write(Printable.Line(message));
        if (logEntry.Exception is not null)
        {
            textWriter.Write(": ");
            textWriter.Write(Printable.Line(logEntry.Exception.ToString()));
        }
        textWriter.Write('\n');
    }

    // syslog(3) levels, as sd-daemon(3) reads them.
    private static string Priority(LogLevel level) => level switch
    {
        LogLevel.Critical => "<2>",
        LogLevel.Error => "<3>",
        LogLevel.Warning => "<4>",
        LogLevel.Information => "<6>",
        _ => "<7>",
    };

    private static string Word(LogLevel level) => level switch
    {
        LogLevel.Critical => "FATAL",
        LogLevel.Error => "ERROR",
        LogLevel.Warning => "WARN ",
        LogLevel.Information => "INFO ",
        LogLevel.Debug => "DEBUG",
        _ => "TRACE",
    };
}
