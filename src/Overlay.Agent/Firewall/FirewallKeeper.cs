using System.Net;
using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Configuration;
using Overlay.Agent.Firewall.Rules;
using Overlay.Agent.Startup;

namespace Overlay.Agent.Firewall;

/// <summary>
/// Keeps the rules around the overlay in place: at start, after a move, and every few seconds against whoever flushes them. Rules
/// stay when the agent ends, as flannel's do; <c>overlay-agent cleanup</c> removes them.
/// </summary>
/// <remarks><see cref="RunAsync"/> runs once; everything else is thread-safe.</remarks>
internal sealed class FirewallKeeper
{
    private static readonly TimeSpan RetryLimit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan RepeatEvery = TimeSpan.FromMinutes(1);
    private const double ShareBetweenLooks = 0.8, LeastShare = 0.1;   // of the interval: from begin to begin, from end to begin
    private const int MostVainTries = 5;

    private readonly FirewallTools _tools;
    private readonly FirewallSettings _settings;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly TaskCompletionSource<bool> _inPlace = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<IPNetwork> _moves = Channel.CreateBounded<IPNetwork>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest });
    private readonly HashSet<string> _followed = [];

    private OverlayRules _rules;
    private string? _vainScript;
    private int _vainTries;
    private long _lastTry;
    private long? _repairSaid;
    private int _repairs;
    private volatile string? _failure;
    private volatile string? _obstacle;

    /// <summary>Names what is to be kept; touches nothing.</summary>
    /// <param name="tools">How.</param>
    /// <param name="settings">What is asked for.</param>
    /// <param name="rules">The overlay, as leased now.</param>
    /// <param name="time">For the pauses.</param>
    /// <param name="log">Says each change of state once.</param>
    public FirewallKeeper(FirewallTools tools, FirewallSettings settings, OverlayRules rules, TimeProvider time, ILogger log)
    {
        (_tools, _settings, _time, _log) = (tools, settings, time, log);
        _rules = rules with { Masquerade = settings.Masquerade, FullyRandom = settings.FullyRandom, Forward = settings.ForwardRules };
    }

    /// <summary>Is raised when <see cref="Trouble"/> has changed.</summary>
    public event Action? TroubleChanged;

    /// <summary>Ends when the rules stand for the first time, or the agent goes on without those it can do without.</summary>
    public Task<bool> InPlace => _inPlace.Task;

    /// <summary>Why the overlay's traffic may be held up, in words for STATUS; null for nothing.</summary>
    public string? Trouble => _failure is { } failure ? $"firewall rules cannot be kept: {failure}" : _obstacle;

    /// <summary>The node has another subnet now.</summary>
    public void Move(IPNetwork subnet) => _moves.Writer.TryWrite(subnet);

    /// <summary>Keeps the rules until stopped.</summary>
    /// <exception cref="CannotStartException">Masquerading is asked for and cannot be set up.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        await RemoveOtherAsync(stop).ConfigureAwait(false);
        Task<bool> moved = _moves.Reader.WaitToReadAsync(stop).AsTask();
        while (true)
        {
            long began = _time.GetTimestamp();
            bool hasMoved = _moves.Reader.TryRead(out IPNetwork subnet);
            if (hasMoved)
            {
                _rules = _rules with { Subnet = subnet };
                moved = _moves.Reader.WaitToReadAsync(stop).AsTask();
            }
            if (_tools.InUse is { } firewall) await KeepAsync(firewall, hasMoved, stop).ConfigureAwait(false);
            else _inPlace.TrySetResult(false);
            // Where no rules are wanted, those of earlier runs go once, and that is all.
            if (!IsWanted && _failure is null && _inPlace.Task.IsCompleted) await Task.Delay(Timeout.InfiniteTimeSpan, _time, stop).ConfigureAwait(false);
            await Task.WhenAny(moved, Task.Delay(Pause(_time.GetElapsedTime(began)), _time, stop)).ConfigureAwait(false);
            stop.ThrowIfCancellationRequested();
        }
    }

    // What is flushed right after a look has to be back within the interval: the next look begins before its end, however long this one took.
    private TimeSpan Pause(TimeSpan spent)
    {
        TimeSpan interval = _failure is null || _settings.Resync < RetryLimit ? _settings.Resync : RetryLimit;
        TimeSpan left = (interval * ShareBetweenLooks) - spent, least = interval * LeastShare;
        return left > least ? left : least;
    }

    private bool IsWanted => _settings.Masquerade || _settings.ForwardRules;

    private async Task KeepAsync(IFirewall firewall, bool hasMoved, CancellationToken stop)
    {
        try
        {
            string? vain = await EnsureAsync(firewall, hasMoved, stop).ConfigureAwait(false);
            if (_failure is not null && vain is null) _log.FirewallWorksAgain();
            Tell(vain, _obstacle);
            _inPlace.TrySetResult(true);
        }
        catch (FirewallException e)
        {
            bool isStarting = !_inPlace.Task.IsCompleted;
            if (isStarting && !e.Passes && _settings.Masquerade) throw new CannotStartException($"--ip-masq: {e.Message}", e);
            if (_failure is null) _log.FirewallFailed(e.Message, Math.Min(_settings.Resync.TotalSeconds, RetryLimit.TotalSeconds));
            Tell(e.Message, _obstacle);
            // A host whose kernel or rights do not allow it gets its overlay all the same; one that is only busy is waited for.
            if (!e.Passes) _inPlace.TrySetResult(false);
        }
    }

    // Returns why it was in vain, in words; null where the rules stand.
    private async Task<string?> EnsureAsync(IFirewall firewall, bool hasMoved, CancellationToken stop)
    {
        FirewallFinding finding = await firewall.LookAsync(_rules, stop).ConfigureAwait(false);
        if (finding.Plan is { } plan)
        {
            if (plan.Script != _vainScript) _vainTries = 0;
            if (_vainTries < MostVainTries || _time.GetElapsedTime(_lastTry) >= RepeatEvery)
            {
                await firewall.ApplyAsync(plan, stop).ConfigureAwait(false);
                if (_vainTries < MostVainTries) Say(firewall, plan, hasMoved);
                finding = await firewall.LookAsync(_rules, stop).ConfigureAwait(false);
                (_vainScript, _lastTry) = (plan.Script, _time.GetTimestamp());
                // Somebody who flushes may have been quicker; but not every time.
                _vainTries = finding.Plan?.Script != plan.Script ? 0 : Math.Min(_vainTries + 1, MostVainTries + 1);
                if (_vainTries == MostVainTries) _log.FirewallInVain(firewall.Name, MostVainTries, RepeatEvery.TotalSeconds, string.Join("; ", plan.Changes));
            }
        }
        else
        {
            _vainTries = 0;
            if (!_inPlace.Task.IsCompleted && IsWanted) _log.FirewallInPlace(firewall.Name, "as an earlier run left them");
        }
        if (finding.Obstacle is { } obstacle && obstacle != _obstacle) _log.FirewallObstacle(obstacle);
        if (finding.Obstacle is null && _obstacle is not null) _log.FirewallObstacleGone();
        Tell(_failure, finding.Obstacle);
        return _vainTries < MostVainTries ? null : "they do not stay, or are printed differently from how they were given";
    }

    private void Say(IFirewall firewall, RulePlan plan, bool hasMoved)
    {
        string changes = string.Join("; ", plan.Changes);
        if (!_inPlace.Task.IsCompleted) _log.FirewallInPlace(firewall.Name, changes);
        else if (hasMoved) _log.FirewallMoved(firewall.Name, changes);
        // What Docker asks for when it starts is put back like the rest from the second time on.
        else if (plan.Follows && _followed.Add(changes)) _log.FirewallFollows(firewall.Name, changes);
        else SayRepaired(firewall, changes);
    }

    // Whoever fights with us must not fill the log: one line a minute.
    private void SayRepaired(IFirewall firewall, string changes)
    {
        _repairs++;
        if (_repairSaid is { } said && _time.GetElapsedTime(said) < RepeatEvery) return;
        if (_repairs == 1) _log.FirewallRepaired(firewall.Name, changes);
        else _log.FirewallRepairedAgain(firewall.Name, _repairs, changes);
        (_repairs, _repairSaid) = (0, _time.GetTimestamp());
    }

    // After a change of EnableNFTables. What stands there is in nobody's way for long, so a failure is no reason to stop.
    private async Task RemoveOtherAsync(CancellationToken stop)
    {
        if (_tools.Other is not { } other) return;
        try
        {
            OverlayRules none = OverlayRules.None([_rules.Network, .. _rules.Former]);
            if ((await other.LookAsync(none, stop).ConfigureAwait(false)).Plan is not { } plan) return;
            await other.ApplyAsync(plan, stop).ConfigureAwait(false);
            _log.FirewallOtherRemoved(other.Name, string.Join("; ", plan.Changes));
        }
        catch (FirewallException e)
        {
            _log.FirewallOtherLeft(other.Name, e.Message);
        }
    }

    private void Tell(string? failure, string? obstacle)
    {
        string? before = Trouble;
        (_failure, _obstacle) = (failure, obstacle);
        if (Trouble != before) TroubleChanged?.Invoke();
    }
}
