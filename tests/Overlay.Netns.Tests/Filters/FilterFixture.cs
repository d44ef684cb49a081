using System.Net;
using System.Net.Sockets;
using System.Text;
using Overlay.Encap.Wire;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;
using Overlay.Netns.Tests.Traffic;

namespace Overlay.Netns.Tests.Filters;

/// <summary>Two nodes, a third in etcd only, and an attacker on the switch who knows everything and can send in anybody's name.</summary>
public sealed class FilterFixture : IAsyncDisposable
{
    internal const int Port = 6001;

    /// <summary>A third node, which exists in etcd only: its lease makes its addresses somebody's.</summary>
    internal const string ThirdSubnet = "10.1.77.0";
    internal const int ThirdNumber = 77;

    private TwoNodeTopology? _topology;

    internal TwoNodeTopology Topology => _topology ?? throw new InvalidOperationException("not started");

    internal Host Attacker { get; private set; } = null!;

    /// <summary>What passes every check: from the right node's pod to the left node's pod.</summary>
    internal Forgery Right { get; private set; } = null!;

    internal async Task StartAsync()
    {
        Privilege.Require();
        if (_topology is not null) return;
        _topology = await TwoNodeTopology.StartAsync(NodeKind.Ours, NodeKind.Ours);
        Attacker = _topology.Underlay.Attach("attacker", 66);
        // Packets that wait for ARP may be overtaken by later ones; the tests go by the order.
        await Ping.UntilAnsweredAsync(Attacker.Namespace, _topology.Left.Host.Address);
        _topology.Etcd.PutLease($"{ThirdSubnet}-24",
            $$$"""{"PublicIP":"{{{Underlay.AddressOf(ThirdNumber)}}}","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"02:00:00:00:00:77"}}""");
        AgentNode left = (AgentNode)_topology.Left;
        left.AnnounceDrops(Wrong.All.Select(wrong => wrong.Reason));
        await left.Agent.LoggedAsync($"lease {ThirdSubnet}-24 added");
        Right = new Forgery
        {
            OuterSource = _topology.Right.Host.Address,
            OuterDestination = left.Host.Address,
            DestinationMac = Mac(left.VtepMac),
            SourceMac = Mac(_topology.Right.VtepMac),
            Source = _topology.RightPod.Address,
            Destination = _topology.LeftPod.Address,
            Port = Port,
            Payload = "forged"u8.ToArray(),
        };
    }

    internal static MacAddress Mac(string text)
    {
        Assert.True(MacAddress.TryParse(text, out MacAddress mac));
        return mac;
    }

    /// <summary>
    /// Sends a forgery some times, then one with nothing wrong. That one arrives in the left pod: it took the same way, so the others
    /// were there before it. They reached neither the pod nor <paramref name="listener"/>, and are counted under one reason.
    /// </summary>
    internal async Task AssertDroppedAsync(Forgery forgery, string reason, Socket? listener = null)
    {
        const int Times = 10;
        AgentProcess agent = ((AgentNode)Topology.Left).Agent;
        (_, FlowCounts before) = await agent.CountsAsync();
        using Socket pod = Listen(Topology.LeftPod.Namespace);
        string mark = Guid.NewGuid().ToString();
        for (int i = 0; i < Times; i++) forgery.Send(Attacker.Namespace);
        (Right with { Payload = Encoding.ASCII.GetBytes(mark) }).Send(Attacker.Namespace);

        Assert.Equal(mark, await ReceiveAsync(pod));
        Assert.Equal(0, listener?.Available ?? 0);
        FlowCounts after = before;
        await Eventually.TrueAsync(async () =>
        {
            (_, after) = await agent.CountsAsync();
            return after.Delivered > before.Delivered;   // written to the device and read by us, perhaps not yet counted
        }, "the packet with nothing wrong is counted", () => agent.LogText);
        Assert.Equal(Times, after.Dropped(reason) - before.Dropped(reason));
        Assert.Equal(Times, after.Drops.Values.Sum() - before.Drops.Values.Sum());
        Assert.Equal(1, after.Delivered - before.Delivered);
    }

    /// <summary>A UDP socket on <see cref="Port"/>.</summary>
    internal static Socket Listen(NetworkNamespace space)
    {
        Socket socket = space.Socket(SocketType.Dgram, ProtocolType.Udp);
        socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        socket.Bind(new IPEndPoint(IPAddress.Any, Port));
        return socket;
    }

    /// <summary>The next datagram as text.</summary>
    internal static async Task<string> ReceiveAsync(Socket socket)
    {
        using CancellationTokenSource deadline = Eventually.Deadline();
        byte[] buffer = new byte[2048];
        int length = await socket.ReceiveAsync(buffer, deadline.Token);
        return Encoding.ASCII.GetString(buffer, 0, length);
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _topology?.DisposeAsync() ?? ValueTask.CompletedTask;
}
