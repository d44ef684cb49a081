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
}
