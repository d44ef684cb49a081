using System.Globalization;
using System.Text.RegularExpressions;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Systemd;

/// <summary>The units that the package installs, by systemd's own judgement.</summary>
public sealed partial class UnitTests
{
    private const double MostExposure = 2.0;

    [Theory]
    [InlineData("overlay-agent.service")]
    [InlineData("overlay-agent@.service")]
    public void S9_systemd_rates_the_exposure_at_2_or_less(string unit)
    {
        Assert.SkipUnless(File.Exists("/usr/bin/systemd-analyze"), "there is no systemd-analyze");
        using TempFolder folder = new();
        string copy = folder.File(unit.Replace("@", "@one", StringComparison.Ordinal));   // it rates instances, not templates
        File.Copy(Checkout.File($"deploy/systemd/{unit}"), copy);
        (int exitCode, string output, string error) = Tool.Run("systemd-analyze", "security", "--offline=yes", copy);
        Assert.True(exitCode == 0, output + error);
        double exposure = double.Parse(Exposure().Match(output).Groups[1].Value, CultureInfo.InvariantCulture);
        Assert.True(exposure <= MostExposure, output);
    }

    [Fact]
    public void S10_one_capability_and_no_way_to_another()
    {
        string[] lines = File.ReadAllLines(Checkout.File("deploy/systemd/overlay-agent.service"));
        Assert.Equal("CapabilityBoundingSet=CAP_NET_ADMIN", Assert.Single(lines, line => line.Contains("Capabilit", StringComparison.Ordinal) && !line.StartsWith('#')));
        Assert.Contains("NoNewPrivileges=yes", lines);
    }

    [Fact]
    public void Instances_live_in_the_same_sandbox_as_the_service()
    {
        string[] service = Sandbox("overlay-agent.service"), instance = Sandbox("overlay-agent@.service");
        Assert.Contains("ProtectSystem=strict", service);
        Assert.Equal(service, instance);
    }

    [Fact]
    public void K12_a_stop_is_final_and_any_other_end_but_a_usage_error_is_not()
    {
        foreach (string unit in new[] { "overlay-agent.service", "overlay-agent@.service" })
        {
            string[] lines = File.ReadAllLines(Checkout.File($"deploy/systemd/{unit}"));
            Assert.All(
                new[] { "Type=notify", "Restart=always", "RestartPreventExitStatus=2", "StartLimitIntervalSec=0", "TimeoutStartSec=infinity", "RuntimeDirectoryPreserve=yes", "WatchdogSec=30" },
                line => Assert.Contains(line, lines));
        }
    }

    private static string[] Sandbox(string unit) =>
        [.. File.ReadLines(Checkout.File($"deploy/systemd/{unit}")).SkipWhile(line => !line.StartsWith("CPUSchedulingPolicy=", StringComparison.Ordinal)).Where(line => line is not ['#', ..])];

    [GeneratedRegex(@"Overall exposure level for \S+: ([0-9.]+)")]
    private static partial Regex Exposure();
}
