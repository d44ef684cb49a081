using System.Net;
using Overlay.Subnet.Model;

namespace Overlay.Subnet.Keeping;

/// <summary>
/// What our key is to say, which changes when the node's own address does; and all that it was ever to say, since the key may show any of
/// it while the answer to a write is lost.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class WantedAttributes(LeaseAttributes first)
{
    private readonly Lock _gate = new();
    private readonly List<LeaseAttributes> _all = [first];   // the newest last
    private TaskCompletionSource _changed = new();

    /// <summary>What it is to say now.</summary>
    public LeaseAttributes Current
    {
        get { lock (_gate) return _all[^1]; }
    }

    /// <summary>Ends when <see cref="Current"/> is no longer <paramref name="known"/>.</summary>
    public Task ChangedFrom(LeaseAttributes known)
    {
        lock (_gate) return _all[^1] == known ? _changed.Task : Task.CompletedTask;
    }

    /// <summary>Asks for another address in the key. Whoever waits for a change goes on here, so that a simulation can repeat it.</summary>
    public void Readdress(IPAddress publicIp)
    {
        TaskCompletionSource changed;
        lock (_gate)
        {
            LeaseAttributes wanted = _all[^1] with { PublicIP = publicIp };
            if (wanted == _all[^1]) return;
            _all.Remove(wanted);
            _all.Add(wanted);
            changed = _changed;
            _changed = new TaskCompletionSource();
        }
        changed.SetResult();
    }

    /// <summary>Whether this is something we wrote, or tried to.</summary>
    public bool IsOurs(LeaseAttributes found)
    {
        lock (_gate) return _all.Contains(found);
    }
}
