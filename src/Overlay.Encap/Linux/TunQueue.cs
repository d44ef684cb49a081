using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Overlay.Encap.Buffers;
using Overlay.Encap.Devices;
using Overlay.Encap.Fairness;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Threads;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Linux;

/// <summary>
/// One worker's share of a <see cref="TunDevice"/>: two queues of the kernel, one for flows that move in bulk, one for all others, so
/// that a lone packet does not wait behind the megabytes that a TCP connection keeps in the first.
/// </summary>
/// <remarks>
/// The kernel puts a packet into the queue that the last packet of the same flow, either way, was written to (drivers/net/tun.c,
/// tun_automq_select_queue); the first of a flow goes where its hash says. So a flow is moved by what is written: replies and
/// acknowledgements. The queues are read in turns, of one super-packet or <see cref="Turn"/> others. One thread may read while others
/// write; the vector of a write is on the writer's stack.
/// </remarks>
public sealed unsafe class TunQueue : ITunQueue, IDisposable
{
    private const int MaxPieces = 256;
    private const int Runt = VirtioNetHeader.Size + IPv4View.MinHeader;
    private const int Turn = 32;

    private readonly FileDescriptor _sparse;
    private readonly FileDescriptor _bulk;
    private readonly PacketWait _wait;
    private bool _sparseHolds = true;
    private bool _bulkHolds = true;
    private bool _isBulksTurn;
    private int _left = Turn;

    internal TunQueue(FileDescriptor sparse, FileDescriptor bulk, ShutdownSignal signal) =>
        (_sparse, _bulk, _wait) = (sparse, bulk, new PacketWait(sparse, bulk, signal));

    /// <inheritdoc/>
    public bool WaitReadable()
    {
        bool goOn = _wait.UntilReadable();
        (_sparseHolds, _bulkHolds) = (_wait.HasFirst, _wait.HasSecond);
        return goOn;
    }

    /// <inheritdoc/>
    public IoResult Read(Span<byte> destination)
    {
        while (_sparseHolds || _bulkHolds)
        {
            bool fromBulk = _bulkHolds && (_isBulksTurn || !_sparseHolds);
            IoResult result = Outcome.OfRead(Syscall.Read(fromBulk ? _bulk : _sparse, destination));
            if (result.Status != IoStatus.WouldBlock)
            {
                Account(result.Count, fromBulk);
                return result;
            }
            if (fromBulk) _bulkHolds = false;
            else _sparseHolds = false;
        }
        return new IoResult(IoStatus.WouldBlock, 0, (int)Errno.EAGAIN);
    }

    /// <inheritdoc/>
    [SkipLocalsInit]
    public IoResult Write(PacketArena arena, ReadOnlySpan<Slice> pieces, bool isBulk)
    {
        // Some kernels leak memory when a runt is written (CVE-2026-46320..22).
        if (pieces.Length > MaxPieces || pieces[0].Length < Runt) return new IoResult(IoStatus.Rejected, 0, (int)Errno.EINVAL);
        iovec* vector = stackalloc iovec[pieces.Length];
        byte* slab = (byte*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(arena.Slab));
        for (int i = 0; i < pieces.Length; i++)
        {
            vector[i].iov_base = slab + pieces[i].Offset;
            vector[i].iov_len = (nuint)pieces[i].Length;
        }
        return Outcome.OfWrite(Syscall.WriteV(isBulk ? _bulk : _sparse, vector, pieces.Length));
    }

    /// <inheritdoc cref="PacketWait.Rearm"/>
    internal void Rearm(ShutdownSignal signal, SpinBudget spin) => _wait.Rearm(signal, spin);

    /// <inheritdoc/>
    public void Dispose()
    {
        _sparse.Dispose();
        _bulk.Dispose();
    }

    private void Account(int count, bool fromBulk)
    {
        _wait.Take(count);
        bool isLarge = count >= VirtioNetHeader.Size + BulkFlows.LargePacket;
        if (isLarge && fromBulk) _sparseHolds = true;   // perhaps, by the time that this one has been dealt with
        if (fromBulk != _isBulksTurn) (_isBulksTurn, _left) = (fromBulk, Turn);
        if (isLarge || --_left == 0) (_isBulksTurn, _left) = (!fromBulk, Turn);
    }
}
