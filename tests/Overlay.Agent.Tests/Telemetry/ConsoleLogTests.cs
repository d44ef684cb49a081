using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using Overlay.Agent.Telemetry;
using Overlay.Agent.Text;

namespace Overlay.Agent.Tests.Telemetry;

public sealed class ConsoleLogTests
{
    private static readonly FakeTimeProvider Clock = new(new DateTimeOffset(2026, 11, 23, 16, 55, 28, 123, TimeSpan.Zero));

    [Theory]
    [InlineData(LogLevel.Critical, "FATAL", 2)]
    [InlineData(LogLevel.Error, "ERROR", 3)]
    [InlineData(LogLevel.Warning, "WARN ", 4)]
    [InlineData(LogLevel.Information, "INFO ", 6)]
    [InlineData(LogLevel.Debug, "DEBUG", 7)]
    [InlineData(LogLevel.Trace, "TRACE", 7)]
    public void Both_shapes_are_one_line_with_the_level(LogLevel level, string word, int priority)
    {
        Assert.Equal($"2026-11-23T16:55:28.123Z {word} lease held\n", Write(level, "lease held", isJournal: false));
        Assert.Equal($"<{priority}>lease held\n", Write(level, "lease held", isJournal: true));
    }

    [Fact]
    public void C25_what_came_from_outside_cannot_forge_a_line() => Assert.Equal(
        "<4>key \\n<2>forged\\u001B[31m\\u202Ecod\\u0000\n", Write(LogLevel.Warning, "key \n<2>forged\u001b[31m\u202Ecod\0", isJournal: true));

    [Fact]
    public void An_exception_stays_on_the_line()
    {
        string line = Write(LogLevel.Error, "etcd is away", isJournal: true, new InvalidOperationException("a\nb"));
        Assert.StartsWith("<3>etcd is away: System.InvalidOperationException: a\\nb", line);
        Assert.Equal(line.Length - 1, line.IndexOf('\n'));
    }

    [Fact]
    public void Ordinary_text_is_left_alone() => Assert.Same("lease: ü é 漢", Printable.Line("lease: ü é 漢"));

    private static string Write(LogLevel level, string message, bool isJournal, Exception? exception = null)
    {
        using var writer = new StringWriter();
        var entry = new LogEntry<string>(level, "category", 1, message, exception, (text, _) => text);
        new LineConsoleFormatter(Clock, isJournal).Write(entry, null, writer);
        return writer.ToString();
    }
}
