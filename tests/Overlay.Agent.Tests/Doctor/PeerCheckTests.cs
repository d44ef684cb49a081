using System.Net;
using Overlay.Agent.Doctor;
using Overlay.Agent.Doctor.Peers;

namespace Overlay.Agent.Tests.Doctor;

/// <summary>Peers from facts made up, the search for a path's MTU, and pings of the real kernel.</summary>
public class PeerCheckTests
{
    private static readonly PeerFacts Good = new(IPAddress.Parse("192.168.64.2"), IPAddress.Parse("10.1.16.0"))
    {
        Sent = 20,
        RoundTrips = [.. Enumerable.Repeat(TimeSpan.FromMilliseconds(0.4), 20)],
        OverlayPath = new PathProbe(1450, 1450, false),
        UnderlayPath = new PathProbe(1500, 1500, false),
    };

    private static readonly PeerFacts Silent = Good with { RoundTrips = [], OverlayPath = null, IsPortRefused = false };

    [Fact]
    public void A_good_peer_is_well() => Assert.All(Judge(Good), f => Assert.Equal(Verdict.Ok, f.Verdict));

    [Fact]
    public void Each_fault_of_a_peer_is_named()
    {
        Some.AssertIs(Judge(Silent), Checks.Reach, Verdict.Fail, "UDP 8472 is filtered one way or both");
        Some.AssertIs(Judge(Silent with { IsPortRefused = true }), Checks.Reach, Verdict.Fail, "nobody listens on its UDP port 8472");
        Some.AssertIs(Judge(Silent with { UnderlayPath = new PathProbe(1500, null, false) }), Checks.Reach, Verdict.Fail, "nor 192.168.64.2 on the underlay");
        Some.AssertIs(Judge(Good with { RoundTrips = [.. Good.RoundTrips.Skip(5)] }), Checks.Reach, Verdict.Warn, "15 of 20 pings");
        Some.AssertIs(Judge(Good with { RoundTrips = [.. Good.RoundTrips.Skip(1), TimeSpan.FromMilliseconds(200)] }), Checks.Jitter, Verdict.Warn, "min 0.40 ms, p50 0.40 ms, max 200.00 ms");
        // A peer whose processor is taken away half of the time: its median is bad, too.
        TimeSpan[] throttled = [.. Enumerable.Range(0, 20).Select(i => TimeSpan.FromMilliseconds(i < 9 ? 0.4 : 50))];
        Some.AssertIs(Judge(Good with { RoundTrips = throttled }), Checks.Jitter, Verdict.Warn, "min 0.40 ms, p50 50.00 ms, max 50.00 ms");
        // Far away is not jittery.
        Some.AssertWell(Judge(Good with { RoundTrips = [.. Enumerable.Range(0, 20).Select(i => TimeSpan.FromMilliseconds(80 + i))] }));
    }

    [Fact]
    public void H3_a_silent_border_is_a_black_hole_and_a_told_one_is_not()
    {
        Some.AssertIs(Judge(Good with { OverlayPath = new(1450, 1350, false), UnderlayPath = new(1500, 1400, false) }), Checks.PathMtu, Verdict.Fail,
            "black hole: overlay packets of 1450 bytes to 10.1.16.0 vanish in silence, up to 1350 pass; on the underlay up to 1400 pass");
        Some.AssertIs(Judge(Good with { OverlayPath = new(1450, 1350, true) }), Checks.PathMtu, Verdict.Fail, "a smaller link is on the way");
        Some.AssertIs(Judge(Silent with { UnderlayPath = new(1500, 1400, false) }), Checks.PathMtu, Verdict.Fail, "on the underlay vanish in silence");
    }

    [Fact]
    public void Without_peers_nothing_is_judged() => Assert.All(PeerChecks.Judge([], 0, 8472, "eth0"), f => Assert.Equal(Verdict.Skip, f.Verdict));

    [Theory]
    [InlineData(1450)]
    [InlineData(1449)]
    [InlineData(1400)]
    [InlineData(1280)]
    [InlineData(69)]
    [InlineData(68)]
    public async Task The_largest_size_that_passes_is_found_to_the_byte(int border)
    {
        PathProbe probe = await PathProbe.RunAsync(size => Task.FromResult(size <= border ? new Echo(true, default) : Echo.Lost), 1450);

        Assert.Equal(new PathProbe(1450, border, false), probe);
        Assert.Equal(border == 1450, probe.Passes);
    }

    [Fact]
    public async Task One_answer_lost_by_chance_is_no_border()
    {
        int asked = 0;

        PathProbe probe = await PathProbe.RunAsync(_ => Task.FromResult(asked++ == 0 ? Echo.Lost : new Echo(true, default)), 1450);

        Assert.True(probe.Passes);
    }

    [Fact]
    public async Task A_peer_that_answers_nothing_has_no_border()
    {
        Assert.Null((await PathProbe.RunAsync(_ => Task.FromResult(Echo.Lost), 1450)).Largest);
        Assert.True((await PathProbe.RunAsync(size => Task.FromResult(size <= 1400 ? new Echo(true, default) : new Echo(false, default, NextHopMtu: 1400)), 1450)).IsTold);
    }

    [Fact]
    public async Task The_kernel_answers_on_loopback_at_the_size_asked_for()
    {
        await using EchoSocket? socket = EchoSocket.Open(TimeProvider.System, out string? problem);
        Assert.SkipWhen(socket is null, problem ?? "");

        Echo[] echoes = await Task.WhenAll(Enumerable.Range(0, 50).Select(i =>
            socket!.AskAsync(IPAddress.Loopback, PathProbe.Small + i * 100, TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken)));

        Assert.All(echoes, echo => Assert.True(echo.Answered && echo.RoundTrip > TimeSpan.Zero));
    }

    private static Finding[] Judge(PeerFacts peer) => [.. PeerChecks.Judge([peer], 0, 8472, "eth0")];
}
