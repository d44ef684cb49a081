using Overlay.Subnet.Model;

namespace Overlay.Subnet.Keeping;

/// <summary>
/// How long a node that runs bears with another's key under its own PublicIP. The key may be a dead node's, whose address this one was given, or
/// one that a restored backup has brought back: such a key is not renewed and vanishes.
/// </summary>
internal sealed class NamesakeSuspicion(TimeProvider time)
{
    private string? _who;
    private long _since;

    /// <summary>Takes notice of a look at all keys.</summary>
    /// <param name="namesake">The other node's lease; null for none.</param>
    /// <param name="patience">How long the same key may stand.</param>
    /// <returns>What is left of that, never negative; null for no namesake.</returns>
    public TimeSpan? Left(Lease? namesake, TimeSpan patience)
    {
        string? who = namesake is null ? null : $"{namesake.Key}@{namesake.CreateRevision}";
        if (who != _who)
            (_who, _since) = (who, time.GetTimestamp());
        if (who is null)
            return null;
        TimeSpan left = patience - time.GetElapsedTime(_since);
        return left > TimeSpan.Zero ? left : TimeSpan.Zero;
    }
}
