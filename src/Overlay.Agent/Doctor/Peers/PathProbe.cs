namespace Overlay.Agent.Doctor.Peers;

/// <summary>What size of packet passes on the way to an address and back.</summary>
/// <param name="Wanted">The size that should pass, bytes.</param>
/// <param name="Largest">The largest that did; null where not even a small one was answered.</param>
/// <param name="IsTold">Somebody said by ICMP that larger ones are too big; false for a silent loss.</param>
internal sealed record PathProbe(int Wanted, int? Largest, bool IsTold)
{
    /// <summary>A size that every path carries.</summary>
    public const int Small = 68;

    private const int Tries = 2;

    /// <summary>The wanted size passes.</summary>
    public bool Passes => Largest >= Wanted;

    /// <summary>Probes; where the wanted size does not pass, halves the interval until the largest is found.</summary>
    /// <param name="ask">Sends one request of a size and waits.</param>
    /// <param name="wanted">The size that should pass.</param>
    public static async Task<PathProbe> RunAsync(Func<int, Task<Echo>> ask, int wanted)
    {
        bool told = false;
        async Task<bool> PassesAsync(int size)
        {
            for (int i = 0; i < Tries; i++)
            {
                Echo echo = await ask(size).ConfigureAwait(false);
                if (echo.Answered) return true;
                if (echo.NextHopMtu is not null)
                {
                    told = true;
                    return false;
                }
            }
            return false;
        }

        if (await PassesAsync(wanted).ConfigureAwait(false)) return new PathProbe(wanted, wanted, false);
        if (!await PassesAsync(Small).ConfigureAwait(false)) return new PathProbe(wanted, null, false);
        told = false;
        int passes = Small, lost = wanted;
        // An answer that is lost by chance would misplace the border: then the wanted size is asked for once more at the end.
        while (lost - passes > 1)
        {
            int middle = (passes + lost) / 2;
            if (await PassesAsync(middle).ConfigureAwait(false)) passes = middle;
            else lost = middle;
        }
        return new PathProbe(wanted, await PassesAsync(wanted).ConfigureAwait(false) ? wanted : passes, told);
    }
}
