using Overlay.Subnet.Following;
using Overlay.Subnet.Store;

namespace Overlay.Subnet.Tests.Support;

/// <summary>Follows all subnets and remembers what it was told.</summary>
internal sealed class SubnetFollower : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly HashSet<string> _seen = [];
    private readonly Task _task;

    public SubnetFollower(ILeaseStore store)
    {
        _task = RunAsync(new KeyFollower(store, StorePaths.Subnets, TimeProvider.System, new ListLogger<SubnetFollower>()));
    }

    public IReadOnlyList<string> LastSnapshot { get; private set; } = [];

    public bool IsLost { get; private set; }

    public Task SeesAsync(params string[] names) => Eventually.TrueAsync(() =>
    {
        lock (_seen)
            return names.All(_seen.Contains);
    }, $"seeing {string.Join(' ', names)}");

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private async Task RunAsync(KeyFollower follower)
    {
        await foreach (FollowUpdate update in follower.FollowAsync(_stop.Token))
        {
            IsLost = update.Kind == FollowKind.Lost;
            lock (_seen)
            {
                if (update.Kind == FollowKind.Snapshot)
                    LastSnapshot = [.. update.Records.Select(record => StorePaths.SubnetName(record.Path))];
                _seen.UnionWith(update.Records.Where(record => !record.IsDeleted).Select(record => StorePaths.SubnetName(record.Path)));
            }
        }
    }
}
