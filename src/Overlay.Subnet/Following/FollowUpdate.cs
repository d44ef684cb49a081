using Overlay.Subnet.Store;

namespace Overlay.Subnet.Following;

/// <summary>What a <see cref="KeyFollower"/> has to say.</summary>
internal enum FollowKind
{
    /// <summary>Everything there is; what is not in it is gone.</summary>
    Snapshot,

    /// <summary>The same from a store that was restored from an older backup or wiped: revisions start over.</summary>
    RewoundSnapshot,

    /// <summary>What was written since. Without records it says that the watch stands.</summary>
    Changes,

    /// <summary>Contact is lost. Said once for each trouble; the next <see cref="Changes"/> say that it is back. A snapshot does not: reads may work where watches fail.</summary>
    Lost,
}

/// <param name="Kind">Which of the four.</param>
/// <param name="Revision">The revision after this update.</param>
/// <param name="Records">The keys of a snapshot or changes.</param>
/// <param name="Failure">Why contact is lost.</param>
internal readonly record struct FollowUpdate(FollowKind Kind, long Revision, IReadOnlyList<StoreRecord> Records, StoreException? Failure = null);
