using Microsoft.Extensions.Time.Testing;
using Overlay.Agent.Healing;
using Overlay.Agent.Tests.Forwarding;
using Overlay.Agent.Tunnel;
using Overlay.Encap.Linux.Gate;

namespace Overlay.Agent.Tests.Healing;

public sealed class RepairsTests
{
    private readonly FakeTimeProvider _time = new();
    private readonly LineLogger _log = new();
    private readonly Repairs _repairs;
    private int _mended;

    public RepairsTests() => _repairs = new Repairs(_time, _log);

    [Fact]
    public void The_first_are_mended_at_once_and_the_later_ones_ever_less_often()
    {
        for (int i = 0; i < 100; i++) Round(() => _mended++);
        Assert.Equal(Repairs.Free, _mended);
        Assert.True(_repairs.NextTry > TimeSpan.Zero);

        for (TimeSpan passed = TimeSpan.Zero; passed < TimeSpan.FromHours(1); passed += TimeSpan.FromMilliseconds(100))
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            Round(() => _mended++);
        }
        // Every half minute in the end.
        Assert.InRange(_mended, 110, 140);
        // A line a minute at most.
        Assert.InRange(_log.Lines.Count, 2, 62);
    }

    [Fact]
    public void After_a_minute_of_calm_it_is_mended_at_once_again()
    {
        for (int i = 0; i < 100; i++) Round(() => _mended++);
        _time.Advance(TimeSpan.FromSeconds(61));

        Round(() => _mended++);

        Assert.Equal(Repairs.Free + 1, _mended);
        Assert.Null(_repairs.Trouble);
    }

    [Fact]
    public void What_cannot_be_mended_is_trouble_and_is_tried_again()
    {
        Round(() => throw new LinuxException("make it", Errno.EBUSY));
        Assert.Contains("cannot make it: EBUSY", _repairs.Trouble, StringComparison.Ordinal);
        Assert.NotNull(_repairs.NextTry);

        _time.Advance(_repairs.NextTry.Value);
        Round(() => _mended++);

        Assert.Equal(1, _mended);
        Assert.Null(_repairs.Trouble);
    }

    private void Round(Action mend)
    {
        _repairs.BeginRound();
        _repairs.Mend(new Flaw("thing", "it was broken", mend));
    }
}
