namespace Overlay.Agent.Services;

/// <summary>
/// Tasks that run beside each other until the group is disposed. None may end before: the first that does, in whatever way, ends
/// every wait of <see cref="OrFailureAsync"/>.
/// </summary>
internal sealed class TaskGroup : IAsyncDisposable
{
    private readonly CancellationTokenSource _end;
    private readonly List<Task> _tasks = [];
    private readonly TaskCompletionSource _failure = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>An empty group.</summary>
    /// <param name="stop">Ends its tasks as disposal does.</param>
    public TaskGroup(CancellationToken stop) => _end = CancellationTokenSource.CreateLinkedTokenSource(stop);

    /// <summary>Ends, with an exception, when a task of the group has ended before its time.</summary>
    public Task Failure => _failure.Task;

    /// <summary>Starts a task.</summary>
    /// <param name="name">What it is, for the message if it ends by itself.</param>
    /// <param name="run">Runs until its token is cancelled.</param>
    public void Run(string name, Func<CancellationToken, Task> run) => _tasks.Add(GuardAsync(name, run));

    /// <summary>Waits for a task, or throws when one of the group ends first.</summary>
    public async Task<T> OrFailureAsync<T>(Task<T> task)
    {
        await (await Task.WhenAny(task, Failure).ConfigureAwait(false)).ConfigureAwait(false);
        return await task.ConfigureAwait(false);
    }

    /// <summary>Ends all tasks and waits for them.</summary>
    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_tasks).ConfigureAwait(false);
        _end.Dispose();
    }

    private async Task GuardAsync(string name, Func<CancellationToken, Task> run)
    {
        try
        {
            await run(_end.Token).ConfigureAwait(false);
            if (!_end.IsCancellationRequested) _failure.TrySetException(new InvalidOperationException($"{name} ended by itself"));
        }
        catch (OperationCanceledException) when (_end.IsCancellationRequested)
        {
            // As it should end.
        }
#pragma warning disable CA1031 // whatever it is, whoever waits for the group has to hear of it
        catch (Exception e)
#pragma warning restore CA1031
        {
            _failure.TrySetException(e);
        }
    }
}
