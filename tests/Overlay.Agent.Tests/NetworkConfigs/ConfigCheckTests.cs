using System.Text;
using System.Text.Json;
using Overlay.Agent.NetworkConfigs;
using Overlay.Agent.Tests.Support;
using Overlay.Subnet.Model;

namespace Overlay.Agent.Tests.NetworkConfigs;

/// <summary><c>config check</c>: the parser's judgement, every mistake of it, and the remarks.</summary>
public sealed class ConfigCheckTests
{
    [Theory]
    [InlineData("""{"Network":"10.1.0.0/40","SubnetLen":31,"Backend":{"Type":"udp","VNI":-1,"GBP":true}}""", "Network", "Backend.Type", "Backend.VNI", "Backend.GBP")]
    [InlineData("""{"Network":"10.1.0.0/16","subnetmin":"10.2.0.0","SubnetMax":"10.1.0.7","EnableIPv6":true}""", "EnableIPv6", "SubnetMin", "SubnetMax")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetLen":31,"SubnetMin":"10.1.0.2"}""", "SubnetLen")]
    [InlineData("""{"Network":"127.0.0.0/8","SubnetMin":"10.1.0.2"}""", "Network")]
    [InlineData("""{"SubnetLen":24}""", "Network")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetLen":"24","SubnetLen":"25"}""", "SubnetLen")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":7,"EnableIPv4":false}""", "Backend", "EnableIPv4")]
    [InlineData("[]", "")]
    [InlineData("{", "")]
    [InlineData("", "")]
    public void Every_mistake_is_named_once(string json, params string[] keys)
    {
        ConfigInspection inspection = Inspect(json);
        Assert.Null(inspection.Config);
        Assert.Equal(keys.Order(), inspection.Mistakes.Select(m => m.Key).Order());
        Assert.Throws<NetworkConfigException>(() => NetworkConfig.Parse(Encoding.UTF8.GetBytes(json)));
    }

    [Theory]
    [InlineData("""{"Network":"10.1.3.4/16"}""", "Backend.Type,Network,SubnetMin")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetMin":"10.1.1.0","Backend":{"Type":"vxlan"}}""", "")]
    [InlineData("""{"network":"10.1.0.0/16","SUBNETMIN":"10.1.1.0","backend":{"TYPE":"VXLAN","vni":3}}""", "")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetMin":"10.1.1.0","SubnetMin":"10.1.2.0","Backend":{"Type":"vxlan","Learning":true,"DirectRouting":true}}""", "Backend.DirectRouting,Backend.Learning,SubnetMin")]
    [InlineData("""{"Network":"8.8.0.0/16","SubnetMin":"8.8.1.0","Backend":{"Type":"vxlan","PSK":"x","MTU":500},"IPv6Network":"fd00::/48"}""", "Backend.MTU,Backend.PSK,IPv6Network,Network")]
    public void What_is_ignored_or_read_otherwise_is_said(string json, string keys)
    {
        ConfigInspection inspection = Inspect(json);
        Assert.Equal(NetworkConfig.Parse(Encoding.UTF8.GetBytes(json)), inspection.Config);
        Assert.Equal(keys, string.Join(',', inspection.Warnings.Select(w => w.Key).Order(StringComparer.Ordinal)));
    }

    [Theory]
    [InlineData("SubnetLn", "did you mean SubnetLen?")]
    [InlineData("Netwrk", "did you mean Network?")]
    [InlineData("Vni", "unknown and ignored")]
    public void An_unknown_key_comes_with_the_nearest_known(string key, string remark) =>
        Assert.Contains(Inspect($$"""{"Network":"10.1.0.0/16","{{key}}":1}""").Warnings, w => w.Key == key && w.Text.Contains(remark));

    [Fact]
    public async Task The_effective_config_is_printed_with_its_defaults()
    {
        VerbRun run = await VerbRun.OfAsync(["config", "check", "-"], """{"Network":"10.1.3.0/16","SubnetLen":25,"Backend":{"Type":"vxlan","MTU":1400}}""");
        Assert.Equal(0, run.Code);
        Assert.Equal("""
            Network    10.1.0.0/16
            SubnetLen  25
            SubnetMin  10.1.0.128 (default)
            SubnetMax  10.1.255.128 (default)
            subnets    511
            Backend    vxlan, VNI 1 (default), UDP port 8472 (default)
            MTU        1350 on every node: Backend.MTU 1400 less 50

            """, run.Out);
        Assert.Contains("agents take 10.1.0.0/16", run.Error);
    }

    [Fact]
    public async Task A_bad_config_exits_1_with_key_value_and_reason()
    {
        VerbRun run = await VerbRun.OfAsync(["config", "check", "-"], """{"Network":"10.1.0.0/16","SubnetLen":17}""");
        Assert.Equal((1, ""), (run.Code, run.Out));
        Assert.Contains("overlay-agent: wrong: SubnetLen = 17: 17 gives fewer than four subnets in 10.1.0.0/16\n", run.Error);
    }

    [Fact]
    public async Task Json_says_the_same()
    {
        using TempFolder folder = new();
        await File.WriteAllTextAsync(folder.File("bad.json"), """{"Network":"x"}""", TestContext.Current.CancellationToken);
        VerbRun bad = await VerbRun.OfAsync(["config", "check", folder.File("bad.json"), "--json"]);
        using JsonDocument refused = JsonDocument.Parse(bad.Out);
        Assert.Equal((1, false), (bad.Code, refused.RootElement.GetProperty("valid").GetBoolean()));
        Assert.Equal("Network", refused.RootElement.GetProperty("mistakes")[0].GetProperty("key").GetString());

        VerbRun good = await VerbRun.OfAsync(["config", "check", "--json", "-"], """{"Network":"10.1.0.0/16"}""");
        using JsonDocument taken = JsonDocument.Parse(good.Out);
        Assert.Equal(255, taken.RootElement.GetProperty("effective").GetProperty("subnets").GetInt32());
    }

    [Fact]
    public async Task A_file_that_is_not_there_exits_1() => Assert.Equal(1, (await VerbRun.OfAsync(["config", "check", "/nonexistent/x"])).Code);

    private static ConfigInspection Inspect(string json) => ConfigInspection.Of(Encoding.UTF8.GetBytes(json));
}
