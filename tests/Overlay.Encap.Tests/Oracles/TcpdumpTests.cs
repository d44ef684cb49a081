using System.Diagnostics;
using PacketDotNet;
using SharpPcap;
using SharpPcap.LibPcap;

namespace Overlay.Encap.Tests.Oracles;

/// <summary>tcpdump reads what we send. Needs no privilege: it only reads a file.</summary>
public sealed class TcpdumpTests
{
    // To tcpdump, flannel's 8472 is Cisco's OTV, so it is shown the same frames on the port of RFC 7348.
    private const int Iana = 4789;

    [Fact]
    public async Task It_reads_vxlan_with_right_checksums_throughout()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/tcpdump") || File.Exists("/usr/sbin/tcpdump"), "tcpdump is not installed");
        SentFrames sent = SentFrames.Make(Iana);
        string file = Path.Combine(Path.GetTempPath(), $"overlay-{Guid.NewGuid():N}.pcap");
        string text;
        try
        {
            Write(file, sent.Frames);
            text = await Read(file, TestContext.Current.CancellationToken);
        }
        finally
        {
            File.Delete(file);
        }

        string[] headers = [.. text.Split('\n').Where(line => line.Contains("VXLAN"))];
        Assert.Equal(sent.Frames.Count, headers.Length);
        Assert.All(headers, line => Assert.Contains("[udp sum ok] VXLAN, flags [I] (0x08), vni 1", line));
        Assert.Equal(sent.Frames.Count, Count(text, "02:00:00:00:00:01 > 02:00:00:00:00:02, ethertype IPv4 (0x0800)"));
        Assert.Equal(5, Count(text, "(correct)"));                            // TCP: four segments and the partial one
        Assert.Equal(sent.Frames.Count + 6, Count(text, "[udp sum ok]"));     // outer, and the six inner datagrams
        Assert.Equal(1, Count(text, "ICMP echo request"));
        Assert.Equal(4, Count(text, "tos 0x2,ECT(0)") / 2);                   // outer as inner
        foreach (string complaint in new[] { "bad", "incorrect", "wrong", "truncated", "[|" }) Assert.DoesNotContain(complaint, text);
    }

    private static void Write(string file, List<byte[]> frames)
    {
        try
        {
            using CaptureFileWriterDevice writer = new(file);
            writer.Open(new DeviceConfiguration { LinkLayerType = LinkLayers.Ethernet });
            foreach (byte[] frame in frames) writer.Write(frame);
        }
        catch (DllNotFoundException)
        {
            Assert.Skip("libpcap is not installed");
        }
    }

    private static async Task<string> Read(string file, CancellationToken cancel)
    {
        using Process tcpdump = Process.Start(new ProcessStartInfo("tcpdump", ["-nn", "-e", "-vv", "-r", file])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> errors = tcpdump.StandardError.ReadToEndAsync(cancel);
        string text = await tcpdump.StandardOutput.ReadToEndAsync(cancel);
        await tcpdump.WaitForExitAsync(cancel);
        Assert.True(tcpdump.ExitCode == 0, await errors);
        return text;
    }

    private static int Count(string text, string part) => text.Split(part).Length - 1;
}
