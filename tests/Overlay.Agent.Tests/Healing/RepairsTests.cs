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
    public void The_first_are_mended_at_once_and_the_later_ones_at_the_pace()
    {
        for (int i = 0; i < 100; i++) Round(() => _mended++);
        Assert.Equal(Repairs.AtOnce, _mended);
        Assert.Equal(Repairs.Pace, _repairs.NextTry);
        Assert.Contains("another program undoes each mend, the next is in 1 s", _repairs.Trouble, StringComparison.Ordinal);

        for (TimeSpan passed = TimeSpan.Zero; passed < TimeSpan.FromHours(1); passed += TimeSpan.FromMilliseconds(100))
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            Round(() => _mended++);
        }
        Assert.Equal(Repairs.AtOnce + (int)(TimeSpan.FromHours(1) / Repairs.Pace), _mended);
        // The first, then one a minute, and none is left out of the count.
        Assert.Equal(61, _log.Lines.Count);
        Assert.Equal("overlay device mended: it was broken", _log.Lines[0]);
        Assert.StartsWith("overlay device mended 129 times since this was last said: it was broken; another program undoes it", _log.Lines[1], StringComparison.Ordinal);
    }

    // As one measures it: the route is deleted twenty times, as soon as it is back and half a second has passed, or without any patience.
    [Theory]
    [InlineData(500)]
    [InlineData(50)]
    public void R15_however_often_a_thing_is_broken_each_repair_comes_within_a_second(int pauseMilliseconds)
    {
        for (int i = 0; i < 60; i++)
        {
            TimeSpan waited = TimeSpan.Zero;
            for (int before = _mended; _mended == before; waited += _repairs.NextTry ?? TimeSpan.Zero)
            {
                _time.Advance(_repairs.NextTry ?? TimeSpan.Zero);
                Round(() => _mended++);
            }
            Assert.InRange(waited, TimeSpan.Zero, TimeSpan.FromSeconds(0.9));
            _time.Advance(TimeSpan.FromMilliseconds(pauseMilliseconds));
        }
    }

    // R15: a fight that is over, or a break in the middle of one that has slowed down, costs no more than one pace.
    [Fact]
    public void R15_what_is_broken_once_more_a_pace_after_a_fight_is_mended_at_once()
    {
        for (int i = 0; i < 100; i++) Round(() => _mended++);
        _time.Advance(Repairs.Pace);

        Round(() => _mended++);

        Assert.Equal(Repairs.AtOnce + 1, _mended);
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

    // Who reads the log at night must not be left with a failure that has passed.
    [Fact]
    public void The_last_line_is_never_that_of_a_failure_that_has_passed()
    {
        for (int i = 0; i < 5; i++)
        {
            Round(() => throw new LinuxException("make it", Errno.EBUSY));
            _time.Advance(TimeSpan.FromSeconds(1));
        }
        Assert.StartsWith("overlay device cannot be mended, tried again every few seconds: it was broken; cannot make it: EBUSY", Assert.Single(_log.Lines), StringComparison.Ordinal);

        Round(() => _mended++);
        Assert.Equal("overlay device mended after all: it was broken", _log.Lines[^1]);

        // Now this way, now that: not a line each.
        for (int i = 0; i < 100; i++)
        {
            _time.Advance(TimeSpan.FromMilliseconds(100));
            Round(() => _mended++);
            Round(() => throw new LinuxException("make it", Errno.EBUSY));
        }
        Assert.Equal(2, _log.Lines.Count);
    }

    private void Round(Action mend)
    {
        _repairs.BeginRound();
        _repairs.Mend(new Flaw("thing", "it was broken", mend));
    }
}
