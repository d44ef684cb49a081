using Overlay.Encap.Linux.Threads;

namespace Overlay.Encap.Tests.Linux.Threads;

/// <summary>When a packet thread may look for the next packet instead of sleeping.</summary>
public sealed class SpinPolicyTests
{
    [Fact]
    public void The_first_wait_looks() => Assert.True(default(SpinPolicy).IsWorthTrying());

    [Fact]
    public void Looking_goes_on_as_long_as_it_pays()
    {
        SpinPolicy policy = default;

        for (int i = 0; i < 1000; i++)
        {
            Assert.True(policy.IsWorthTrying());
            policy.Report(paid: true);
        }
    }

    [Fact]
    public void Looking_in_vain_makes_it_ever_rarer_up_to_a_bound()
    {
        SpinPolicy policy = default;

        List<int> gaps = [];
        for (int wait = 0, last = 0; wait < 1000; wait++)
        {
            if (!policy.IsWorthTrying()) continue;
            gaps.Add(wait - last);
            last = wait;
            policy.Report(paid: false);
        }

        Assert.Equal([0, 2, 3, 5, 9, 17, 33, 65, 65], gaps.Take(9));
        Assert.All(gaps.Skip(9), gap => Assert.Equal(SpinPolicy.MostSkipped + 1, gap));
    }

    [Fact]
    public void One_packet_in_time_makes_up_for_all_that_was_in_vain()
    {
        SpinPolicy policy = default;
        for (int i = 0; i < 100; i++)
            if (policy.IsWorthTrying()) policy.Report(paid: false);
        while (!policy.IsWorthTrying()) { }

        policy.Report(paid: true);

        Assert.True(policy.IsWorthTrying());
    }
}
