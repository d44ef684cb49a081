using System.Net;
using Overlay.Agent.Docker;
using Overlay.Agent.Doctor;
using Overlay.Agent.Doctor.Firewall;

namespace Overlay.Agent.Tests.Doctor;

/// <summary>Packets walked through tables that were made with nft, as <c>nft list ruleset</c> prints them.</summary>
public class NftCheckTests
{
    // As firewalld 1.x has it, shortened.
    private const string Firewalld = """
        table inet firewalld { # progname firewalld
        	flags owner,persist
        	set allowed {
        		type ipv4_addr
        		elements = { 192.0.2.1,
        			     192.0.2.2 }
        	}

        	chain filter_INPUT {
        		type filter hook input priority filter + 10; policy accept;
        		ct state { established, related } accept
        		ct status dnat accept
        		iifname "lo" accept
        		ct state invalid drop
        		jump filter_INPUT_POLICIES
        		reject with icmpx admin-prohibited
        	}

        	chain filter_FORWARD {
        		type filter hook forward priority filter + 10; policy accept;
        		ct state { established, related } accept
        		ct status dnat accept
        		iifname "lo" accept
        		ct state invalid drop
        		ip6 daddr { ::/96, ::ffff:0.0.0.0/96 } reject with icmpv6 addr-unreachable
        		jump filter_FORWARD_POLICIES
        		reject with icmpx admin-prohibited
        	}

        	chain filter_INPUT_POLICIES {
        		iifname "eth0" jump filter_IN_public
        	}

        	chain filter_IN_public {
        		tcp dport 22 accept
        		ip saddr { 198.51.100.1,
        			   198.51.100.2 } counter packets 1 bytes 60 drop
        	}

        	chain filter_FORWARD_POLICIES {
        	}
        }
        """;

    private static readonly (IPNetwork, IPAddress) Peer = (IPNetwork.Parse("10.1.16.0/24"), IPAddress.Parse("192.168.64.2"));

    [Fact]
    public void A_last_reject_behind_a_policy_of_accept_is_a_warning_and_firewalld_is_mended_by_its_own_tool()
    {
        Finding[] findings = Judge(Firewalld);

        Some.AssertIs(findings, Checks.Forward, Verdict.Warn, "\"reject with icmpx admin-prohibited\" in the nftables chain inet firewalld filter_FORWARD");
        Some.AssertIs(findings, Checks.Input, Verdict.Warn, "in the nftables chain inet firewalld filter_INPUT");
        Assert.Contains(findings, f => f.Mend?.StartsWith("firewall-cmd --permanent --zone=trusted --add-interface=flannel.1", StringComparison.Ordinal) == true);
        // As its tool then has it.
        Finding[] mended = Judge(Firewalld.Replace("tcp dport 22 accept", "udp dport 8472 accept", StringComparison.Ordinal)
            .Replace("chain filter_FORWARD_POLICIES {", "chain filter_FORWARD_POLICIES {\niifname { \"docker0\", \"flannel.1\" } accept", StringComparison.Ordinal));
        Some.AssertWell(mended);
    }

    [Fact]
    public void A_policy_that_drops_is_a_warning_until_its_own_chain_accepts_since_accepts_elsewhere_do_not_help()
    {
        const string Own = "table inet own {\n\tchain fw {\n\t\ttype filter hook forward priority filter; policy drop;\nRULES\t}\n}";
        Finding[] findings = Judge(Own.Replace("RULES", "", StringComparison.Ordinal));

        Some.AssertIs(findings, Checks.Forward, Verdict.Warn, "the policy of the nftables chain inet own fw");
        Assert.Contains(findings, f => f.Mend == "nft insert rule inet own fw ip saddr 10.1.0.0/16 accept; nft insert rule inet own fw ip daddr 10.1.0.0/16 accept");
        Some.AssertWell(Judge(Own.Replace("RULES", "\t\tip daddr 10.1.0.0/16 accept\n\t\tip saddr 10.1.0.0/16 accept\n", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("udp dport 8472 drop", true)]
    [InlineData("udp dport { 53, 8000-9000 } counter packets 5 bytes 300 drop", true)]
    [InlineData("iifname \"eth*\" meta l4proto udp log prefix \"no: \" level warn drop comment \"all of it\"", true)]
    [InlineData("ip saddr != 10.0.0.0/8 drop", true)]
    [InlineData("meta nfproto ipv4 ct state { new, invalid } reject", true)]
    [InlineData("tcp dport 8472 drop", false)]
    [InlineData("ip saddr 10.0.0.0/8 drop", false)]
    [InlineData("ip saddr @blacklist drop", false)]   // not understood: it counts as not matching
    [InlineData("ct state invalid drop", false)]
    [InlineData("ip6 nexthdr ipv6-icmp drop", false)]
    [InlineData("udp dport 8472 accept\ndrop", false)]
    public void A_rule_is_held_against_the_tunnels_packets(string rule, bool drops)
    {
        Finding finding = Assert.Single(Judge($"table inet own {{\nchain in {{\ntype filter hook input priority 0; policy accept;\n{rule}\n}}\n}}"), f => f.Check == Checks.Input);

        Assert.Equal(drops ? Verdict.Warn : Verdict.Ok, finding.Verdict);
    }

    [Fact]
    public void Tables_that_iptables_shows_and_those_of_IPv6_are_not_judged_again()
    {
        const string Forward = "chain FORWARD {\ntype filter hook forward priority filter; policy drop;\n}\n}";

        Some.AssertWell(Judge($"# Warning: table ip filter is managed by iptables-nft, do not touch!\ntable ip filter {{\n{Forward}\ntable ip6 filter {{\n{Forward}"));
        Some.AssertIs(Judge($"table ip filter {{\n{Forward}", iptables: "*nat\nCOMMIT"), Checks.Forward, Verdict.Warn, "ip filter FORWARD");
    }

    [Fact]
    public void Masquerading_is_seen_in_any_table_and_is_missed_in_flannels_when_its_chain_is_gone()
    {
        const string Ours = """
            table ip flannel-ipv4 {
            	chain postrtg {
            		type nat hook postrouting priority srcnat; policy accept;
            		meta mark 0x00004000 return
            		ip saddr 10.1.15.0/24 ip daddr 10.1.0.0/16 return
            		ip saddr 10.1.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random
            	}
            }
            """;

        Some.AssertIs(Judge(Ours, masquerade: true), Checks.Masquerade, Verdict.Ok, "towards the world, not towards peers");
        Some.AssertIs(Judge("table ip flannel-ipv4 {\n}", masquerade: true), Checks.Masquerade, Verdict.Fail, "containers do not reach the world");
    }

    private static Finding[] Judge(string nft, bool masquerade = false, string iptables = "*filter\nCOMMIT") =>
        [.. FirewallChecks.Judge(FirewallFacts.From([("iptables", new(iptables, null))], new(nft, null)), Some.Node with { File = Some.File with { Masquerade = masquerade } }, new DockerView(), Peer)];
}
