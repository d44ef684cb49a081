using System.Net;
using Microsoft.Extensions.Time.Testing;
using Overlay.Agent.Healing;
using Overlay.Agent.Startup;
using Overlay.Agent.Tests.Forwarding;

namespace Overlay.Agent.Tests.Healing;

public sealed class UnderlayReportTests
{
    private const string Down = "underlay eth0 is down";

    private static readonly IPAddress Address = IPAddress.Parse("192.0.2.1");
    private static readonly UnderlayChoice Underlay = new(new(2, "eth0", null, 1500, true, null, null, null), Address, Address, Address, "");

    private readonly FakeTimeProvider _time = new();
    private readonly LineLogger _log = new();
    private readonly UnderlayReport _report;

    public UnderlayReportTests() => _report = new UnderlayReport(_time, _log);

    [Fact]
    public void K1_a_trouble_that_lasts_is_said_once_and_so_is_its_end()
    {
        Assert.Equal(UnderlayReport.Lasting, _report.Take(Down, Underlay));
        Assert.Empty(_log.Lines);
        _time.Advance(UnderlayReport.Lasting);
        for (int i = 0; i < 3; i++) Assert.Null(_report.Take(Down, Underlay));
        Assert.StartsWith($"{Down}: peers are not reached meanwhile", Assert.Single(_log.Lines), StringComparison.Ordinal);

        _time.Advance(TimeSpan.FromSeconds(55));
        for (int i = 0; i < 3; i++) Assert.Null(_report.Take(null, Underlay));
        Assert.Equal("underlay eth0, 192.0.2.1 is in order again after 60 s", _log.Lines[^1]);
        Assert.Equal(2, _log.Lines.Count);
    }

    [Theory]
    [InlineData(0.05, 0)]   // too short to be news
    [InlineData(6, 20)]     // ten minutes of it: a pair a minute at most
    public void K1_a_link_that_flaps_does_not_fill_the_log(double seconds, int most)
    {
        for (TimeSpan passed = TimeSpan.Zero; passed < TimeSpan.FromMinutes(10); passed += TimeSpan.FromSeconds(2 * seconds))
        {
            _report.Take(Down, Underlay);
            _time.Advance(TimeSpan.FromSeconds(seconds));
            if (seconds > 5) _report.Take(Down, Underlay);
            _report.Take(null, Underlay);
            _time.Advance(TimeSpan.FromSeconds(seconds));
        }
        Assert.InRange(_log.Lines.Count, most / 2, most);
        Assert.DoesNotContain(Down, _log.Lines.Count > 0 ? _log.Lines[^1] : "", StringComparison.Ordinal);
    }
}
