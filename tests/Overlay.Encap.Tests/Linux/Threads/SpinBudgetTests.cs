using System.Diagnostics;
using Overlay.Encap.Linux.Threads;

namespace Overlay.Encap.Tests.Linux.Threads;

/// <summary>When the packet threads of a plane may look before they sleep.</summary>
public sealed class SpinBudgetTests
{
    private static readonly long Millisecond = Stopwatch.Frequency / 1000;
    private readonly SpinBudget _budget = new(TimeSpan.FromMicroseconds(300));

    [Fact]
    public void The_longest_look_is_what_was_asked_for() => Assert.Equal(Stopwatch.Frequency * 3 / 10_000, _budget.Longest);

    [Fact]
    public void Lone_packets_are_looked_for()
    {
        Assert.True(_budget.MayLook(0, now: 0));
        for (long now = 0; now < 100; now++) Assert.True(_budget.MayLook(SpinBudget.BulkBytes, now));
    }

    [Fact]
    public void Nobody_looks_while_packets_come_in_bulk_on_any_thread()
    {
        Assert.False(_budget.MayLook(SpinBudget.BulkBytes + 1, now: 0));
        Assert.False(_budget.MayLook(60, now: 1));                       // the acknowledgements of that bulk, on another thread
        Assert.False(_budget.MayLook(60, now: Millisecond - 1));
        Assert.False(_budget.MayLook(64_000, now: Millisecond - 1));     // it goes on
        Assert.False(_budget.MayLook(60, now: (2 * Millisecond) - 2));
        Assert.True(_budget.MayLook(60, now: (2 * Millisecond) - 1));
    }
}
