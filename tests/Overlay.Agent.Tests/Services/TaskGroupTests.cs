using Overlay.Agent.Services;

namespace Overlay.Agent.Tests.Services;

public sealed class TaskGroupTests
{
    private static readonly CancellationToken Cancel = TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_wait_ends_with_the_fault_of_a_task_it_depends_on()
    {
        await using TaskGroup group = new(Cancel);
        TaskCompletionSource gate = new();
        group.Run("one", async end =>
        {
            await gate.Task.WaitAsync(end);
            throw new InvalidDataException("broken");
        });
        Task<int> wait = group.OrFailureAsync(new TaskCompletionSource<int>().Task);
        Assert.False(wait.IsCompleted);
        gate.SetResult();
        Assert.Equal("broken", (await Assert.ThrowsAsync<InvalidDataException>(() => wait.WaitAsync(Cancel))).Message);
    }

    [Fact]
    public async Task A_task_that_just_ends_is_a_failure_too()
    {
        await using TaskGroup group = new(Cancel);
        group.Run("following peers", _ => Task.CompletedTask);
        Assert.Equal("following peers ended by itself",
            (await Assert.ThrowsAsync<InvalidOperationException>(() => group.Failure.WaitAsync(Cancel))).Message);
    }

    [Fact]
    public async Task Disposal_ends_the_tasks_and_is_no_failure()
    {
        bool ended = false;
        TaskGroup group = new(Cancel);
        group.Run("one", async end =>
        {
            try
            {
                await Task.Delay(Timeout.Infinite, end);
            }
            finally
            {
                ended = true;
            }
        });
        await group.DisposeAsync();
        Assert.True(ended);
        Assert.False(group.Failure.IsCompleted);
    }

    [Fact]
    public async Task A_wait_gives_what_was_waited_for()
    {
        await using TaskGroup group = new(Cancel);
        group.Run("one", end => Task.Delay(Timeout.Infinite, end));
        Assert.Equal(7, await group.OrFailureAsync(Task.FromResult(7)));
    }
}
