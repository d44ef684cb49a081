namespace Overlay.Encap.Linux.Threads;

/// <summary>
/// Whether a wait shall begin with looking instead of sleeping. Each time that looking was in vain, twice as many waits as before go by
/// without, up to <see cref="MostSkipped"/>; once it was not, the next begins with looking again. So a thread that is never met in time
/// loses one look in 65 waits, and an idle one next to nothing.
/// </summary>
internal struct SpinPolicy
{
    /// <summary>Most waits in a row that begin with sleep.</summary>
    public const int MostSkipped = 64;

    private int _skip;
    private int _left;

    /// <summary>Asked once for each wait.</summary>
    public bool IsWorthTrying()
    {
        if (_left == 0) return true;
        _left--;
        return false;
    }

    /// <summary>Told of each wait that began with looking, unless a packet was there at the first look, which says nothing.</summary>
    /// <param name="paid">Whether a packet came meanwhile.</param>
    public void Report(bool paid) => _left = _skip = paid ? 0 : Math.Clamp(_skip * 2, 1, MostSkipped);
}
