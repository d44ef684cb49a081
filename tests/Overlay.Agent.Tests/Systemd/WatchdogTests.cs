using System.Globalization;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Overlay.Agent.Systemd;
using Overlay.Agent.Tests.Forwarding;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Systemd;

/// <summary>A supervisor's socket, two loops made by hand, and a clock that the test moves.</summary>
public sealed class WatchdogTests : IAsyncLifetime
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly TempFolder _folder = new();
    private readonly FakeTimeProvider _time = new();
    private readonly LineLogger _log = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, long> _turns = new() { ["outbound-0"] = 5, ["the lease loop"] = 0 };
    private Socket _supervisor = null!;
    private SdNotify _notify = null!;
    private Task _running = Task.CompletedTask;
    private int _asked;
    private int _looks;

    public async ValueTask InitializeAsync()
    {
        string path = _folder.File("notify");
        _supervisor = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified);
        _supervisor.Bind(new UnixDomainSocketEndPoint(path));
        _notify = new SdNotify(path);
        Watchdog watchdog = new(_notify, Patience, () => _asked++, Look, _time, _log);
        _running = watchdog.RunAsync(_stop.Token);
        await FedAsync(1);   // READY starts systemd's clock, so it is fed at once
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _notify.Dispose();
        _supervisor.Dispose();
        _stop.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task K19_it_is_fed_well_within_the_time_while_every_loop_turns()
    {
        for (int look = 1; look <= 8; look++)   // 60 s of a patience of 30 s
        {
            foreach (string loop in _turns.Keys) _turns[loop]++;
            await LookAsync();
            await FedAsync(1);
        }
        Assert.InRange(_asked, 8, 9);   // the last time is asked after it is fed
        Assert.Empty(_log.Lines);
    }

    [Theory]
    [InlineData("outbound-0")]
    [InlineData("the lease loop")]
    public async Task K19_one_loop_that_hangs_starves_it_and_is_named_once_before_systemd_acts(string hangs)
    {
        for (int look = 1; look <= 4; look++)
        {
            foreach (string loop in _turns.Keys.Where(loop => loop != hangs)) _turns[loop]++;
            await LookAsync();
        }
        _turns[hangs]++;   // it was only slow
        await LookAsync();
        await FedAsync(1);   // and four times not
        Assert.Contains($"no sign of life from {hangs}; without one for 30 s", Assert.Single(_log.Lines), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Loops_may_turn_one_after_the_other_and_come_and_go()
    {
        _turns["outbound-0"]++;
        await LookAsync();
        _turns["the lease loop"]++;
        await LookAsync();
        await FedAsync(1);
        _turns.Remove("outbound-0");
        _turns["outbound-1"] = 0;
        _turns["the lease loop"]++;
        await LookAsync();
        await FedAsync(1);
    }

    [Fact]
    public void The_time_is_read_from_what_systemd_sets()
    {
        string self = Environment.ProcessId.ToString(CultureInfo.InvariantCulture);
        Assert.Equal(Patience, WatchdogPatience.Read("30000000", self));
        Assert.Equal(Patience, WatchdogPatience.Read("30000000", null));
        Assert.Null(WatchdogPatience.Read("30000000", "1"));   // meant for our parent
        Assert.All(new[] { null, "", "0", "-5", "30s", "99999999999999999999" }, text => Assert.Null(WatchdogPatience.Read(text, self)));
    }

    private (string Loop, long Turns)[] Look()
    {
        (string, long)[] turns = [.. _turns.Select(loop => (loop.Key, loop.Value))];
        Interlocked.Increment(ref _looks);
        return turns;
    }

    private async Task LookAsync()
    {
        int looks = Volatile.Read(ref _looks);
        _time.Advance(Patience / 4);
        while (Volatile.Read(ref _looks) == looks) await Task.Delay(1, TestContext.Current.CancellationToken);
    }

    // How often systemd was fed since it was asked last. Messages keep their order, so one that should not have been sent is here by now.
    private async Task FedAsync(int times)
    {
        byte[] buffer = new byte[256];
        for (int i = 0; i < times; i++)
        {
            using CancellationTokenSource deadline = new(TimeSpan.FromSeconds(30));
            Assert.Equal("WATCHDOG=1", Encoding.UTF8.GetString(buffer, 0, await _supervisor.ReceiveAsync(buffer, deadline.Token)));
        }
        Assert.Equal(0, _supervisor.Available);
    }
}
