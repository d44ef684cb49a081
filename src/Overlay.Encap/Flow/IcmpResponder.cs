using System.Diagnostics;
using Overlay.Encap.Buffers;
using Overlay.Encap.Codec;
using Overlay.Encap.Counters;
using Overlay.Encap.Devices;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Flow;

/// <summary>Tells local senders why their packets do not arrive: at most <see cref="PerSecond"/> ICMP errors a second.</summary>
/// <remarks>Owner: one outbound loop.</remarks>
internal sealed class IcmpResponder(ITunQueue tun, FlowCounters counters)
{
    /// <summary>The long-term rate, and the most that are sent at once.</summary>
    public const int PerSecond = 100;

    private static readonly long TicksPerError = Stopwatch.Frequency / PerSecond;

    private readonly PacketArena _arena = new(VirtioNetHeader.Size + IcmpError.MaxSize);
    private readonly Slice[] _piece = new Slice[1];
    private long _paidUntil = Stopwatch.GetTimestamp() - Stopwatch.Frequency;

    /// <summary>Whether an answer would go out now; asked before an answer is worked out.</summary>
    public bool MayAnswer => _paidUntil <= Stopwatch.GetTimestamp() - TicksPerError;

    /// <summary>Answers a packet with "destination unreachable".</summary>
    /// <param name="offender">Its IP header, checked, and what follows.</param>
    /// <param name="code">The reason, a code of ICMP type 3.</param>
    /// <param name="mtu">For "fragmentation needed": the largest inner packet in bytes; else 0.</param>
    public void Answer(ReadOnlySpan<byte> offender, byte code, int mtu = 0)
    {
        if (!TakeToken()) return;
        // In the name of the address that was not reached: from one of our own the kernel would take it for a martian.
        uint source = new IPv4View(offender).Destination;
        int length = IcmpError.Write(_arena.Bytes[VirtioNetHeader.Size..], offender, source, code, mtu);
        if (length == 0) return;
        default(VirtioNetHeader).Write(_arena.Bytes);
        _piece[0] = new Slice(0, VirtioNetHeader.Size + length);
        if (tun.Write(_arena, _piece, isBulk: false).Status == IoStatus.Ok) counters.CountIcmp();
    }

    // A bucket of one second's worth: each answer pays its share of time in advance.
    private bool TakeToken()
    {
        if (!MayAnswer) return false;
        _paidUntil = Math.Max(_paidUntil, Stopwatch.GetTimestamp() - Stopwatch.Frequency) + TicksPerError;
        return true;
    }
}
