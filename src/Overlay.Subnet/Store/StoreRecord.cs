namespace Overlay.Subnet.Store;

/// <summary>One key of the store at one revision.</summary>
/// <param name="Path">The key relative to the etcd prefix; names longer than <see cref="MaxPathLength"/> are cut, which no valid name is.</param>
/// <param name="Value">
/// The value; of one that is longer than <see cref="MaxValueLength"/> only that much and one byte more is kept, so that hostile content
/// costs bounded memory and every reader still refuses it as too long.
/// </param>
/// <param name="EtcdLeaseId">The etcd lease the key is attached to; 0 for none.</param>
/// <param name="CreateRevision">The revision at which the key was created.</param>
/// <param name="ModRevision">The revision of its last write, or of its deletion.</param>
/// <param name="IsDeleted">The key was deleted or expired at <paramref name="ModRevision"/>; there is no value.</param>
public sealed record StoreRecord(
    string Path, ReadOnlyMemory<byte> Value, long EtcdLeaseId, long CreateRevision, long ModRevision, bool IsDeleted = false)
{
    /// <summary>The longest path kept whole, in UTF-16 units.</summary>
    public const int MaxPathLength = 256;

    /// <summary>The longest value kept whole, in bytes; above what any reader here accepts.</summary>
    public const int MaxValueLength = 64 * 1024;

    /// <summary>The value is all there is.</summary>
    public bool IsWhole => Value.Length <= MaxValueLength;
}
