namespace Overlay.Subnet.Following;

/// <summary>
/// A loop's sign of life, on request: whoever watches over it asks, and the loop, which may otherwise wait for hours, wakes and answers.
/// Costs nothing while nobody asks. Any thread may ask and read; the loop alone answers.
/// </summary>
public sealed class Pulse
{
    private TaskCompletionSource _asked = New();
    private long _answers;

    /// <summary>How often the loop has answered.</summary>
    public long Answers => Volatile.Read(ref _answers);

    /// <summary>Completed when somebody has asked since the last answer: what the loop waits for beside its work.</summary>
    public Task Asked => Volatile.Read(ref _asked).Task;

    /// <summary>Asks for a sign of life.</summary>
    public void Ask() => Volatile.Read(ref _asked).TrySetResult();

    /// <summary>Answers, if somebody has asked.</summary>
    public void Answer()
    {
        if (!Asked.IsCompleted) return;
        Volatile.Write(ref _asked, New());
        Volatile.Write(ref _answers, _answers + 1);
    }

    /// <summary>Waits for a task that may take its time by right, and answers meanwhile.</summary>
    public async Task AnsweringAsync(Task task)
    {
        while (!task.IsCompleted)
        {
            await Task.WhenAny(task, Asked).ConfigureAwait(false);
            Answer();
        }
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
