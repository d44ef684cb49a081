using Microsoft.Extensions.Time.Testing;
using Overlay.Subnet.Model;
using Overlay.Subnet.Store;
using Overlay.Subnet.Tests.Support;
using Overlay.Subnet.Watching;
using Overlay.Testing.Etcd;

namespace Overlay.Subnet.Tests.Watching;

public sealed class NetworkConfigWatcherTests : IAsyncLifetime
{
    private const string Good = """{"Network":"10.1.0.0/16","Backend":{"Type":"vxlan"}}""";

    private readonly FakeTimeProvider _time = new();
    private readonly ListLogger<NetworkConfigWatcher> _log = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly MemoryLeaseStore _store;
    private readonly NetworkConfigWatcher _watcher;
    private Task _running = Task.CompletedTask;

    public NetworkConfigWatcherTests()
    {
        _store = new MemoryLeaseStore(_time);
        _watcher = new NetworkConfigWatcher(_store, _time, _log);
    }

    public ValueTask InitializeAsync()
    {
        _running = _watcher.RunAsync(_stop.Token);
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Assert.False(_running.IsFaulted, $"{_running.Exception}");
        _stop.Dispose();
    }

    private async Task<NetworkConfig> NextAsync()
    {
        NetworkConfig? config = null;
        await Eventually.TrueAsync(() => _watcher.Configs.TryRead(out config), "a config", _time);
        return config!;
    }

    [Fact]
    public async Task C23_a_missing_or_bad_config_is_waited_for_with_its_reason_and_a_reminder_a_minute()
    {
        await Eventually.TrueAsync(() => _watcher.WaitingFor == "there is no network config in etcd", "missing");
        _store.Put(StorePaths.Config, """{"Network":"10.1.0.0/16","SubnetLen":31}""");
        await Eventually.TrueAsync(() => _log.Count("SubnetLen: 31 is above 30") == 1, "bad");
        _store.Put(StorePaths.Config, """{"Network":"10.1.0.0/16","SubnetLen":31}"""); // the same reason again
        DateTimeOffset start = _time.GetUtcNow();
        await Eventually.TrueAsync(() => _time.GetUtcNow() - start > TimeSpan.FromMinutes(5), "minutes", _time, TimeSpan.FromSeconds(2));
        Assert.InRange(_log.Count("waiting for a network config"), 5, 8);
        _store.Put(StorePaths.Config, Good);
        Assert.Equal(Some.Config, await NextAsync());
        await Eventually.TrueAsync(() => _watcher.WaitingFor is null, "content");
        Assert.Equal(1, _log.Count("network config: 10.1.0.0/16, a /24 per node from 10.1.1.0 to 10.1.255.0, backend vxlan, VNI 1, port 8472"));
    }

    [Fact]
    public async Task C24_a_changed_config_is_published_and_an_equal_one_is_not()
    {
        _store.Put(StorePaths.Config, Good);
        await NextAsync();
        _store.Put(StorePaths.Config, Good + "  ");
        _store.Put(StorePaths.Config, Good.Replace("10.1.", "10.2.", StringComparison.Ordinal));
        Assert.Equal("10.2.0.0/16", $"{(await NextAsync()).Network}");
        Assert.Equal(1, _log.Count("network config changed"));
    }

    [Fact]
    public async Task C13_C14_a_config_of_a_wiped_store_whose_revisions_have_passed_is_read()
    {
        _store.Put(StorePaths.Config, Good);
        await NextAsync();
        _store.IsDown = true;
        await Eventually.TrueAsync(() => _watcher.WaitingFor is not null, "noticed");
        long seen = _store.Revision;
        _store.Wipe(newCluster: false);
        _store.Put(StorePaths.Config, Good.Replace("10.1.", "10.2.", StringComparison.Ordinal));
        while (_store.Revision <= seen)
            _store.Put("elsewhere", "");
        _store.IsDown = false;
        Assert.Equal("10.2.0.0/16", $"{(await NextAsync()).Network}");
    }

    [Theory]
    [InlineData("garbage")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":{"Type":"udp"}}""")]
    [InlineData(null)]
    public async Task C23_while_running_the_last_good_config_stays(string? bad)
    {
        _store.Put(StorePaths.Config, Good);
        await NextAsync();
        if (bad is null)
            _store.Delete(StorePaths.Config);
        else
            _store.Put(StorePaths.Config, bad);
        await Eventually.TrueAsync(() => _log.Count("the last good network config stays in force") == 1, "said");
        Assert.Equal(Some.Config, _watcher.Current);
        Assert.NotNull(_watcher.WaitingFor);
        Assert.False(_watcher.Configs.TryRead(out _));
        _store.Put(StorePaths.Config, Good);
        await Eventually.TrueAsync(() => _watcher.WaitingFor is null, "content again");
    }

    [Fact]
    public async Task C1_etcd_down_at_start_is_waited_for()
    {
        _store.IsDown = true;
        await Eventually.TrueAsync(() => _watcher.WaitingFor == "down", "away", _time);
        _store.Put(StorePaths.Config, Good);
        _store.IsDown = false;
        Assert.Equal(Some.Config, await NextAsync());
    }

    [Fact]
    public async Task What_is_accepted_and_not_acted_upon_is_said()
    {
        _store.Put(StorePaths.Config, """{"Network":"10.1.0.0/16","Backend":{"DirectRouting":true}}""");
        await NextAsync();
        Assert.Equal((1, 1), (_log.Count("DirectRouting is ignored"), _log.Count("using vxlan (flannel would use udp)")));
    }
}
