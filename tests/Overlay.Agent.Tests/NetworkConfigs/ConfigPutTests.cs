using Overlay.Agent.Tests.Support;
using Overlay.Subnet.Store;

namespace Overlay.Agent.Tests.NetworkConfigs;

/// <summary><c>config put</c> against a real etcd.</summary>
public sealed class ConfigPutTests(EtcdOfTests etcd) : IClassFixture<EtcdOfTests>, IDisposable
{
    private const string Sixteen = """{"Network":"10.1.0.0/16","Backend":{"Type":"vxlan"}}""";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task The_first_config_is_written_as_it_stands_in_the_file()
    {
        using EtcdNetwork network = etcd.NewNetwork();
        VerbRun run = await network.RunAsync("config", "put", File(Sixteen + "\n"), "--yes");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(Sixteen, await network.TextAsync(StorePaths.Config));
        Assert.Contains("Network: none -> 10.1.0.0/16", run.Out);
        Assert.DoesNotContain("Backend.MTU", run.Out);   // neither before nor now
        Assert.DoesNotContain("EnableNFTables", run.Out);
        Assert.Contains("written at revision", run.Out);
    }

    [Fact]
    public async Task What_changes_and_for_whom_is_shown_and_nothing_is_written_without_leave()
    {
        using EtcdNetwork network = etcd.NewNetwork();
        await network.PutAsync(StorePaths.Config, Sixteen);
        await network.LeaseAsync("10.1.5.0-24", "192.168.0.5");
        await network.LeaseAsync("10.1.200.0-24", "192.168.0.6");
        await network.PutAsync("subnets/10.1.7.0-24", """{"PublicIP":"192.168.0.7","PublicIPv6":null}""");
        string next = File("""{"Network":"10.1.0.0/17","SubnetMax":"10.1.6.0","Backend":{"Type":"vxlan","VNI":2}}""");

        foreach (string[] arguments in new string[][] { ["config", "put", next], ["config", "put", next, "--dry-run"] })
        {
            VerbRun run = await network.RunAsync(arguments);
            Assert.Equal(arguments.Length == 3 ? 1 : 0, run.Code);
            Assert.Contains("2 of 3 leases and reservations do not fit any more", run.Out);
            Assert.Contains("10.1.200.0/24 of 192.168.0.6: it is outside of Network 10.1.0.0/17", run.Out);
            Assert.Contains("10.1.7.0/24 of 192.168.0.7, reserved: it is outside of SubnetMin 10.1.1.0 to SubnetMax 10.1.6.0", run.Out);
            Assert.DoesNotContain("10.1.5.0", run.Out);
            Assert.Contains("Backend.VNI: 1 -> 2", run.Out);
            Assert.Contains("restart all agents together", run.Out);
        }
        Assert.Equal(Sixteen, await network.TextAsync(StorePaths.Config));
    }

    [Theory]
    [InlineData("y", 0)]
    [InlineData("n", 1)]
    [InlineData("", 1)]
    [InlineData(null, 1)]
    public async Task An_operator_at_a_terminal_is_asked(string? answer, int code)
    {
        using EtcdNetwork network = etcd.NewNetwork();
        VerbRun run = await network.RunAsync(() => answer, "config", "put", File(Sixteen));
        Assert.Equal(code, run.Code);
        Assert.Contains("? [y/N] ", run.Error);
        Assert.Equal(code == 0 ? Sixteen : null, await network.TextAsync(StorePaths.Config));
    }

    [Fact]
    public async Task A_config_that_somebody_changes_meanwhile_is_not_overwritten()
    {
        using EtcdNetwork network = etcd.NewNetwork();
        await network.PutAsync(StorePaths.Config, Sixteen);
        const string theirs = """{"Network":"10.3.0.0/16"}""";
        VerbRun run = await network.RunAsync(WriteTheirs, "config", "put", File("""{"Network":"10.2.0.0/16"}"""));
        Assert.Equal(1, run.Code);
        Assert.Contains("somebody else wrote the config", run.Error);
        Assert.Equal(theirs, await network.TextAsync(StorePaths.Config));

        string WriteTheirs()
        {
            network.PutAsync(StorePaths.Config, theirs).GetAwaiter().GetResult();
            return "y";
        }
    }

    [Fact]
    public async Task The_same_config_is_not_written_again_and_a_bad_one_never()
    {
        using EtcdNetwork network = etcd.NewNetwork();
        long revision = (await network.PutAsync(StorePaths.Config, Sixteen)).Revision;
        VerbRun same = await network.RunAsync("config", "put", File(Sixteen + "\n"));
        Assert.Equal(0, same.Code);
        Assert.Contains("nothing to do", same.Out);
        Assert.Equal(1, (await network.RunAsync("config", "put", File("""{"Network":"10.1.0.0/33"}"""), "--yes")).Code);
        Assert.Equal(revision, (await network.GetAsync(StorePaths.Config))!.ModRevision);
    }

    [Fact]
    public async Task An_unusable_config_can_be_replaced_and_standard_input_is_taken()
    {
        using EtcdNetwork network = etcd.NewNetwork();
        await network.PutAsync(StorePaths.Config, "rubbish");
        VerbRun run = await VerbRun.OfAsync(["config", "put", "-", "--yes", .. network.Flags], Sixteen);
        Assert.Equal(0, run.Code);
        Assert.Contains("not usable", run.Error);
        Assert.Equal(Sixteen, await network.TextAsync(StorePaths.Config));
    }

    private string File(string content)
    {
        string path = _folder.File($"{Guid.NewGuid():n}.json");
        System.IO.File.WriteAllText(path, content);
        return path;
    }
}
