using Overlay.Agent.Firewall.Nftables;
using Overlay.Agent.Firewall.Rules;

namespace Overlay.Agent.Tests.Firewall;

/// <summary>From nft list to nft -f, as texts.</summary>
public class NftPlannerTests
{
    private const string Script = """
        add table ip flannel-ipv4
        add chain ip flannel-ipv4 postrtg
        flush chain ip flannel-ipv4 postrtg
        delete chain ip flannel-ipv4 postrtg
        add chain ip flannel-ipv4 postrtg { type nat hook postrouting priority srcnat; policy accept; }
        add rule ip flannel-ipv4 postrtg meta mark 0x00004000 return
        add rule ip flannel-ipv4 postrtg ip saddr 10.1.0.0/16 udp dport 8472 return
        add rule ip flannel-ipv4 postrtg ip saddr 10.1.15.0/24 ip daddr 10.1.0.0/16 return
        add rule ip flannel-ipv4 postrtg ip saddr 10.1.0.0/16 ip daddr 10.1.15.0/24 return
        add rule ip flannel-ipv4 postrtg ip saddr != 10.1.0.0/16 ip daddr 10.1.15.0/24 return
        add rule ip flannel-ipv4 postrtg ip saddr 10.1.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random
        add rule ip flannel-ipv4 postrtg ip saddr != 10.1.0.0/16 ip daddr 10.1.0.0/16 masquerade fully-random
        add chain ip flannel-ipv4 forward
        flush chain ip flannel-ipv4 forward
        delete chain ip flannel-ipv4 forward
        add chain ip flannel-ipv4 forward { type filter hook forward priority filter; policy accept; }
        add rule ip flannel-ipv4 forward ip saddr 10.1.0.0/16 accept
        add rule ip flannel-ipv4 forward ip daddr 10.1.0.0/16 accept

        """;

    // What nft 1.0.6 lists after that script.
    private const string Listing = """
        table ip flannel-ipv4 {
        	chain postrtg {
        		type nat hook postrouting priority srcnat; policy accept;
        		meta mark 0x00004000 return
        		ip saddr 10.1.0.0/16 udp dport 8472 return
        		ip saddr 10.1.15.0/24 ip daddr 10.1.0.0/16 return
        		ip saddr 10.1.0.0/16 ip daddr 10.1.15.0/24 return
        		ip saddr != 10.1.0.0/16 ip daddr 10.1.15.0/24 return
        		ip saddr 10.1.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random
        		ip saddr != 10.1.0.0/16 ip daddr 10.1.0.0/16 masquerade fully-random
        	}

        	chain forward {
        		type filter hook forward priority filter; policy accept;
        		ip saddr 10.1.0.0/16 accept
        		ip daddr 10.1.0.0/16 accept
        	}
        }

        """;

    [Fact]
    public void On_an_empty_host_the_script_makes_flannels_table() => Assert.Equal(Script, NftPlanner.Plan(NftReading.Empty, Some.Rules)!.Script);

    [Fact]
    public void What_the_script_leaves_is_in_order() => Assert.Null(Plan(Listing));

    [Fact]
    public void A_tool_that_prints_priorities_as_numbers_says_the_same() =>
        Assert.Null(Plan(Listing.Replace("priority srcnat", "priority 100", StringComparison.Ordinal).Replace("priority filter", "priority 0", StringComparison.Ordinal)));

    [Theory]
    [InlineData("\t\tip daddr 10.1.0.0/16 accept\n", "")]
    [InlineData("ip saddr 10.1.0.0/16 accept\n", "ip saddr 10.1.0.0/16 accept\nip saddr 10.1.0.0/16 accept\n")]
    [InlineData("ip saddr 10.1.0.0/16 accept", "ip saddr 10.1.0.0/16 drop")]
    [InlineData("priority filter", "priority 17")]
    public void K5_a_chain_that_differs_is_made_anew_and_the_other_left_alone(string right, string wrong) => Assert.Equal(
        "add table ip flannel-ipv4\n" + Script[Script.IndexOf("add chain ip flannel-ipv4 forward", StringComparison.Ordinal)..],
        Plan(Listing.Replace(right, wrong, StringComparison.Ordinal))!.Script);

    [Fact]
    public void What_is_not_wanted_goes_and_the_table_with_the_last_of_it()
    {
        Assert.Equal(
            "add table ip flannel-ipv4\nadd chain ip flannel-ipv4 postrtg\nflush chain ip flannel-ipv4 postrtg\ndelete chain ip flannel-ipv4 postrtg\n",
            Plan(Listing, Some.Rules with { Masquerade = false })!.Script);
        Assert.Equal("delete table ip flannel-ipv4\n", Plan(Listing, OverlayRules.None(Some.Rules.Network))!.Script);
        Assert.Null(Plan("", OverlayRules.None(Some.Rules.Network)));
    }

    [Fact]
    public void Rules_of_a_daemon_beside_us_stay_and_so_does_a_foreign_chain()
    {
        string both = Listing.Replace("ip daddr 10.1.0.0/16 accept\n", "ip daddr 10.1.0.0/16 accept\n\t\tip saddr 10.9.0.0/16 accept\n", StringComparison.Ordinal);

        Assert.Null(Plan(both));
        Assert.EndsWith("{ type filter hook forward priority filter; policy accept; }\nadd rule ip flannel-ipv4 forward ip saddr 10.9.0.0/16 accept\n",
            Plan(both, OverlayRules.None(Some.Rules.Network))!.Script, StringComparison.Ordinal);
        string foreign = Listing.TrimEnd()[..^1] + "\tchain operator {\n\t\tcounter\n\t}\n}\n";
        Assert.DoesNotContain("operator", Plan(foreign, OverlayRules.None(Some.Rules.Network))!.Script, StringComparison.Ordinal);
        Assert.DoesNotContain("delete table", Plan(foreign, OverlayRules.None(Some.Rules.Network))!.Script, StringComparison.Ordinal);
    }

    private static RulePlan? Plan(string listing, OverlayRules? rules = null) => NftPlanner.Plan(NftReading.Parse(listing), rules ?? Some.Rules);
}
