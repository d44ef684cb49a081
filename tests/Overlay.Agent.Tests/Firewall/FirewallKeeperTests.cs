using Microsoft.Extensions.Time.Testing;
using Overlay.Agent.Configuration;
using Overlay.Agent.Firewall;
using Overlay.Agent.Firewall.Rules;
using Overlay.Agent.Tests.Forwarding;

namespace Overlay.Agent.Tests.Firewall;

/// <summary>How the rules are kept against others, and what is said of it (FAULTS K5). Each turn of the keeper is 5 s.</summary>
public sealed class FirewallKeeperTests : IAsyncDisposable
{
    private readonly TurningTime _time = new();
    private readonly LineLogger _log = new();
    private readonly FakeFirewall _firewall = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly FirewallKeeper _keeper;
    private Task? _running;

    public FirewallKeeperTests() => _keeper = new FirewallKeeper(
        new FirewallTools(_firewall, null), new FirewallSettings { Masquerade = true, Resync = TurningTime.Turn }, Some.Rules, _time, _log);

    [Fact]
    public async Task K5_what_is_flushed_again_and_again_is_put_back_each_time_and_said_once_a_minute()
    {
        await StartAsync();
        for (int i = 0; i < 25; i++)
        {
            _firewall.Stands = false;
            await _time.TurnAsync();
        }

        Assert.Equal(1 + 25, _firewall.Writes);
        Assert.Null(_keeper.Trouble);
        Assert.Equal(4, _log.Lines.Count);   // in place; put back after 5, 65 and 125 s
        Assert.Equal("firewall rules were missing or changed and are put back (fake): a rule", _log.Lines[1]);
        Assert.All(_log.Lines.Skip(2), line => Assert.Contains("put back (fake), 12 times since this was last said; another program flushes them", line, StringComparison.Ordinal));
    }

    [Fact]
    public async Task K5_rules_that_do_not_stay_are_said_once_tried_once_a_minute_and_back_when_the_other_has_ended()
    {
        _firewall.Stays = false;
        await StartAsync();
        for (int i = 0; i < 4; i++) await _time.TurnAsync();
        Assert.Equal(5, _firewall.Writes);
        Assert.Contains("they do not stay", _keeper.Trouble, StringComparison.Ordinal);
        int lines = _log.Lines.Count;
        Assert.Contains("firewall rules do not stay (fake): written 5 times", _log.Lines[^1], StringComparison.Ordinal);

        for (int i = 0; i < 10 * 60 / 5; i++) await _time.TurnAsync();
        Assert.Equal(5 + 10, _firewall.Writes);
        Assert.Equal(lines, _log.Lines.Count);

        _firewall.Stays = true;
        for (int i = 0; i < 60 / 5; i++) await _time.TurnAsync();
        Assert.True(_firewall.Stands);
        Assert.Null(_keeper.Trouble);
        Assert.Equal("firewall rules can be kept again", _log.Lines[^1]);

        _firewall.Stands = false;   // the next one is put back at once again
        await _time.TurnAsync();
        Assert.True(_firewall.Stands);
    }

    [Fact]
    public async Task K5_a_tool_that_fails_is_said_once_and_so_is_its_end()
    {
        await StartAsync();
        _firewall.Fails = true;
        for (int i = 0; i < 5; i++) await _time.TurnAsync();
        Assert.Equal("firewall rules cannot be kept: the lock is held", _keeper.Trouble);
        _firewall.Fails = false;
        await _time.TurnAsync();

        Assert.Null(_keeper.Trouble);
        Assert.Equal(["firewall rules are in place (fake): a rule", "firewall rules cannot be kept, trying again every 5 s: the lock is held", "firewall rules can be kept again"], _log.Lines);
    }

    // The worst case: flushed right after a look, by tools that take their time.
    [Fact]
    public async Task K5_R15_by_default_what_is_flushed_is_back_within_5_s()
    {
        TimeSpan took = TimeSpan.FromMilliseconds(400);
        FirewallKeeper keeper = new(new FirewallTools(_firewall, null), new FirewallSettings { ForwardRules = true }, Some.Rules, _time, _log);
        _firewall.Takes = () => _time.Advance(took);
        Task turned = _time.NextTurnAsync();
        _running = keeper.RunAsync(_stop.Token);
        await turned;
        await _time.TurnAsync(TimeSpan.FromSeconds(5));   // and a look has just been taken
        _firewall.Stands = false;

        await _time.TurnAsync(TimeSpan.FromSeconds(5) - 3 * took);

        Assert.True(_firewall.Stands);
    }

    [Fact]
    public async Task What_Docker_asks_for_when_it_starts_is_news_and_only_its_loss_is_a_warning()
    {
        await StartAsync();
        for (int i = 0; i < 3; i++)
        {
            (_firewall.Stands, _firewall.Follows) = (false, true);
            await _time.TurnAsync();
        }

        Assert.Equal(["firewall rules follow what others have added (fake): a rule", "firewall rules were missing or changed and are put back (fake): a rule"], _log.Lines.Skip(1));
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_running is not null) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        _stop.Dispose();
    }

    private Task StartAsync()
    {
        Task turned = _time.NextTurnAsync();
        _running = _keeper.RunAsync(_stop.Token);
        return turned;
    }

    /// <summary>A clock that knows when the keeper has done its work and waits again: it sets a timer then.</summary>
    private sealed class TurningTime : FakeTimeProvider
    {
        public static readonly TimeSpan Turn = TimeSpan.FromSeconds(5);

        private volatile TaskCompletionSource _waits = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task NextTurnAsync()
        {
            _waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return _waits.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);
        }

        public Task TurnAsync() => TurnAsync(Turn);

        public Task TurnAsync(TimeSpan passed)
        {
            Task turned = NextTurnAsync();
            Advance(passed);
            return turned;
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            ITimer timer = base.CreateTimer(callback, state, dueTime, period);
            _waits.TrySetResult();
            return timer;
        }
    }

    private sealed class FakeFirewall : IFirewall
    {
        public string Name => "fake";

        public bool Stands { get; set; }

        public bool Stays { get; set; } = true;

        public bool Fails { get; set; }

        public int Writes { get; private set; }

        public bool Follows { get; set; }

        public Action Takes { get; set; } = () => { };

        public Task<FirewallFinding> LookAsync(OverlayRules rules, CancellationToken stop)
        {
            Takes();
            return Fails
                ? throw new FirewallException("the lock is held", passes: true)
                : Task.FromResult(new FirewallFinding(Stands ? null : new RulePlan("script", ["a rule"]) { Follows = Follows }, null));
        }

        public Task ApplyAsync(RulePlan plan, CancellationToken stop)
        {
            Takes();
            Writes++;
            Stands = Stays;
            return Task.CompletedTask;
        }
    }
}
