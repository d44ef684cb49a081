using Grpc.Core;
using Overlay.Simulation.Etcd;
using Overlay.Simulation.Time;

namespace Overlay.Simulation.Network;

/// <summary>
/// The way between one agent's machine and etcd. A request may be lost, late or doubled, and so may its answer be lost or late; a request that
/// was given up may still take effect, as in a real network.
/// </summary>
public sealed class SimLink(SimClock clock, SimEtcd etcd, Random random, FaultCounts counts)
{
    private const double MostLateSeconds = 12; // more than a call waits

    /// <summary>What every call waits for its answer, as <c>EtcdOptions.RequestTimeout</c>.</summary>
    public static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(5);

    public SimClock Clock => clock;

    /// <summary>Watches that cross this link.</summary>
    public List<SimWatch> Watches { get; } = [];

    public LinkState State { get; private set; }

    /// <summary>Nothing passes.</summary>
    public bool IsCut => State != LinkState.Up;

    /// <summary>The share of messages lost or late, each way.</summary>
    public double Trouble { get; set; }

    /// <summary>So many writes from now on take effect without an answer.</summary>
    public int WriteRepliesToLose { get; set; }

    /// <summary>So long the next write is on its way; null for as long as any other.</summary>
    public TimeSpan? NextWriteTakes { get; set; }

    /// <summary>How long a message takes that is not late.</summary>
    public TimeSpan Delay() => TimeSpan.FromMilliseconds(0.2 + 20 * random.NextDouble() * random.NextDouble());

    public void Cut(LinkState how)
    {
        State = how;
        LoseSight();
    }

    public void Restore()
    {
        State = LinkState.Up;
        RegainSight();
    }

    /// <summary>Watches hear nothing any more.</summary>
    public void LoseSight()
    {
        foreach (SimWatch watch in Watches)
            watch.LoseSight(State == LinkState.Refusing ? Delay() : TimeSpan.FromSeconds(6 + 9 * random.NextDouble()));
    }

    public void RegainSight()
    {
        foreach (SimWatch watch in Watches.ToArray())
            watch.RegainSight();
    }

    /// <summary>Carries a request to etcd and its answer back.</summary>
    /// <param name="process">Who asks.</param>
    /// <param name="isWrite">It changes keys.</param>
    /// <param name="serve">Runs at etcd; is told whether the caller has given up by then.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Completed inline by the simulation's loop, never before this method returns.</returns>
    public Task<T> CallAsync<T>(SimProcess process, bool isWrite, Func<bool, T> serve, CancellationToken cancellationToken)
    {
        var call = new SimCall<T>(process, cancellationToken);
        if (State == LinkState.Refusing)
        {
            clock.After(Delay(), process, () => call.Fail(StatusCode.Unavailable, "connection refused"));
            return call.Task;
        }
        Send(call, isWrite, serve, isDouble: false);
        if (Happens(0.3))
        {
            counts.Add(Fault.DoubledRequest);
            Send(call, isWrite, serve, isDouble: true);
        }
        return call.Task;
    }

    private void Send<T>(SimCall<T> call, bool isWrite, Func<bool, T> serve, bool isDouble)
    {
        if (IsCut || Loses(Fault.LostRequest))
            return;
        clock.After(isWrite && !isDouble && HoldUp() is { } held ? held : Travel(Fault.LateRequest, isDouble), null, () => etcd.Serve(() =>
        {
            // A client sends again what was not answered, and a write only once the first is no longer under way.
            if (!(isDouble || isWrite) || !call.Task.IsCompletedSuccessfully)
                Arrive(call, isWrite, serve);
        }));
    }

    private void Arrive<T>(SimCall<T> call, bool isWrite, Func<bool, T> serve)
    {
        if (etcd.IsDown)
        {
            clock.After(Delay(), call.Process, () => call.Fail(StatusCode.Unavailable, "connection refused"));
            return;
        }
        T? answer = default;
        RpcException? error = null;
        try
        {
            answer = serve(call.IsOver);
        }
        catch (RpcException e)
        {
            error = e;
        }
        if (isWrite && WriteRepliesToLose > 0)
        {
            WriteRepliesToLose--;
            counts.Add(Fault.LostWriteReply);
            return;
        }
        if (IsCut || Loses(Fault.LostReply))
            return;
        clock.After(Travel(Fault.LateReply, isDouble: false), call.Process, () =>
        {
            if (IsCut)
                return;
            if (error is null)
                call.Complete(answer!);
            else
                call.Fail(error.StatusCode, error.Status.Detail);
        });
    }

    private TimeSpan? HoldUp()
    {
        TimeSpan? held = NextWriteTakes;
        NextWriteTakes = null;
        if (held is not null)
            counts.Add(Fault.WriteHeldUp);
        return held;
    }

    private bool Happens(double share) => Trouble > 0 && random.NextDouble() < Trouble * share;

    private bool Loses(Fault fault)
    {
        bool lost = Happens(0.5);
        if (lost)
            counts.Add(fault);
        return lost;
    }

    private TimeSpan Travel(Fault fault, bool isDouble)
    {
        if (!isDouble && !Happens(0.5))
            return Delay();
        if (!isDouble)
            counts.Add(fault);
        return TimeSpan.FromSeconds(MostLateSeconds * random.NextDouble() * random.NextDouble());
    }
}
