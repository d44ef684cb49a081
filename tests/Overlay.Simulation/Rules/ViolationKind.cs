namespace Overlay.Simulation.Rules;

/// <summary>What an agent must never do.</summary>
public enum ViolationKind
{
    /// <summary>Its write replaced or deleted another node's live key.</summary>
    OverwroteAnother,

    /// <summary>It wrote a key that is not its own: another's name in it, or outside the network.</summary>
    WrongKey,

    /// <summary>It gave a reservation a time to live, or deleted one.</summary>
    TouchedReservation,

    /// <summary>It created a key that never runs out: those are an operator's to make.</summary>
    MadeReservation,

    /// <summary>It let the key that it uses run out, though nothing stands between it and etcd.</summary>
    Lapsed,

    /// <summary>It made a second key while it knew of its first.</summary>
    SecondKey,

    /// <summary>It says it has written what etcd never held.</summary>
    UnbackedClaim,

    /// <summary>It put two keys under one etcd lease.</summary>
    SharedEtcdLease,

    /// <summary>Two live keys overlap.</summary>
    Overlap,

    /// <summary>It took another subnet although the one it had was free.</summary>
    NeedlessMove,

    /// <summary>It goes on using a subnet long after it was told that another node holds it.</summary>
    DeafToLoss,

    /// <summary>It uses a subnet that another node has held for long, though nothing stands between it and etcd.</summary>
    TwoOwners,

    /// <summary>It believes to hold a key that has long been absent, though nothing stands between it and etcd.</summary>
    PhantomLease,

    /// <summary>Its key has long not said what it should, though nothing stands between it and etcd.</summary>
    StaleKey,

    /// <summary>Its table shows something that etcd did not hold at that revision.</summary>
    WrongTable,

    /// <summary>Its table went back to an older revision of the same store.</summary>
    WentBack,

    /// <summary>After the last fault it did not come to rest as it should.</summary>
    NotSettled,

    /// <summary>One of its tasks failed or did not end when asked to.</summary>
    Crash,
}
