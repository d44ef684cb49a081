namespace Overlay.Encap.Tests.Oracles;

/// <summary>Asserts that work takes no memory from the garbage collector.</summary>
internal static class Allocation
{
    private const int Rounds = 5;

    /// <summary>
    /// Repeats the work on this thread and asserts that it allocates nothing. The runtime itself allocates on the thread when it installs code that
    /// was compiled anew, so a round in which that happens is taken again; what the work allocates is there in every round.
    /// </summary>
    public static void AssertNone(Action work, int warmup, int times)
    {
        for (int i = 0; i < warmup; i++) work();
        long least = long.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < times / Rounds; i++) work();
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
        }
        Assert.Equal(0, least);
    }
}
