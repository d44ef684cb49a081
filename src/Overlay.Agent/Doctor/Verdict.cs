namespace Overlay.Agent.Doctor;

/// <summary>What a check came to, the better before the worse.</summary>
internal enum Verdict
{
    /// <summary>As it should be.</summary>
    Ok,

    /// <summary>Not looked at, for a reason that is given.</summary>
    Skip,

    /// <summary>Works, but slowly, not for long, or not everywhere.</summary>
    Warn,

    /// <summary>Traffic is lost or will be.</summary>
    Fail,
}
