using System.Buffers.Binary;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Overlay.Encap.Wire;
using Overlay.Testing.Etcd;

namespace Overlay.Scale;

/// <summary>R16: how long after its key is written the first packet for a new peer arrives there. This process is the peer.</summary>
internal static class ReachFigures
{
    private const int Samples = 100;
    private const int VxlanPort = 8472;

    public static async Task RunAsync(Setting setting)
    {
        await using EtcdServer etcd = await setting.StartEtcdAsync();
        using LeaseWriter writer = new(etcd.Options);
        await writer.PutConfigAsync();
        await writer.PutAsync(Enumerable.Range(0, setting.Peers), LeaseClient.AttributesOf);
        using Node node = setting.Node("left");
        node.Start(setting.Agent, etcd.Endpoint);
        await Setting.UntilAsync(() => node.IsReady && node.Peers == setting.Peers, "the agent is ready", () => node.Log);

        using Socket underlay = new(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp), overlay = node.UdpSocket();
        underlay.Bind(new IPEndPoint(setting.Address, VxlanPort));
        underlay.ReceiveTimeout = 10_000;
        overlay.Bind(new IPEndPoint(node.Address, 0));
        List<double> milliseconds = [];
        for (int sample = 0; sample < Samples; sample++)
        {
            int peer = setting.Peers + 1000 + sample;
            uint target = BinaryPrimitives.ReadUInt32BigEndian(LeaseWriter.SubnetOf(peer).Subnet.BaseAddress.GetAddressBytes()) + 9;
            using CancellationTokenSource stop = new();
            Task sending = SendAsync(overlay, target, stop.Token);
            await Task.Delay(Random.Shared.Next(20, 120));
            long start = Stopwatch.GetTimestamp();
            Task arriving = Task.Run(() => AwaitPacket(underlay, target));
            await writer.PutAsync([peer], _ => LeaseClient.AttributesOf(peer) with { PublicIP = setting.Address });
            await arriving;
            milliseconds.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
            await stop.CancelAsync();
            await sending.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        milliseconds.Sort();
        setting.Report.Note("R16", $"new peer beside {setting.Peers}: key written to first packet there, p50 of {Samples}", milliseconds[Samples / 2], "ms");
        setting.Report.AtMost("R16", "the same, p99", milliseconds[Samples * 99 / 100], "ms", 100);
    }

    private static async Task SendAsync(Socket socket, uint target, CancellationToken stop)
    {
        byte[] payload = new byte[16];
        IPEndPoint to = new(new IPAddress([(byte)(target >> 24), (byte)(target >> 16), (byte)(target >> 8), (byte)target]), 9);
        while (true)
        {
            try
            {
                await socket.SendToAsync(payload, to, stop);
            }
            catch (SocketException)
            {
                // The agent has answered that there is no such node yet.
            }
            await Task.Delay(1, stop);
        }
    }

    private static void AwaitPacket(Socket underlay, uint target)
    {
        byte[] datagram = new byte[2048];
        const int InnerDestination = VxlanHeader.Size + EthernetHeader.Size + 16;
        while (true)
        {
            int length = underlay.Receive(datagram);
            if (length >= InnerDestination + 4 && BinaryPrimitives.ReadUInt32BigEndian(datagram.AsSpan(InnerDestination)) == target) return;
        }
    }
}
