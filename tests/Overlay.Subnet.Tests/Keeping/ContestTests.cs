using Overlay.Subnet.Keeping;
using Overlay.Subnet.Tests.Support;

namespace Overlay.Subnet.Tests.Keeping;

/// <summary>That somebody who writes our key without end costs neither the lease nor the log nor etcd.</summary>
public sealed class ContestTests : KeeperTest
{
    [Fact]
    public async Task L5_L8_C26_a_key_overwritten_without_end_is_set_right_now_and_then_and_its_lease_is_renewed_all_the_while()
    {
        using var stop = new CancellationTokenSource();
        string[] nonsense = ["", "{", "null", "\u202e%s", """{"PublicIP":"192.168.0.2"}""", new string('x', 500)];
        long written = 0;
        Task flood = Task.Run(() =>
        {
            var random = new Random(1);
            while (!stop.IsCancellationRequested)
            {
                Store.Put(OwnPath, nonsense[random.Next(nonsense.Length)], Acquired.EtcdLeaseId);
                if (++written % 100 == 0) Thread.Sleep(1); // more than a watcher can take, and not so much more that the rest of it takes minutes
            }
        }, TestContext.Current.CancellationToken);
        int writes = Store.WriteCount;

        DateTimeOffset start = Time.GetUtcNow();
        int renewals = 0;
        Store.Fault = (operation, _) =>
        {
            if (operation == "keepalive") Interlocked.Increment(ref renewals);
            return null;
        };
        await Eventually.TrueAsync(() => Time.GetUtcNow() - start >= TimeSpan.FromHours(25), "a lease's life and more", Time, TimeSpan.FromMinutes(2));
        await stop.CancelAsync();
        await flood;
        TestContext.Current.TestOutputHelper?.WriteLine($"{written} writes of others, {Store.WriteCount - writes} of ours, {Log.Lines.Count} lines, {renewals} renewals");
        Assert.Equal(0, Count<LeaseHappening.Overdue>());
        Assert.InRange(renewals, 3, 1000);
        Assert.InRange(Store.WriteCount - writes, 0, 1000);    // one for each step of the clock, at most; none where the others are always quicker
        Assert.InRange(Log.Count("Warning 2112"), 1, 1000);    // and of many thousand changes no more lines
        await HappensAsync<LeaseHappening.Renewed>(2);
        await Eventually.TrueAsync(() => Store.GetText(OwnPath) == Some.Json(Some.Node(1, "n1")), "set right", Time);
    }

    [Fact]
    public async Task L8_a_key_that_is_altered_as_often_as_it_is_set_right_is_written_less_and_less_and_said_seldom()
    {
        DateTimeOffset start = Time.GetUtcNow();
        int writes = Store.WriteCount, altered = 0;
        await Eventually.TrueAsync(() =>
        {
            if (Store.GetText(OwnPath) == Some.Json(Some.Node(1, "n1")))
            {
                Store.Put(OwnPath, $"nonsense {altered++}", Acquired.EtcdLeaseId);
            }
            return Time.GetUtcNow() - start >= TimeSpan.FromMinutes(2);
        }, "two minutes", Time);
        Assert.InRange(Store.WriteCount - writes, 15, 60); // every 5 s, once the back-off is at its most
        Assert.InRange(Log.Count("Warning 2112"), 1, 13);  // once in ten seconds
        Assert.InRange(Log.Count(" 2113 "), 0, 13);
        Assert.Equal(0, Count<LeaseHappening.Overdue>());

        await PassAsync(TimeSpan.FromSeconds(20), TimeSpan.FromMilliseconds(50)); // in peace
        int before = Count<LeaseHappening.Recreated>();
        Store.Delete(OwnPath);
        await Eventually.TrueAsync(() => Count<LeaseHappening.Recreated>() > before, "recreated at once"); // the clock stands still meanwhile
    }
}
