using System.Net.Sockets;
using System.Text;
using Overlay.Agent.Text;

namespace Overlay.Agent.Systemd;

/// <summary>
/// Tells systemd how the service is doing (sd_notify(3)): one datagram of <c>NAME=value</c> lines to the socket that NOTIFY_SOCKET
/// names. Silent where there is none, and where the send fails: a service must not fail because its supervisor is deaf. Our own, since
/// the hosting package's notifier does not exist unless the parent process is called systemd. Thread-safe.
/// </summary>
public sealed class SdNotify : IDisposable
{
    private readonly Socket? _socket;
    private readonly UnixDomainSocketEndPoint? _target;

    /// <summary>Opens the way to a supervisor.</summary>
    /// <param name="address">The value of NOTIFY_SOCKET: an absolute path, or <c>@</c> and an abstract name. Anything else: no supervisor.</param>
    public SdNotify(string? address)
    {
        if (address is not ['/' or '@', _, ..]) return;
        try
        {
            _target = new UnixDomainSocketEndPoint(address[0] == '@' ? "\0" + address[1..] : address);
            _socket = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { SendTimeout = 1000 };
        }
        catch (Exception e) when (e is ArgumentException or SocketException)
        {
            _target = null;
        }
    }

    /// <summary>Whether a supervisor listens, as far as can be told.</summary>
    public bool IsSupervised => _socket is not null && _target is not null;

    /// <summary>The service does its work now (READY=1); what waits for it, such as Docker, may start.</summary>
    public void Ready(string status) => Send($"READY=1\nSTATUS={Printable.Line(status)}");

    /// <summary>What the service does or waits for, in words (STATUS=), as <c>systemctl status</c> shows it.</summary>
    public void Status(string status) => Send($"STATUS={Printable.Line(status)}");

    /// <summary>The service is on its way out (STOPPING=1).</summary>
    public void Stopping(string status) => Send($"STOPPING=1\nSTATUS={Printable.Line(status)}");

    /// <summary>Everything that has to turn does (WATCHDOG=1); without this for as long as the unit allows, systemd kills and restarts.</summary>
    public void Alive() => Send("WATCHDOG=1");

    /// <summary>Closes the socket.</summary>
    public void Dispose() => _socket?.Dispose();

    private void Send(string state)
    {
        if (_socket is null || _target is null) return;
        try
        {
            _socket.SendTo(Encoding.UTF8.GetBytes(state), _target);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Nobody listens, or not fast enough.
        }
    }
}
