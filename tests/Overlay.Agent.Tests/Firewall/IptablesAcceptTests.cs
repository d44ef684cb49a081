using Overlay.Agent.Firewall.Iptables;
using Overlay.Agent.Firewall.Rules;
using static Overlay.Agent.Tests.Firewall.PaperIptables;

namespace Overlay.Agent.Tests.Firewall;

/// <summary>Our accepts in front of Docker's rules, and what is said where something else stands in front of them.</summary>
public class IptablesAcceptTests
{
    private const string Accept = "-d 10.1.0.0/16 -i flannel.1 -m comment --comment overlay-agent -j ACCEPT";
    private const string RawDrop = "-A PREROUTING -d 10.1.15.7/32 ! -i docker0 -j DROP";

    // What Docker 28.5.2 makes with one container that publishes a port.
    private const string Docker28 = $"""
        *raw
        :PREROUTING ACCEPT [0:0]
        :OUTPUT ACCEPT [0:0]
        {RawDrop}
        COMMIT
        *filter
        :FORWARD DROP [0:0]
        :DOCKER - [0:0]
        :DOCKER-BRIDGE - [0:0]
        :DOCKER-CT - [0:0]
        :DOCKER-FORWARD - [0:0]
        :DOCKER-ISOLATION-STAGE-1 - [0:0]
        :DOCKER-ISOLATION-STAGE-2 - [0:0]
        :DOCKER-USER - [0:0]
        -A FORWARD -j DOCKER-USER
        -A FORWARD -j DOCKER-FORWARD
        -A DOCKER -d 10.1.15.7/32 ! -i docker0 -o docker0 -p tcp -m tcp --dport 80 -j ACCEPT
        -A DOCKER ! -i docker0 -o docker0 -j DROP
        -A DOCKER-BRIDGE -o docker0 -j DOCKER
        -A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
        -A DOCKER-FORWARD -j DOCKER-CT
        -A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1
        -A DOCKER-FORWARD -j DOCKER-BRIDGE
        -A DOCKER-FORWARD -i docker0 -j ACCEPT
        -A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
        -A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
        COMMIT

        """;

    [Fact]
    public void Docker_28_is_passed_in_DOCKER_USER_and_in_raw_and_would_drop_without()
    {
        string mended = After(Some.Rules, Docker28);

        Assert.Contains($"-A DOCKER-USER {Accept}\n", mended, StringComparison.Ordinal);
        Assert.Contains($"-A PREROUTING {Accept}\n{RawDrop}\n", mended, StringComparison.Ordinal);
        Assert.Null(Plan(mended));
        Assert.Null(Loss(mended));
        Assert.Equal("-A PREROUTING -d 10.1.15.7/32 ! -i docker0 -j DROP", Loss(mended.Replace($"-A PREROUTING {Accept}\n", "", StringComparison.Ordinal)));
        Assert.Equal("-A DOCKER ! -i docker0 -o docker0 -j DROP", Loss(mended.Replace($"-A DOCKER-USER {Accept}\n", "", StringComparison.Ordinal)));
    }

    [Fact]
    public void Only_what_comes_out_of_the_overlay_is_accepted_there()
    {
        string mended = After(Some.Rules, Docker28);

        Assert.Equal("-A DOCKER ! -i docker0 -o docker0 -j DROP", Loss(
            mended.Replace("-i flannel.1", "-i eth0", StringComparison.Ordinal).Replace("*raw", "*elsewhere", StringComparison.Ordinal)));
        Assert.DoesNotContain("-A DOCKER-USER -j", mended, StringComparison.Ordinal);   // not all that FLANNEL-FWD accepts
    }

    [Fact]
    public void Dockers_up_to_27_end_their_chain_with_RETURN_and_the_operators_rules_go_first()
    {
        const string Operators = "-A DOCKER-USER -i flannel.1 -s 10.1.66.0/24 -j DROP\n";
        string save = Saved().Replace($"-A DOCKER-USER {Accept}\n", Operators, StringComparison.Ordinal);

        Assert.Contains($"{Operators}-A DOCKER-USER {Accept}\n-A DOCKER-USER -j RETURN\n", After(Some.Rules, save), StringComparison.Ordinal);
        Assert.DoesNotContain("raw", Plan("")!.Script, StringComparison.Ordinal);   // a kernel may have no such table
    }

    [Theory]
    [InlineData($"-A DOCKER-USER {Accept}\n", "")]
    [InlineData($"-A DOCKER-USER {Accept}\n", $"-A DOCKER-USER {Accept}\n-A DOCKER-USER {Accept}\n-A DOCKER-USER {Accept}\n")]
    [InlineData($"-A DOCKER-USER {Accept}\n-A DOCKER-USER -j RETURN\n", $"-A DOCKER-USER -j RETURN\n-A DOCKER-USER {Accept}\n")]
    [InlineData("-i flannel.1", "-i flannel.9")]
    public void K5_what_is_missing_doubled_out_of_reach_or_for_another_device_is_put_right(string right, string wrong)
    {
        string saved = Saved();
        Assert.Contains(right, saved, StringComparison.Ordinal);

        Assert.Equal(saved, After(Some.Rules, saved.Replace(right, wrong, StringComparison.Ordinal)));
    }

    [Fact]
    public void K5_in_raw_it_is_put_in_front_of_Dockers_drop_again_and_stays_when_the_last_drop_goes()
    {
        string mended = After(Some.Rules, Docker28);

        Assert.Equal(mended, After(Some.Rules, mended.Replace($"-A PREROUTING {Accept}\n{RawDrop}\n", $"{RawDrop}\n-A PREROUTING {Accept}\n", StringComparison.Ordinal)));
        Assert.Null(Plan(mended.Replace($"{RawDrop}\n", "", StringComparison.Ordinal)));
    }

    [Fact]
    public void Each_daemon_has_its_own_and_takes_only_its_own_away()
    {
        string both = After(Some.Other, After(Some.Rules, Docker28));

        Assert.Null(Plan(both));
        Assert.Null(Plan(both, Some.Other));
        string left = After(OverlayRules.None(Some.Other.Network), both);
        Assert.Null(Plan(left));
        Assert.DoesNotContain("flannel.2", left, StringComparison.Ordinal);
        Assert.DoesNotContain("overlay-agent", After(OverlayRules.None(OverlayRules.Everything), left), StringComparison.Ordinal);
        Assert.DoesNotContain("overlay-agent", After(Some.Rules with { Forward = false }, left), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("-A FORWARD -j REJECT --reject-with icmp-host-prohibited", "-A FORWARD -j REJECT --reject-with icmp-host-prohibited")]
    [InlineData("-A FORWARD -j DROP", "-A FORWARD -j DROP")]
    [InlineData("-A FORWARD -j SITE\n-A SITE -d 10.0.0.0/8 -j DROP", "-A SITE -d 10.0.0.0/8 -j DROP")]
    [InlineData("-A FORWARD -j DOCKER-USER\n-A DOCKER-USER -i docker0 -j DROP", "-A DOCKER-USER -i docker0 -j DROP")]
    [InlineData("-A FORWARD -i eth7 -j DROP", null)]
    [InlineData("-A FORWARD -j FLANNEL-FWD\n-A FORWARD -j DROP", null)]
    public void A_rule_that_lets_nothing_through_to_ours_is_found_through_any_chain(string before, string? found) =>
        Assert.Equal(found, Loss(Saved().Replace("-A FORWARD -j DOCKER-USER", before, StringComparison.Ordinal)));

    private static string? Loss(string save) => IptablesReading.Parse(save).Loss(Some.Rules)?.Verdict.By;
}
