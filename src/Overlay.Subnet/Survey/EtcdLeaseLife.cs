namespace Overlay.Subnet.Survey;

/// <summary>How long an etcd lease lives yet. etcd keeps no times, so this is all that is known of a key's age.</summary>
/// <param name="Remaining">Until it ends, unless it is renewed; whole seconds.</param>
/// <param name="Granted">What each renewal gives it; whole seconds.</param>
/// <param name="Keys">How many keys end with it.</param>
public sealed record EtcdLeaseLife(TimeSpan Remaining, TimeSpan Granted, int Keys)
{
    /// <summary>How long ago it was renewed or granted.</summary>
    public TimeSpan SinceRenewal => Granted - Remaining;
}
