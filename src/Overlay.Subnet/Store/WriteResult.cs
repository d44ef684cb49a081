namespace Overlay.Subnet.Store;

/// <summary>The outcome of a compare-and-swap. It is certain: an unknown outcome is a <see cref="StoreException"/>.</summary>
/// <param name="Succeeded">The store holds what was asked for, by this call or by an earlier try whose answer was lost.</param>
/// <param name="Revision">The key's revision after a success; the store's revision otherwise.</param>
/// <param name="Current">What holds the key when the comparison failed; null when nothing does.</param>
public readonly record struct WriteResult(bool Succeeded, long Revision, StoreRecord? Current);
