using System.Globalization;
using Overlay.Netns.Tests.Nodes;

namespace Overlay.Netns.Tests.Lifecycle;

/// <summary>What an agent costs and says while there is no etcd.</summary>
public sealed class EtcdAwayTests : LifecycleTest
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(6);

    private protected override bool StartsEtcd => false;

    [Fact]
    public async Task C1_R8_without_etcd_it_says_one_line_and_takes_next_to_no_processor_time()
    {
        Node.Announce("no connection to");
        AgentProcess agent = Node.Start();
        await agent.LoggedAsync("no connection to");
        TimeSpan before = ProcessorTime(agent.Id);
        await Task.Delay(Window, TestContext.Current.CancellationToken);
        double share = (ProcessorTime(agent.Id) - before) / Window;

        TestContext.Current.TestOutputHelper?.WriteLine($"C1, R8: {share:P2} of a core without etcd");
        Assert.InRange(share, 0, 0.05);   // the goal is 1 %
        Assert.Single(agent.Trouble);
    }

    // utime and stime of proc(5), in ticks of 10 ms.
    private static TimeSpan ProcessorTime(int process)
    {
        string[] fields = File.ReadAllText($"/proc/{process}/stat").Split(") ")[1].Split(' ');
        return TimeSpan.FromMilliseconds(10 * (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)));
    }
}
