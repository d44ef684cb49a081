namespace Overlay.Subnet.Store;

/// <summary>Why a store operation failed, as far as a caller or an operator acts differently on it.</summary>
public enum StoreFault
{
    /// <summary>Nobody answers at any endpoint.</summary>
    Unreachable,

    /// <summary>No answer in time; a write may or may not have happened.</summary>
    Timeout,

    /// <summary>The cluster has no leader, or this member lost it.</summary>
    NoLeader,

    /// <summary>The server sheds load.</summary>
    Overloaded,

    /// <summary>The database quota is exceeded (NOSPACE alarm): reads work, writes do not.</summary>
    OutOfSpace,

    /// <summary>Wrong user or password, or none where one is needed.</summary>
    Unauthenticated,

    /// <summary>User and password were sent to an etcd that has authentication off.</summary>
    AuthNotEnabled,

    /// <summary>The user may not do this.</summary>
    PermissionDenied,

    /// <summary>TLS could not be set up: certificate, host name or plain text on either side.</summary>
    Tls,

    /// <summary>The etcd lease does not exist (any more).</summary>
    LeaseNotFound,

    /// <summary>The revision asked for has been compacted away.</summary>
    Compacted,

    /// <summary>The store stands at an older revision than one already seen from it: restored from a backup, or wiped.</summary>
    Rewound,

    /// <summary>An answer is larger than can be taken.</summary>
    TooLarge,

    /// <summary>What answers is not an etcd with the v3 API.</summary>
    NotEtcd,

    /// <summary>Anything else.</summary>
    Other,
}
