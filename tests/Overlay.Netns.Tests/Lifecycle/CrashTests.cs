using System.Globalization;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;
using static Tmds.Linux.LibC;

namespace Overlay.Netns.Tests.Lifecycle;

/// <summary>An agent that is killed at the worst of moments comes back with the subnet it had, and never with two.</summary>
public sealed class CrashTests : LifecycleTest
{
    // A user that may read and not write gets as far as the grant, and no further, every time.
    [Fact]
    public async Task C31_killed_between_grant_and_create_it_leaves_no_key_and_then_one()
    {
        const string Password = "p";
        string[] root = ["--user", $"root:{Password}"];
        Etcd.Ctl("user", "add", $"root:{Password}");
        Etcd.Ctl("user", "grant-role", "root", "root");
        Etcd.Ctl("role", "add", "reader");
        Etcd.Ctl("role", "grant-permission", "reader", "read", "--prefix=true", $"{EtcdNode.Prefix}/");
        Etcd.Ctl("user", "add", $"agent:{Password}");
        Etcd.Ctl("user", "grant-role", "agent", "reader");
        Etcd.Ctl("auth", "enable");
        Node.Announce("cannot get a subnet yet");
        AgentProcess agent = Node.StartWith(new Dictionary<string, string> { ["FLANNELD_ETCD_PASSWORD"] = Password }, "--etcd-username=agent");
        await agent.LoggedAsync("lacks the write permission");
        agent.Signal(SIGKILL);
        await agent.ExitAsync();
        Etcd.Ctl([.. root, "auth", "disable"]);
        Assert.Contains("found 1 leases", Etcd.Ctl("lease", "list"), StringComparison.Ordinal);   // the orphan, which expires by itself
        Assert.Empty(Etcd.Leases());

        await Node.StartReadyAsync();

        Assert.Equal(Node.LeaseName, Assert.Single(Etcd.Leases()).Key);
    }

    [Theory]
    [InlineData("rename,renameat,renameat2", false)]   // the key stands, subnet.env is about to take its place
    [InlineData("open,openat", true)]                  // subnet.env is in its place, its folder is about to be flushed; READY comes later
    public async Task C31_killed_around_the_writing_of_subnet_env_it_comes_back_with_the_subnet_of_its_key(string calls, bool hasFile)
    {
        Assert.SkipUnless(Privilege.IsInstalled("strace"), "not installed: strace");
        string path = hasFile ? Node.Folder : Path.Combine(Node.Folder, ".subnet.env.overlay-agent.tmp");   // strace looks at the old name of a rename
        AgentProcess agent = Node.StartThrough(
            "strace", "-f", "-o", Path.Combine(Underlay.Folder, "strace"), "-P", path, "-e", $"trace={calls}", "-e", $"inject={calls}:signal=KILL:when=1");
        await agent.ExitAsync();
        Assert.Equal(0, agent.Count(" INFO  ready: "));
        Assert.Equal(hasFile, File.Exists(Node.SubnetFilePath));
        (string name, string value) = Assert.Single(Etcd.Leases());

        await Node.StartReadyAsync();

        Assert.Equal(KeyValuePair.Create(name, value), Assert.Single(Etcd.Leases()));
        Assert.Equal(name, Node.LeaseName);
        Assert.Empty(Directory.GetFiles(Node.Folder, ".*"));   // no temporary file is left
    }

    // OVERLAY_KILLS=1000 for a release.
    [Fact]
    public async Task R4_killed_again_and_again_at_random_moments_it_keeps_its_subnet_and_its_file()
    {
        int kills = int.Parse(Environment.GetEnvironmentVariable("OVERLAY_KILLS") ?? "20", CultureInfo.InvariantCulture);
        int seed = Environment.TickCount;
        TestContext.Current.TestOutputHelper?.WriteLine($"R4: {kills} kills, seed {seed}");
        Random random = new(seed);
        await Node.StartReadyAsync();
        (string name, string value) = Assert.Single(Etcd.Leases());
        string file = await File.ReadAllTextAsync(Node.SubnetFilePath, TestContext.Current.CancellationToken);
        int ready = 0;
        for (int i = 0; i < kills; i++)
        {
            Node.Agent.Signal(SIGKILL);
            await Node.Agent.ExitAsync();
            ready += Node.Agent.Count(" INFO  ready: ");
            Assert.Equal(KeyValuePair.Create(name, value), Assert.Single(Etcd.Leases()));
            Assert.Equal(file, await File.ReadAllTextAsync(Node.SubnetFilePath, TestContext.Current.CancellationToken));
            Node.Start();
            await Task.Delay(random.Next(400), TestContext.Current.CancellationToken);
        }
        await Node.Agent.ReadyAsync();   // not stuck

        TestContext.Current.TestOutputHelper?.WriteLine($"R4: {kills} kills, {ready} of them when ready: 0 subnets changed, 0 wrong files, 0 stuck");
        Assert.Equal(KeyValuePair.Create(name, value), Assert.Single(Etcd.Leases()));
        Assert.Equal(name, Node.LeaseName);
    }
}
