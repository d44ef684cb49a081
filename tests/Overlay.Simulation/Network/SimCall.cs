using Grpc.Core;
using Overlay.Simulation.Time;

namespace Overlay.Simulation.Network;

/// <summary>One call under way, as its caller sees it. The first outcome counts.</summary>
public sealed class SimCall<T>
{
    private readonly TaskCompletionSource<T> _done = new(); // continuations run inline: the loop decides when
    private readonly ITimer _deadline;
    private readonly CancellationTokenRegistration _cancellation;

    public SimCall(SimProcess process, CancellationToken cancellationToken)
    {
        Process = process;
        _deadline = process.CreateTimer(_ => Fail(StatusCode.DeadlineExceeded, ""), null, SimLink.RequestTimeout, Timeout.InfiniteTimeSpan);
        _cancellation = cancellationToken.UnsafeRegister(_ => Fail(StatusCode.Cancelled, "given up"), null);
    }

    public SimProcess Process { get; }

    public Task<T> Task => _done.Task;

    /// <summary>The caller has an outcome or is no more.</summary>
    public bool IsOver => _done.Task.IsCompleted || Process.IsDead;

    public void Complete(T answer)
    {
        if (IsOver)
            return;
        Settle();
        _done.TrySetResult(answer);
    }

    public void Fail(StatusCode code, string detail)
    {
        if (IsOver)
            return;
        Settle();
        _done.TrySetException(new RpcException(new Status(code, detail)));
    }

    private void Settle()
    {
        _deadline.Dispose();
        _cancellation.Unregister();
    }
}
