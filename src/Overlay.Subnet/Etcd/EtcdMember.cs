using dotnet_etcd;

namespace Overlay.Subnet.Etcd;

/// <summary>One of the members that <c>etcd-endpoints</c> names, as its <see cref="EtcdConnection"/> uses it, which guards it with its lock.</summary>
/// <param name="endpoint">Its URL; null where calls are carried by other means.</param>
internal sealed class EtcdMember(string? endpoint)
{
    // A channel that lost its server in the middle of connecting may wait for that connection for ever: seen with a few of 255 agents when
    // etcd is killed, each call of theirs timing out on an etcd that is well.
    public const int StuckAfter = 3;

    private int _timeoutsInARow;

    /// <summary>Its URL, for messages.</summary>
    public string Endpoint { get; } = endpoint ?? "etcd";

    /// <summary>The client that talks to it alone; null before the first call, and after a repair.</summary>
    public EtcdClient? Client { get; set; }

    /// <summary>It has answered. Any thread may call.</summary>
    public void Answered() => Volatile.Write(ref _timeoutsInARow, 0);

    /// <summary>It has not answered in time.</summary>
    /// <returns>Whether its connection may be to blame.</returns>
    public bool TimesOutAgain()
    {
        if (++_timeoutsInARow < StuckAfter)
            return false;
        _timeoutsInARow = 0;
        return true;
    }

    /// <summary>Gives up its connections; the next call opens others.</summary>
    public void Disconnect()
    {
        Client?.Dispose();
        Client = null;
    }
}
