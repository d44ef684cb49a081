using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using Overlay.Agent.Configuration;
using Overlay.Agent.Forwarding;
using Overlay.Agent.Startup;
using Overlay.Agent.Tunnel;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Linux.Gate;
using Overlay.Encap.Linux.Netlink;
using Overlay.Encap.Linux.Netlink.Events;
using Overlay.Encap.Mtu;
using Overlay.Subnet.Model;

namespace Overlay.Agent.Healing;

/// <summary>
/// Keeps this host as the overlay needs it. One look compares everything that should be with what is, and mends the difference; it is taken
/// whenever the kernel reports a change of the network or the packet loops end, and every <see cref="Every"/> in case that went unheard.
/// </summary>
/// <param name="options">How the underlay is chosen.</param>
/// <param name="config">The network config that is in force.</param>
/// <param name="chosen">The underlay at start.</param>
/// <param name="device">What is kept.</param>
/// <param name="forwarder">Hears of another underlay address.</param>
/// <param name="publish">Publishes another address of this node. Returns at once.</param>
/// <param name="tell">Hears, after each look, what is wrong and could not be mended; null for nothing.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Says what was mended.</param>
internal sealed class HostKeeper(
    UnderlaySettings options, NetworkConfig config, UnderlayChoice chosen, OverlayDevice device, Forwarder forwarder,
    Action<System.Net.IPAddress> publish, Action<string?> tell, TimeProvider time, ILogger log)
{
    /// <summary>Time between two looks when nothing is heard.</summary>
    public static readonly TimeSpan Every = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan LeastPause = TimeSpan.FromMilliseconds(20);
    private const int PausePerLook = 10;   // a look takes at most this part of one processor, however long the kernel's tables are

    private readonly UnderlayWatch _underlay = new(options, choice => OverlaySettings.CheckUnderlay(config, choice), chosen, time);
    private readonly UnderlayReport _report = new(time, log);
    private readonly Repairs _repairs = new(time, log);
    private readonly HostFindings _findings = new(time, log);
    private System.Net.IPAddress _published = chosen.PublicIp;
    private string? _blind;
    private long _overruns;

    /// <summary>Looks and mends until cancelled.</summary>
    /// <exception cref="DeviceLostException">A packet loop failed by a defect of this program.</exception>
    public async Task RunAsync(CancellationToken stop)
    {
        using ShutdownSignal end = new();
        using RouteEvents events = new(end);
        using RouteNetlink netlink = new();
        Channel<bool> hints = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        Thread listener = new(() => Listen(events, hints.Writer)) { Name = "network-events", IsBackground = true };
        listener.Start();
        try
        {
            while (true)
            {
                long began = time.GetTimestamp();
                TimeSpan next = Look(netlink, events);
                TimeSpan pause = time.GetElapsedTime(began) * PausePerLook;
                await Task.Delay(pause > LeastPause ? pause : LeastPause, time, stop).ConfigureAwait(false);
                await HintAsync(hints.Reader, next, stop).ConfigureAwait(false);
            }
        }
        finally
        {
            end.Trigger();
            listener.Join();
        }
    }

    private static void Listen(RouteEvents events, ChannelWriter<bool> hints)
    {
        try
        {
            while (events.Wait()) hints.TryWrite(true);
            hints.TryComplete();
        }
        catch (LinuxException e)
        {
            hints.TryComplete(e);   // ends the wait for hints, and with it the daemon
        }
    }

    private async Task HintAsync(ChannelReader<bool> hints, TimeSpan limit, CancellationToken stop)
    {
        using CancellationTokenSource enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Task<bool> hint = hints.WaitToReadAsync(enough.Token).AsTask();
        await Task.WhenAny(hint, device.Ended, device.Unfinished, Task.Delay(limit, time, enough.Token)).ConfigureAwait(false);
        await enough.CancelAsync().ConfigureAwait(false);
        stop.ThrowIfCancellationRequested();
        if (hint.IsFaulted) await hint.ConfigureAwait(false);
        hints.TryRead(out _);
    }

    // Returns when to look again at the latest.
    private TimeSpan Look(RouteNetlink netlink, RouteEvents events)
    {
        _repairs.BeginRound();
        try
        {
            FollowUnderlay(HostNetwork.Read(netlink));
            device.Inspect(_repairs.Mend);
            if (_repairs.Trouble is null) _findings.Look(netlink, device.Settings, forwarder.Table.Current);
            if (_blind is not null) log.LooksAgain();
            _blind = null;
        }
        catch (LinuxException e)
        {
            if (_blind is null) log.CannotLook(e.Message);
            _blind = e.Message;
        }
        if (events.Overruns > _overruns) log.EventsOverrun(_overruns = events.Overruns);
        tell(string.Join("; ", new[] { _underlay.Trouble, _repairs.Trouble, _findings.Trouble, _blind }.OfType<string>()) is { Length: > 0 } trouble ? trouble : null);
        TimeSpan?[] wishes = [Every, _repairs.NextTry, _underlay.NextLook, _report.Take(_underlay.Trouble, _underlay.Current), _blind is null ? null : TimeSpan.FromSeconds(1)];
        return wishes.OfType<TimeSpan>().Min();
    }

    private void FollowUnderlay(HostNetwork host)
    {
        UnderlayChoice before = _underlay.Current;
        _underlay.Look(host);
        UnderlayChoice now = _underlay.Current;
        if (!now.Address.Equals(before.Address)) log.UnderlayMoved(before.Address, now.Address, now.Link.Name, now.PublicIp);
        if (!now.ListenAddress.Equals(device.Settings.ListenAddress))
            _repairs.Mend(new Flaw("underlay", $"the address of the underlay is {now.ListenAddress} now", () => device.Rebind(now.ListenAddress)));
        if (!now.PublicIp.Equals(_published))
        {
            _published = now.PublicIp;
            forwarder.Readdress(Prefix.AddressOf(now.PublicIp));
            publish(now.PublicIp);
        }
        FollowMtu(now);
    }

    private void FollowMtu(UnderlayChoice underlay)
    {
        TunMtu old = device.Settings.Mtu, wanted = OverlaySettings.MtuOver(config, underlay);
        bool isTooSmall = wanted.Bytes < TunMtu.Minimum;
        if (isTooSmall) wanted = new TunMtu(TunMtu.Minimum);
        if (wanted == old) return;
        string note = isTooSmall ? ", too small for any overlay: it has the least that IPv4 allows" : "";
        _repairs.Mend(new Flaw(isTooSmall ? "too small an MTU" : "overlay MTU", $"{underlay.Link.Name} has MTU {underlay.Link.Mtu} now{note}", () =>
        {
            device.Resize(wanted);
            log.MtuFollowed(old.Bytes, wanted.Bytes, underlay.Link.Name, underlay.Link.Mtu);
        }));
    }
}
