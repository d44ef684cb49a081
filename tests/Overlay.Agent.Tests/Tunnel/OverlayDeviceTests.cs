using System.ComponentModel;
using System.Net;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Overlay.Agent.Configuration;
using Overlay.Agent.Tests.Forwarding;
using Overlay.Agent.Tunnel;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Linux.Netlink;
using Overlay.Encap.Mtu;
using Overlay.Encap.Wire;
using Overlay.Testing.Packets;
using static Tmds.Linux.LibC;

namespace Overlay.Agent.Tests.Tunnel;

/// <summary>The real device, in network namespaces that vanish with their threads.</summary>
public sealed class OverlayDeviceTests
{
    private static readonly IPNetwork First = IPNetwork.Parse("10.5.1.0/24"), Second = IPNetwork.Parse("10.5.2.0/24");

    // A device that vanishes while it is made anew, as the kernel shows it: made in one namespace, looked for in another.
    [Fact]
    public void K3_a_move_that_cannot_be_carried_out_is_left_for_the_next_inspection() => InNamespace(() =>
    {
        using RouteNetlink netlink = new();
        netlink.SetLink(netlink.Link("lo")!.Index, 65536, up: true, txQueueLength: 1000, gsoMaxSize: 65536);
        OverlaySettings settings = new("flannel.1", IPNetwork.Parse("10.5.0.0/16"), new TunMtu(1450), IPAddress.Loopback, 8472, new Vni(1), new DataPathSettings());
        using OverlayDevice device = OverlayDevice.Open(settings, First, new ForwardingTableRef(Nodes.Table(1)), netlink, replaced: null, new LineLogger());
        netlink.DeleteLink(netlink.Link("flannel.1")!.Index);

        InNamespace(() => device.Move(Second));

        Assert.True(device.Unfinished.IsCompleted);
        List<string> found = [];
        device.Inspect(flaw =>
        {
            found.Add(flaw.Thing);
            flaw.Mend();
        });
        Assert.Equal(["device", "address", "route"], found);
        Assert.False(device.Unfinished.IsCompleted);
        Assert.Contains(netlink.Addresses(), address => address.Address.Equals(Second.BaseAddress) && address.LinkIndex == netlink.Link("flannel.1")!.Index);
    });

    private static void InNamespace(Action body)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "a network namespace needs root");
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                if (unshare(CLONE_NEWNET) != 0) throw new Win32Exception(Marshal.GetLastPInvokeError());
                body();
            }
            catch (Exception exception)
            {
                failure = ExceptionDispatchInfo.Capture(exception);
            }
        })
        { IsBackground = true };
        thread.Start();
        thread.Join();
        failure?.Throw();
    }
}
