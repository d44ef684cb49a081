using Microsoft.Extensions.Logging;
using Overlay.Encap.Counters;
using Overlay.Encap.Flow;

namespace Overlay.Agent.Telemetry;

/// <summary>
/// Says what became of packets: every <see cref="Every"/> a line for each direction that lost some meanwhile, by reason, and when
/// asked all counts at once. However many packets are lost, the log stays readable.
/// </summary>
internal sealed class FlowReporter : IDisposable
{
    /// <summary>Time between two looks.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(10);

    private readonly DataPlane _plane;
    private readonly ILogger _log;
    private readonly ITimer _timer;
    private readonly Lock _gate = new();
    private FlowSnapshot _outbound;
    private FlowSnapshot _inbound;

    /// <summary>Begins to look.</summary>
    public FlowReporter(DataPlane plane, TimeProvider time, ILogger log)
    {
        (_plane, _log) = (plane, log);
        (_outbound, _inbound) = (plane.Outbound, plane.Inbound);
        _timer = time.CreateTimer(_ => Look(), null, Every, Every);
    }

    /// <summary>Stops looking.</summary>
    public void Dispose() => _timer.Dispose();

    /// <summary>Says all counts.</summary>
    public void SayAll()
    {
        foreach ((string direction, FlowSnapshot now) in new[] { ("outbound", _plane.Outbound), ("inbound", _plane.Inbound) })
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
            _outbound = Compare("outbound", _outbound, _plane.Outbound);
            _inbound = Compare("inbound", _inbound, _plane.Inbound);
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
