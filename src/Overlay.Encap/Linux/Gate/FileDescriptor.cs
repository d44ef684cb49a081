using System.Runtime.InteropServices;
using Tmds.Linux;

namespace Overlay.Encap.Linux.Gate;

/// <summary>
/// Owns one descriptor of the kernel, from the call that returned it on. <see cref="SafeHandle.Dispose()"/> closes it once; a system call
/// that is under way in another thread keeps it open until it returns, so its number cannot be reused beneath that call. Closing does not
/// wake a blocked poll: stop loops with a <see cref="ShutdownSignal"/> first. Use after disposal throws <see cref="ObjectDisposedException"/>.
/// </summary>
internal sealed class FileDescriptor : SafeHandle
{
    /// <summary>Takes ownership of <paramref name="number"/>, an open descriptor.</summary>
    public FileDescriptor(int number) : base(-1, ownsHandle: true) => SetHandle(number);

    /// <inheritdoc/>
    public override bool IsInvalid => handle < 0;

    /// <summary>Lends the number for the span of a <c>using</c>; the descriptor stays open meanwhile. Allocates nothing.</summary>
    public Loan Borrow() => new(this);

    /// <inheritdoc/>
    protected override bool ReleaseHandle() => LibC.close((int)handle) == 0;

    /// <summary>A counted reference to a descriptor; ends when disposed.</summary>
    internal readonly ref struct Loan
    {
        private readonly FileDescriptor _owner;

        internal Loan(FileDescriptor owner)
        {
            bool taken = false;
            owner.DangerousAddRef(ref taken);
            _owner = owner;
        }

        /// <summary>The number to hand to the kernel; valid until <see cref="Dispose"/>.</summary>
        public int Number => (int)_owner.handle;

        /// <summary>Gives the reference back.</summary>
        public void Dispose() => _owner.DangerousRelease();
    }
}
