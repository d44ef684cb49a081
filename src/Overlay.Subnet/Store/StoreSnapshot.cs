namespace Overlay.Subnet.Store;

/// <summary>Everything below one path at one revision; never a part of it.</summary>
/// <param name="ClusterId">Which etcd cluster answered; a new one after a restore from a backup, as a rule.</param>
/// <param name="Revision">The revision the records stand at. A watch goes on from the next.</param>
/// <param name="Records">The keys; none is deleted.</param>
public sealed record StoreSnapshot(ulong ClusterId, long Revision, IReadOnlyList<StoreRecord> Records);
