using System.Net;
using Overlay.Agent.Firewall.Iptables;
using Overlay.Agent.Firewall.Rules;
using static Overlay.Agent.Tests.Firewall.PaperIptables;

namespace Overlay.Agent.Tests.Firewall;

/// <summary>From iptables-save to iptables-restore, as texts.</summary>
public class IptablesPlannerTests
{
    private const string Restore = """
        *nat
        :FLANNEL-POSTRTG - [0:0]
        -A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
        -A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN
        -A FLANNEL-POSTRTG -s 10.1.0.0/16 -p udp -m udp --dport 8472 -m comment --comment "flanneld masq" -j RETURN
        -A FLANNEL-POSTRTG -s 10.1.15.0/24 -d 10.1.0.0/16 -m comment --comment "flanneld masq" -j RETURN
        -A FLANNEL-POSTRTG -s 10.1.0.0/16 -d 10.1.15.0/24 -m comment --comment "flanneld masq" -j RETURN
        -A FLANNEL-POSTRTG ! -s 10.1.0.0/16 -d 10.1.15.0/24 -m comment --comment "flanneld masq" -j RETURN
        -A FLANNEL-POSTRTG -s 10.1.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
        -A FLANNEL-POSTRTG ! -s 10.1.0.0/16 -d 10.1.0.0/16 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully
        COMMIT
        *filter
        :FLANNEL-FWD - [0:0]
        -A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD
        -A FLANNEL-FWD -s 10.1.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
        -A FLANNEL-FWD -d 10.1.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT
        COMMIT

        """;

    [Fact]
    public void On_an_empty_host_the_script_is_flannels_and_the_exception_of_the_tunnels_port() => Assert.Equal(Restore, Plan("")!.Script);

    // What iptables-save of versions 1.8.9 prints after that script, both variants alike, beside rules of others.
    [Fact]
    public void What_the_script_leaves_is_in_order() => Assert.Null(Plan(Saved()));

    [Fact]
    public void Tools_that_quote_and_space_differently_say_the_same() =>
        Assert.Null(Plan(Saved().Replace("\"", "", StringComparison.Ordinal).Replace(" -m comment", "  -m comment", StringComparison.Ordinal)));

    [Fact]
    public void K5_a_missing_jump_is_added_and_the_chain_left_alone() => Assert.Equal(
        "*filter\n-A FORWARD -m comment --comment \"flanneld forward\" -j FLANNEL-FWD\nCOMMIT\n",
        Plan(Saved().Replace("-A FORWARD -m comment --comment \"flanneld forward\" -j FLANNEL-FWD\n", "", StringComparison.Ordinal))!.Script);

    [Fact]
    public void K5_a_jump_that_stands_three_times_stands_once_afterwards()
    {
        const string Jump = "-A FORWARD -m comment --comment \"flanneld forward\" -j FLANNEL-FWD\n";

        string script = Plan(Saved().Replace(Jump, Jump + Jump + Jump, StringComparison.Ordinal))!.Script;

        string delete = Jump.Replace("-A ", "-D ", StringComparison.Ordinal);
        Assert.Equal($"*filter\n{delete}{delete}COMMIT\n", script);
    }

    [Fact]
    public void K5_rules_in_another_order_are_put_in_ours()
    {
        string[] lines = Saved().Split('\n');
        int first = Array.FindIndex(lines, line => line.StartsWith("-A FLANNEL-POSTRTG", StringComparison.Ordinal));
        (lines[first + 2], lines[first + 5]) = (lines[first + 5], lines[first + 2]);

        string script = Plan(string.Join('\n', lines))!.Script;

        Assert.Equal(Restore[..Restore.IndexOf("*filter", StringComparison.Ordinal)].Replace("-A POSTROUTING -m comment --comment \"flanneld masq\" -j FLANNEL-POSTRTG\n", "", StringComparison.Ordinal), script);
    }

    [Theory]
    [InlineData("-A FLANNEL-FWD -s 10.1.7.0/24 -j DROP\n")]
    [InlineData("-A FLANNEL-FWD -j DROP\n")]
    [InlineData("-A FLANNEL-FWD -s 10.9.0.0/16 -j DROP\n")]
    public void A_stray_rule_in_a_chain_of_ours_goes(string stray) =>
        Assert.DoesNotContain(stray.Trim(), Plan(Saved().Replace("-A FLANNEL-FWD -s 10.1", stray + "-A FLANNEL-FWD -s 10.1", StringComparison.Ordinal))!.Script, StringComparison.Ordinal);

