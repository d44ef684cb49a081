using System.Net.Sockets;
using System.Text;
using Overlay.Agent.Systemd;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Systemd;

public sealed class SdNotifyTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void States_arrive_at_a_socket_in_the_file_system()
    {
        string path = _folder.File("notify");
        AssertStatesArrive(new UnixDomainSocketEndPoint(path), path);
    }

    [Fact]
    public void States_arrive_at_an_abstract_socket()
    {
        string name = "overlay-agent-test-" + Guid.NewGuid().ToString("N");
        AssertStatesArrive(new UnixDomainSocketEndPoint("\0" + name), "@" + name);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("@")]
    [InlineData("/")]
    [InlineData("relative/path")]
    [InlineData("vsock:2:1")]
    public void Without_a_usable_address_nothing_happens(string? address)
    {
        using var notify = new SdNotify(address);
        Assert.False(notify.IsSupervised);
        notify.Ready("up");
    }

    [Fact]
    public void An_address_too_long_for_a_socket_is_as_none()
    {
        using var notify = new SdNotify("/" + new string('a', 200));
        Assert.False(notify.IsSupervised);
        notify.Stopping("down");
    }

    [Fact]
    public void Nobody_at_the_address_is_no_fault()
    {
        using var notify = new SdNotify(_folder.File("nobody"));
        Assert.True(notify.IsSupervised);
        notify.Ready("up");
    }

    private static void AssertStatesArrive(UnixDomainSocketEndPoint endPoint, string address)
    {
        using var supervisor = new Socket(AddressFamily.Unix, SocketType.Dgram, ProtocolType.Unspecified) { ReceiveTimeout = 30000 };
        supervisor.Bind(endPoint);
        using var notify = new SdNotify(address);
        Assert.True(notify.IsSupervised);

        notify.Status("waiting for etcd\nREADY=1");
        Assert.Equal("STATUS=waiting for etcd\\nREADY=1", Receive(supervisor));
        notify.Ready("10.1.15.0/24, 3 peers");
        Assert.Equal("READY=1\nSTATUS=10.1.15.0/24, 3 peers", Receive(supervisor));
        notify.Alive();
        Assert.Equal("WATCHDOG=1", Receive(supervisor));
        notify.Stopping("asked to stop");
        Assert.Equal("STOPPING=1\nSTATUS=asked to stop", Receive(supervisor));
    }

    private static string Receive(Socket socket)
    {
        byte[] buffer = new byte[4096];
        return Encoding.UTF8.GetString(buffer, 0, socket.Receive(buffer));
    }
}
