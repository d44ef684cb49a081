namespace Overlay.Simulation.Sabotage;

/// <summary>A mistake put in on purpose, to see that the rules find it.</summary>
public enum PlantedBug
{
    None,

    /// <summary>Writes whatever stands there.</summary>
    UnconditionalPut,

    /// <summary>Writes over whatever stands there, if anything stood there when it looked.</summary>
    UnconditionalOverwrite,

    /// <summary>Deletes whatever stands there.</summary>
    UnconditionalDelete,

    /// <summary>Takes a write in doubt for one that did not happen.</summary>
    DroppedReread,

    /// <summary>Takes a write in doubt for one that did happen.</summary>
    HopedFor,

    /// <summary>Takes an old snapshot for a fresh one.</summary>
    StaleSnapshot,

    /// <summary>Overhears that a key was deleted.</summary>
    DroppedDelete,

    /// <summary>Looks only at keys that its own network config leases.</summary>
    OverlookedOverlap,

    /// <summary>Looks for others before it writes, and not afterwards.</summary>
    NoSecondLook,

    /// <summary>Goes on as if an etcd lease that is gone were there.</summary>
    ExpiredStillOurs,

    /// <summary>Puts the next key under an etcd lease that a write in doubt may yet put another under.</summary>
    DoubtfulLeaseKept,

    /// <summary>Thinks that its etcd lease lives longer than it does.</summary>
    OverratedLease,
}
