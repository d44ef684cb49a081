using System.Net;
using System.Text;
using Overlay.Agent.Configuration;
using Overlay.Agent.Startup;
using Overlay.Agent.Tunnel;
using Overlay.Encap.Forwarding;
using Overlay.Encap.Linux.Netlink;
using Overlay.Encap.Wire;
using Overlay.Subnet.Model;
using Overlay.Testing.Packets;

namespace Overlay.Agent.Tests.Tunnel;

public sealed class OverlaySettingsTests
{
    [Fact]
    public void Flannels_defaults_come_out_as_flannels_device()
    {
        OverlaySettings settings = Combine("""{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}""");

        Assert.Equal("flannel.1", settings.Device);
        Assert.Equal(IPNetwork.Parse("10.5.0.0/16"), settings.Network);
        Assert.Equal(1450, settings.Mtu.Bytes);
        Assert.Equal(IPAddress.Parse("192.168.0.1"), settings.ListenAddress);
        Assert.Equal(8472, settings.Port);
        Assert.Equal(new Vni(1), settings.Vni);
    }

    [Fact]
    public void Vni_port_and_mtu_of_the_config_count()
    {
        OverlaySettings settings = Combine("""{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","VNI":4096,"Port":4789,"MTU":1400}}""");

        Assert.Equal(("flannel.4096", 4789, 1350, new Vni(4096)), (settings.Device, settings.Port, settings.Mtu.Bytes, settings.Vni));
    }

    [Fact]
    public void The_flag_names_the_device() =>
        Assert.Equal("ovl0", OverlaySettings.Combine(new DataPathSettings { Device = "ovl0" }, Config(Plain), Underlay()).Device);

    [Fact]
    public void The_listen_address_is_that_of_the_underlay_choice()
    {
        UnderlayChoice underlay = Underlay() with { ListenAddress = IPAddress.Any };

        Assert.Equal(IPAddress.Any, OverlaySettings.Combine(new DataPathSettings(), Config(Plain), underlay).ListenAddress);
    }

    [Theory]
    [InlineData("10.5.200.1", "192.168.0.1")]   // behind NAT, under a public address of the overlay
    [InlineData("192.168.0.1", "10.5.0.1")]
    public void E9_an_own_address_inside_of_the_overlay_is_refused(string publicIp, string address)
    {
        UnderlayChoice underlay = Underlay() with { PublicIp = IPAddress.Parse(publicIp), Address = IPAddress.Parse(address) };

        CannotStartException refused = Assert.Throws<CannotStartException>(() => OverlaySettings.Combine(new DataPathSettings(), Config(Plain), underlay));
        Assert.Contains("10.5.0.0/16", refused.Message, StringComparison.Ordinal);
        Assert.Contains("10.5.", refused.Message.Replace("10.5.0.0/16", "", StringComparison.Ordinal), StringComparison.Ordinal);   // the address at fault
    }

    [Theory]
    [InlineData(9000, 8950)]
    [InlineData(65535, 65485)]
    [InlineData(1280, 1230)]
    [InlineData(118, 68)]
    public void H4_the_mtu_follows_the_underlays(int link, int overlay) =>
        Assert.Equal(overlay, OverlaySettings.Combine(new DataPathSettings(), Config(Plain), Underlay(link)).Mtu.Bytes);

    [Theory]
    [InlineData(117)]
    [InlineData(68)]
    [InlineData(1)]
    public void H4_an_underlay_too_small_for_ipv4_is_refused(int link)
    {
        CannotStartException refused = Assert.Throws<CannotStartException>(() => OverlaySettings.Combine(new DataPathSettings(), Config(Plain), Underlay(link)));
        Assert.Contains($"an underlay MTU of {link} ", refused.Message, StringComparison.Ordinal);
        Assert.Contains("eth0", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_node_is_made_of_all_of_it()
    {
        OverlaySettings settings = OverlaySettings.Combine(new DataPathSettings { SourceCheck = SourceCheck.AntiSpoof }, Config(Plain), Underlay());

        LocalNode node = settings.NodeWith(IPNetwork.Parse("10.5.1.0/24"), IPAddress.Parse("192.168.0.1"), Nodes.Mac(1));

        Assert.Equal(Nodes.Local(1, SourceCheck.AntiSpoof), node);
    }

    private const string Plain = """{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan"}}""";

    private static OverlaySettings Combine(string config) => OverlaySettings.Combine(new DataPathSettings(), Config(config), Underlay());

    private static NetworkConfig Config(string json) => NetworkConfig.Parse(Encoding.UTF8.GetBytes(json));

    private static UnderlayChoice Underlay(int mtu = 1500)
    {
        IPAddress address = IPAddress.Parse("192.168.0.1");
        return new UnderlayChoice(new LinkInfo(2, "eth0", null, mtu, true, null, null, null), address, address, address, "by default");
    }
}
