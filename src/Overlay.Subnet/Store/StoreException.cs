namespace Overlay.Subnet.Store;

/// <summary>A store operation failed, or its outcome is unknown. The message is one line with advice, safe to log and free of secrets.</summary>
public sealed class StoreException : Exception
{
    /// <summary>Creates the exception.</summary>
    public StoreException(StoreFault fault, string message, Exception? inner = null)
        : base(message, inner)
    {
        Fault = fault;
    }

    /// <summary>The kind of failure.</summary>
    public StoreFault Fault { get; }

    /// <summary>The message without the attempt that failed, for where many attempts fail for the one reason.</summary>
    public string Reason
    {
        get => field ?? Message;
        init;
    }

    /// <summary>
    /// The store cannot be used at all, by anybody who asks it the same way; the other faults concern one key, one answer or one kind of call.
    /// </summary>
    public bool IsLossOfContact => Fault is StoreFault.Unreachable or StoreFault.Timeout or StoreFault.NoLeader or StoreFault.Overloaded
        or StoreFault.Unauthenticated or StoreFault.Tls or StoreFault.NotEtcd;

    /// <summary>
    /// Equal for failures that are one trouble to an operator: of lost contact the kind counts, in whatever words, and whether the server is gone or
    /// mute is one kind; of others each message.
    /// </summary>
    public string Trouble => !IsLossOfContact ? Message : $"{(Fault == StoreFault.Timeout ? StoreFault.Unreachable : Fault)}";
}
