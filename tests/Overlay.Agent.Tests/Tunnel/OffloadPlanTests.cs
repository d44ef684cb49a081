using Overlay.Agent.Configuration;
using Overlay.Agent.Startup;
using Overlay.Agent.Tunnel;
using Overlay.Encap.Linux;

namespace Overlay.Agent.Tests.Tunnel;

public sealed class OffloadPlanTests
{
    private static readonly KernelFeatures Modern = new(new Version(6, 18), SegmentsSends: true, JoinsReceives: true);
    private static readonly KernelFeatures Old = new(new Version(4, 9), SegmentsSends: false, JoinsReceives: false);

    [Fact]
    public void Auto_uses_what_the_kernel_has()
    {
        Assert.Equal(new OffloadPlan(true, true, true, OffloadMode.Auto, null), OffloadPlan.Decide(new DataPathSettings(), Modern));
        Assert.Equal(new OffloadPlan(false, false, true, OffloadMode.Off, null), OffloadPlan.Decide(new DataPathSettings(), Old));
    }

    [Fact]
    public void Off_is_off_whatever_the_kernel_has() =>
        Assert.Equal(new OffloadPlan(false, false, false, OffloadMode.Off, null),
            OffloadPlan.Decide(new DataPathSettings { Gso = OffloadMode.Off, Gro = OffloadMode.Off, Tso = OffloadMode.Off }, Modern));

    [Fact]
    public void On_refuses_to_start_on_a_kernel_that_lacks_it()
    {
        Assert.Contains("--offload-gso=on: Linux 4.9 lacks UDP_SEGMENT",
            Assert.Throws<CannotStartException>(() => OffloadPlan.Decide(new DataPathSettings { Gso = OffloadMode.On }, Old)).Message, StringComparison.Ordinal);
        Assert.Contains("--offload-gro=on",
            Assert.Throws<CannotStartException>(() => OffloadPlan.Decide(new DataPathSettings { Gro = OffloadMode.On }, Old)).Message, StringComparison.Ordinal);
        Assert.Contains("--offload-tunnel-gso=on: Linux 6.16 lacks TUN_F_UDP_TUNNEL_GSO",
            Assert.Throws<CannotStartException>(() => OffloadPlan.Decide(new DataPathSettings { TunnelGso = OffloadMode.On }, Modern with { Release = new Version(6, 16) })).Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("6.19", false)]
    [InlineData("7.0", true)]
    [InlineData("7.1.4", true)]
    [InlineData("7.1.5", false)]
    public void G6_segmented_sends_are_withheld_on_kernels_that_damage_them_unless_insisted_on(string release, bool damages)
    {
        KernelFeatures kernel = Modern with { Release = Version.Parse(release) };
        OffloadPlan plan = OffloadPlan.Decide(new DataPathSettings(), kernel);
        Assert.Equal((!damages, damages), (plan.SegmentsSends, plan.Reason is not null));
        Assert.True(OffloadPlan.Decide(new DataPathSettings { Gso = OffloadMode.On }, kernel).SegmentsSends);
    }
}
