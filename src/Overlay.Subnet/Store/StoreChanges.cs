namespace Overlay.Subnet.Store;

/// <summary>One batch of a watch: all that happened in one or more whole revisions, in order.</summary>
/// <param name="Revision">The last revision in the batch, or 0 for the empty batch that opens each watch and says that it stands.</param>
/// <param name="Records">The keys written or deleted.</param>
/// <param name="ClusterId">In the empty batch: which etcd cluster the watch stands at; 0 when that is not known.</param>
public sealed record StoreChanges(long Revision, IReadOnlyList<StoreRecord> Records, ulong ClusterId = 0);
