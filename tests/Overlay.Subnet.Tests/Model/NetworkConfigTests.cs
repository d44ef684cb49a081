using System.Net;
using System.Text;
using Overlay.Subnet.Model;
using Overlay.Subnet.Tests.Support;

namespace Overlay.Subnet.Tests.Model;

public sealed class NetworkConfigTests
{
    [Fact]
    public void The_config_of_the_documentation_gets_flannels_defaults()
    {
        NetworkConfig config = Some.Parse("""{ "Network": "10.1.0.0/16", "Backend": { "Type": "vxlan" } }""");
        Assert.Equal(IPNetwork.Parse("10.1.0.0/16"), config.Network);
        Assert.Equal((24, "10.1.1.0", "10.1.255.0"), (config.SubnetLength, $"{config.SubnetMin}", $"{config.SubnetMax}"));
        Assert.Equal(new BackendConfig { Type = "vxlan", Vni = 1, Port = 8472, Mtu = 0 }, config.Backend);
        Assert.False(config.EnableNFTables);
    }

    [Fact]
    public void Every_key_is_read_in_any_case_and_the_last_duplicate_wins()
    {
        NetworkConfig config = Some.Parse(
            """
            {"network":"10.9.0.0/16","NETWORK":"10.3.5.7/20","subnetlen":26,"SubnetMin":"10.3.1.0","SUBNETMAX":"10.3.1.192","enablenftables":true,"unknown":[{}],
             "EnableIPv4":true,"EnableIPv6":null,
             "Backend":{"type":"VxLan","vni":16777215,"port":4789,"mtu":9000,"DirectRouting":true,"Learning":true,"GBP":false,"x":1}}
            """);
        Assert.Equal(IPNetwork.Parse("10.3.0.0/20"), config.Network); // host bits cleared
        Assert.Equal((26, "10.3.1.0", "10.3.1.192"), (config.SubnetLength, $"{config.SubnetMin}", $"{config.SubnetMax}"));
        Assert.True(config.EnableNFTables);
        Assert.Equal(new BackendConfig { Vni = 16777215, Port = 4789, Mtu = 9000, DirectRouting = true }, config.Backend);
    }

