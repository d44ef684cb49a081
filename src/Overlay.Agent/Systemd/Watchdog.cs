using Microsoft.Extensions.Logging;

namespace Overlay.Agent.Systemd;

/// <summary>
/// Feeds systemd's watchdog for as long as every loop of the agent turns, and for no longer: a process whose timer still runs while
/// a packet thread hangs is what a watchdog is for.
/// </summary>
/// <param name="notify">The way to systemd.</param>
/// <param name="patience">How long systemd waits.</param>
/// <param name="ask">Asks those loops for a sign that may wait for hours by right.</param>
/// <param name="turns">How often each loop has turned, by name. Loops may come and go between two looks.</param>
/// <param name="time">The clock.</param>
/// <param name="log">Names a loop that hangs, before systemd acts.</param>
internal sealed class Watchdog(
    SdNotify notify, TimeSpan patience, Action ask, Func<IEnumerable<(string Loop, long Turns)>> turns, TimeProvider time, ILogger log)
{
    /// <summary>Looks this often within the time that systemd waits.</summary>
    private const int LooksWithinPatience = 4;

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        Dictionary<string, long> fed = Look();
        long fedAt = time.GetTimestamp();
        bool said = false;
        notify.Alive();
        ask();
        using PeriodicTimer timer = new(patience / LooksWithinPatience, time);
        while (await timer.WaitForNextTickAsync(stop).ConfigureAwait(false))
        {
            Dictionary<string, long> now = Look();
            string[] silent = [.. now.Where(loop => fed.TryGetValue(loop.Key, out long before) && before == loop.Value).Select(loop => loop.Key)];
            if (silent.Length == 0)
            {
                notify.Alive();
                (fed, fedAt, said) = (now, time.GetTimestamp(), false);
                ask();
            }
            else if (!said && time.GetElapsedTime(fedAt) >= patience / 2)
            {
                log.LoopsHang(string.Join(", ", silent), patience.TotalSeconds);
                said = true;
            }
        }
    }

    private Dictionary<string, long> Look() => turns().ToDictionary(loop => loop.Loop, loop => loop.Turns, StringComparer.Ordinal);
}
