using Overlay.Agent.Systemd;

namespace Overlay.Agent.Services;

/// <summary>What the agent does or waits for, in words, for whoever looks: systemd, health checks.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class AgentStatus(SdNotify notify, TimeProvider time)
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(1);

    private string _text = "";

    /// <summary>Whether the node has told its supervisor that Docker may start.</summary>
    public bool IsReady { get; private set; }

    /// <summary>Another node holds the subnet that this one had, and there is no other yet.</summary>
    public bool HasNoSubnet { get; set; }

    /// <summary>Says something new; the same again is not sent.</summary>
    public void Say(string text)
    {
        if (Interlocked.Exchange(ref _text, text) != text) notify.Status(text);
    }

    /// <summary>Everything is in place.</summary>
    public void Ready(string text)
    {
        _text = text;
        IsReady = true;
        notify.Ready(text);
    }

    /// <summary>Waits for a task, and says meanwhile what it waits for.</summary>
    /// <param name="task">What is waited for.</param>
    /// <param name="group">The tasks that have to run for it: the wait ends when one of them does.</param>
    /// <param name="waitingFor">What keeps it, in words; null where nothing is known.</param>
    /// <param name="otherwise">What is waited for, then.</param>
    public async Task<T> WhileAsync<T>(Task<T> task, TaskGroup group, Func<string?> waitingFor, string otherwise)
    {
        Task<T> either = group.OrFailureAsync(task);
        while (!either.IsCompleted)
        {
            Say($"waiting: {waitingFor() ?? otherwise}");
            await Task.WhenAny(either, Task.Delay(LookEvery, time)).ConfigureAwait(false);
        }
        return await either.ConfigureAwait(false);
    }
}