    [Theory]
    [InlineData("""{"Network":"10.1.0.0/16"}""")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":null}""")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":{"VNI":1,"Port":0}}""")]
    public void A_missing_backend_type_means_vxlan_and_says_so(string json)
    {
        Assert.Equal(new BackendConfig { TypeWasMissing = true }, Some.Parse(json).Backend);
    }

    [Theory]
    [InlineData("10.1.0.0/22", 24, "10.1.1.0", "10.1.3.0")]
    [InlineData("10.1.0.0/23", 25, "10.1.0.128", "10.1.1.128")]
    [InlineData("10.1.0.0/28", 30, "10.1.0.4", "10.1.0.12")]
    public void Default_subnet_length_follows_the_network(string network, int length, string min, string max)
    {
        NetworkConfig config = Some.Parse($$"""{"Network":"{{network}}"}""");
        Assert.Equal((length, min, max), (config.SubnetLength, $"{config.SubnetMin}", $"{config.SubnetMax}"));
    }

    [Theory]
    [InlineData("", "", "empty")]
    [InlineData(" \n", "", "empty")]
    [InlineData("null", "", "expected an object, found null")]
    [InlineData("[]", "", "expected an object, found an array")]
    [InlineData("{}", "Network", "missing")]
    [InlineData("Network=10.1.0.0/16", "", "not JSON: error at line 1, byte 1")]
    [InlineData("""{"Network":"10.1.0.0/16"} x""", "", "not JSON")]
    [InlineData("""{"Network":"10.1.0.0/16",}""", "", "not JSON")]
    [InlineData("\uFEFF{}", "", "byte order mark")]
    [InlineData("""{"Network":null}""", "Network", "expected a string, found null")]
    [InlineData("""{"Network":7}""", "Network", "expected a string, found a number")]
    [InlineData("""{"Network":""}""", "Network", "not an IPv4 network")]
    [InlineData("""{"Network":"10.1.0.0"}""", "Network", "not an IPv4 network")]
    [InlineData("""{"Network":"10.1/16"}""", "Network", "not an IPv4 network")]
    [InlineData("""{"Network":"010.1.0.0/16"}""", "Network", "not an IPv4 network")]
    [InlineData("""{"Network":"10.1.0.0/33"}""", "Network", "not an IPv4 network")]
    [InlineData("""{"Network":"fd00::/56"}""", "Network", "not an IPv4 network")]
    [InlineData("""{"Network":"\ud800"}""", "Network", "surrogate")]
    [InlineData("""{"Network":"0.0.0.0/0"}""", "Network", "not a network of ordinary unicast addresses")]
    [InlineData("""{"Network":"127.0.0.0/16"}""", "Network", "not a network of ordinary unicast addresses")]
    [InlineData("""{"Network":"224.0.0.0/16"}""", "Network", "not a network of ordinary unicast addresses")]
    [InlineData("""{"Network":"10.1.0.0/31"}""", "Network", "too small")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetLen":"24"}""", "SubnetLen", "expected a whole number")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetLen":24.0}""", "SubnetLen", "expected a whole number")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetLen":-1}""", "SubnetLen", "expected a whole number")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetLen":31}""", "SubnetLen", "above 30")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetLen":17}""", "SubnetLen", "fewer than four")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetMin":"10.2.0.0"}""", "SubnetMin", "outside Network")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetMin":"10.1.5.4"}""", "SubnetMin", "not the start of a /24")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetMax":"10.0.255.0"}""", "SubnetMax", "outside Network")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetMax":null}""", "SubnetMax", "expected a string, found null")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetMin":"10.1.9.0","SubnetMax":"10.1.8.0"}""", "SubnetMin", "above SubnetMax")]
    [InlineData("""{"Network":"10.1.0.0/16","EnableNFTables":"true"}""", "EnableNFTables", "expected true or false, found a string")]
    [InlineData("""{"Network":"10.1.0.0/16","EnableIPv6":true}""", "EnableIPv6", "not supported")]
    [InlineData("""{"Network":"10.1.0.0/16","EnableIPv4":false}""", "EnableIPv4", "not supported")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":"vxlan"}""", "Backend", "expected an object, found a string")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":{"Type":"host-gw"}}""", "Backend.Type", "\"host-gw\" is not supported; supported: vxlan")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":{"Type":"a\nb"}}""", "Backend.Type", "\"a\\u000ab\" is not supported")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":{"Type":7}}""", "Backend.Type", "expected a string")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":{"VNI":16777216}}""", "Backend.VNI", "from 0 to 16777215")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":{"VNI":-1}}""", "Backend.VNI", "expected a whole number")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":{"Port":65536}}""", "Backend.Port", "from 0 to 65535")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":{"MTU":65536}}""", "Backend.MTU", "from 0 to 65535")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":{"MTU":-1450}}""", "Backend.MTU", "expected a whole number")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":{"DirectRouting":1}}""", "Backend.DirectRouting", "expected true or false")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":{"GBP":true}}""", "Backend.GBP", "not supported")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":{"Type":"vxlan"}""", "", "not JSON")]
    public void C23_bad_configs_are_refused_with_key_and_reason(string json, string key, string reason)
    {
        NetworkConfigException e = Assert.Throws<NetworkConfigException>(() => Some.Parse(json));
        Assert.Equal(key, e.Key);
        Assert.Contains(reason, e.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', e.Message);
    }

    [Fact]
    public void C23_size_depth_and_encoding_are_bounded()
    {
        Refused(Encoding.UTF8.GetBytes($$"""{"Network":"10.1.0.0/16","x":"{{new string('x', 1 << 20)}}"}"""), "longer than");
        Refused(Encoding.UTF8.GetBytes("{\"x\":" + new string('[', 10_000) + new string(']', 10_000) + "}"), "nested deeper than 64");
        Refused("{\"Network\":\"10.1.0.0/16\",\"x\":\"\u00ff\"}".Select(c => (byte)c).ToArray(), "not valid UTF-8");

        static void Refused(byte[] json, string reason) =>
            Assert.Contains(reason, Assert.Throws<NetworkConfigException>(() => NetworkConfig.Parse(json)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.1.1.0/24", true)]
    [InlineData("10.1.255.0/24", true)]
    [InlineData("10.1.0.0/24", false)]
    [InlineData("10.2.1.0/24", false)]
    [InlineData("10.1.2.0/25", false)]
    [InlineData("fd00::/24", false)]
    public void Fits_is_length_and_limits(string subnet, bool fits) => Assert.Equal(fits, Some.Config.Fits(IPNetwork.Parse(subnet)));

    [Theory]
    [InlineData("""{"Network":"10.2.0.0/16"}""", "Network SubnetMin SubnetMax")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetLen":25}""", "SubnetLen SubnetMin SubnetMax")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetMin":"10.1.9.0"}""", "SubnetMin")]
    [InlineData("""{"Network":"10.1.0.0/16","SubnetMax":"10.1.9.0"}""", "SubnetMax")]
    [InlineData("""{"Network":"10.1.0.0/16","EnableNFTables":true}""", "EnableNFTables")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":{"Type":"vxlan","VNI":2,"Port":4789,"MTU":1400}}""", "Backend.VNI Backend.Port Backend.MTU")]
    [InlineData("""{"Network":"10.1.0.0/16","Backend":{"Type":"vxlan"}}""", "")]
    public void Each_key_that_changes_is_named(string json, string keys) =>
        Assert.Equal(keys, string.Join(' ', NetworkConfig.Changes(NetworkConfig.Parse("""{"Network":"10.1.0.0/16"}"""u8), Some.Parse(json)).Select(change => change.Key)));
}
