using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Overlay.Encap.Buffers;
using Overlay.Encap.Devices;
using Overlay.Encap.Linux.Abi;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Threads;
using Overlay.Encap.Wire;

namespace Overlay.Encap.Linux;

/// <summary>One queue of a <see cref="TunDevice"/>: a descriptor, packet in, packet out.</summary>
/// <remarks>One thread may read while others write; the vector of a write is on the writer's stack.</remarks>
public sealed unsafe class TunQueue : ITunQueue, IDisposable
{
    private const int MaxPieces = 256;
    private const int Runt = VirtioNetHeader.Size + IPv4View.MinHeader;

    private readonly FileDescriptor _descriptor;
    private readonly PacketWait _wait;

    internal TunQueue(FileDescriptor descriptor, ShutdownSignal signal) => (_descriptor, _wait) = (descriptor, new PacketWait(descriptor, signal));

    /// <inheritdoc/>
    public bool WaitReadable() => _wait.UntilReadable();

    /// <inheritdoc/>
    public IoResult Read(Span<byte> destination)
    {
        IoResult result = Outcome.OfRead(Syscall.Read(_descriptor, destination));
        _wait.Take(result.Count);
        return result;
    }

    /// <inheritdoc/>
    [SkipLocalsInit]
    public IoResult Write(PacketArena arena, ReadOnlySpan<Slice> pieces)
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
        return Outcome.OfWrite(Syscall.WriteV(_descriptor, vector, pieces.Length));
    }

    /// <inheritdoc cref="PacketWait.Rearm"/>
    internal void Rearm(ShutdownSignal signal, SpinBudget spin) => _wait.Rearm(signal, spin);

    /// <inheritdoc/>
    public void Dispose() => _descriptor.Dispose();
}