    [Fact]
    public void R15_a_new_subnet_replaces_the_old_one_in_one_transaction()
    {
        RulePlan? plan = Plan(Saved(), Some.Rules with { Subnet = IPNetwork.Parse("10.1.16.0/24") });

        Assert.Contains("-s 10.1.16.0/24 -d 10.1.0.0/16", plan!.Script, StringComparison.Ordinal);
        Assert.DoesNotContain("10.1.15.0", plan.Script, StringComparison.Ordinal);
        Assert.DoesNotContain("filter", plan.Script, StringComparison.Ordinal);
    }

    [Fact]
    public void Rules_of_a_former_network_go_and_those_of_a_daemon_beside_us_stay()
    {
        string both = After(Some.Rules, After(Some.Other, ""));

        Assert.Null(Plan(both, Some.Rules));
        Assert.Null(Plan(both, Some.Other));
        string script = Plan(both, Some.Rules with { Former = [Some.Other.Network] })!.Script;
        Assert.Equal(Restore.Replace("-A POSTROUTING -m comment --comment \"flanneld masq\" -j FLANNEL-POSTRTG\n", "", StringComparison.Ordinal)
            .Replace("-A FORWARD -m comment --comment \"flanneld forward\" -j FLANNEL-FWD\n", "", StringComparison.Ordinal), script);
    }

    [Fact]
    public void What_is_not_wanted_goes_with_chain_and_jump() => Assert.Equal(
        """
        *nat
        :FLANNEL-POSTRTG - [0:0]
        -D POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG
        -X FLANNEL-POSTRTG
        COMMIT

        """, Plan(Saved(), Some.Rules with { Masquerade = false })!.Script);

    [Fact]
    public void Removal_leaves_a_daemon_beside_us_its_rules()
    {
        string left = After(OverlayRules.None(Some.Rules.Network), After(Some.Other, After(Some.Rules, "")));

        Assert.DoesNotContain("10.1.", left, StringComparison.Ordinal);
        Assert.Null(Plan(left, Some.Other));
        Assert.Null(Plan(left, OverlayRules.None(Some.Rules.Network)));
        Assert.DoesNotContain("FLANNEL", After(OverlayRules.None(OverlayRules.Everything), left), StringComparison.Ordinal);
    }

    // An operator put it in front of a REJECT by hand: the chain cannot be deleted under it, and his rule is his.
    [Fact]
    public void A_chain_that_a_foreign_rule_jumps_to_is_emptied_and_left()
    {
        string save = Saved().Replace("-A FORWARD -j DOCKER-USER", "-A FORWARD -j DOCKER-USER\n-A FORWARD -j FLANNEL-FWD", StringComparison.Ordinal);

        string script = Plan(save, Some.Rules with { Forward = false })!.Script;

        Assert.DoesNotContain("-X", script, StringComparison.Ordinal);
        Assert.Contains(":FLANNEL-FWD - [0:0]\n-D FORWARD -m comment", script, StringComparison.Ordinal);
        string emptied = string.Join('\n', save.Split('\n').Where(line => !line.Contains("flanneld forward", StringComparison.Ordinal) && !line.Contains("overlay-agent", StringComparison.Ordinal)));
        Assert.Null(Plan(emptied, Some.Rules with { Forward = false }));
    }

    [Fact]
    public void Without_random_ports_and_forward_rules_the_script_has_neither()
    {
        string script = Plan("", Some.Rules with { FullyRandom = false, Forward = false })!.Script;

        Assert.DoesNotContain("random", script, StringComparison.Ordinal);
        Assert.DoesNotContain("filter", script, StringComparison.Ordinal);
    }

    [Fact]
    public void Of_the_rules_of_a_large_kube_proxy_only_those_about_our_chain_are_kept()
    {
        string[] lines = [.. Saved().Split('\n').Where(IptablesReading.Matters())];

        Assert.Null(Plan(string.Join('\n', lines)));
        Assert.DoesNotContain(lines, line => line.Contains("KUBE", StringComparison.Ordinal));
    }
}
