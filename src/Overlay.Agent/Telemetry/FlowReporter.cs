using Microsoft.Extensions.Logging;
using Overlay.Encap.Counters;

namespace Overlay.Agent.Telemetry;

/// <summary>
/// Says what became of packets: every <see cref="Every"/> a line for each direction that lost some meanwhile, by reason, and when
/// asked all counts at once. However many packets are lost, the log stays readable.
/// </summary>
internal sealed class FlowReporter : IDisposable
{
    /// <summary>Time between two looks.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(10);

    private readonly Func<FlowSnapshot> _outboundNow;
    private readonly Func<FlowSnapshot> _inboundNow;
    private readonly ILogger _log;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private FlowSnapshot _outbound;
    private FlowSnapshot _inbound;

    /// <summary>Begins to look.</summary>
    public FlowReporter(Func<FlowSnapshot> outbound, Func<FlowSnapshot> inbound, TimeProvider time, ILogger log)
    {
        (_outboundNow, _inboundNow, _log) = (outbound, inbound, log);
        (_outbound, _inbound) = (outbound(), inbound());
        _timer = time.CreateTimer(_ => Look(), null, Every, Every);
    }

    /// <summary>Stops looking.</summary>
    public void Dispose() => _timer.Dispose();

    /// <summary>Says all counts.</summary>
    public void SayAll()
    {
        foreach ((string direction, FlowSnapshot now) in new[] { ("outbound", _outboundNow()), ("inbound", _inboundNow()) })
        {
            string lost = string.Join(", ", now.DropsByReason.Select(drop => $"{drop.Reason} {drop.Packets}"));
            _log.FlowCounts(direction, now.Received, now.Delivered, now.DeliveredBytes, lost.Length > 0 ? lost : "none",
                now.SegmentFallbacks, now.JoinFallbacks, now.EcnOdd, now.ForeignMac, now.IcmpSent);
        }
    }

    private void Look()
    {
        lock (_gate)
        {
            _outbound = Compare("outbound", _outbound, _outboundNow());
            _inbound = Compare("inbound", _inbound, _inboundNow());
        }
    }

    private FlowSnapshot Compare(string direction, FlowSnapshot before, FlowSnapshot now)
    {
        string lost = string.Join(", ", now.DropsByReason
            .Select(drop => (drop.Reason, Packets: drop.Packets - before.Drops[(int)drop.Reason]))
            .Where(drop => drop.Packets > 0)
            .Select(drop => $"{drop.Reason} {drop.Packets}"));
        if (lost.Length > 0) _log.PacketsDropped(direction, lost, Every.TotalSeconds);
        if (now.SegmentFallbacks > before.SegmentFallbacks) _log.SegmentationRefused(now.SegmentFallbacks - before.SegmentFallbacks);
        if (now.JoinFallbacks > before.JoinFallbacks) _log.JoiningRefused(now.JoinFallbacks - before.JoinFallbacks);
        return now;
    }
}
