using System.Diagnostics;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Keeping;
using Overlay.Subnet.Model;
using Overlay.Testing.Etcd;

namespace Overlay.Scale;

/// <summary>R7, R10 and P3: 255 agents renew, lose etcd, and find it again without their keys.</summary>
internal static class OutageFigures
{
    private const int Agents = 255;

    public static async Task RunAsync(Setting setting)
    {
        Report report = setting.Report;
        NetworkConfig network = NetworkConfig.Parse("""{"Network":"10.1.0.0/16","Backend":{"Type":"vxlan"}}"""u8);
        await using EtcdServer etcd = await setting.StartEtcdAsync();
        using LeaseWriter writer = new(etcd.Options);
        LeaseTiming timing = new() { Ttl = TimeSpan.FromSeconds(60) };
        LeaseClient[] clients = [.. Enumerable.Range(0, Agents).Select(i => new LeaseClient(etcd.Options, i, timing))];
        OwnLease[] leases = await Task.WhenAll(clients.Select(client => client.StartAsync(network, CancellationToken.None)));
        await Setting.UntilAsync(() => clients.All(client => client.Watcher.Current.Leases.Count == Agents), "all see all");

        long revision = clients[0].Watcher.Current.Revision;
        int Renewals() => clients.Sum(client => client.Count<LeaseHappening.Renewed>());
        int before = Renewals();
        await Setting.UntilAsync(() => Renewals() >= before + Agents, "all have renewed");
        report.Exactly("P3", $"watch events of {Renewals() - before} renewals", clients.Max(client => client.Watcher.Current.Revision) - revision, 0);

        await etcd.KillAsync();
        await Task.Delay(15_000);   // every back-off has come to its end
        etcd.DeleteData();
        await etcd.StartAgainAsync(CancellationToken.None);
        long start = Stopwatch.GetTimestamp();
        Task<List<(double At, long Calls)>> rate = CountAsync(writer, start);
        double[] back = new double[Agents];
        await Setting.UntilAsync(() =>
        {
            for (int i = 0; i < Agents; i++)
            {
                if (back[i] == 0 && clients[i].Count<LeaseHappening.Recreated>() > 0) back[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
            }
            return back.All(at => at > 0);
        }, "all own keys are there", () => string.Join('\n', clients.Where((_, i) => back[i] == 0).Take(3).Select(client =>
            $"{client.Keeper!.Lease}: {string.Join(" / ", client.Happened.Reverse().Take(5))}; leases: {client.Watcher.WaitingFor} {client.Failure}")));
        report.AtMost("R7", $"etcd back, empty, after an outage: {Agents} agents' own keys present", back.Max(), "s", 5);
        double[] ordered = [.. back.Order()];
        report.Note("R7", "spread: half of them within", ordered[Agents / 2], "s");
        report.Note("R7", "spread: a tenth of them within", ordered[Agents / 10], "s");
        await Setting.UntilAsync(() => clients.All(client => client.Watcher.Current.Leases.Count == Agents && client.Watcher.WaitingFor is null), "all see all again");
        List<(double At, long Calls)> counts = await rate;
        report.Note("R7", "calls in all, a client", (double)counts[^1].Calls / Agents, "");
        report.Note("R7", "calls in the busiest second, all clients", counts.Max(end => end.Calls - counts.Last(begin => begin.At <= Math.Max(counts[0].At, end.At - 1)).Calls), "1/s");
        report.Exactly("R10", $"{Agents} agents, all data wiped: subnets changed", leases.Zip(clients).Count(pair => pair.First.Subnet != pair.Second.Keeper!.Lease.Subnet), 0);
        report.Exactly("R10", "subnets lost or moved meanwhile", clients.Sum(client => client.Count<LeaseHappening.Lost>() + client.Count<LeaseHappening.Moved>()), 0);
        await Task.WhenAll(clients.Select(client => client.DisposeAsync().AsTask()));
    }

    private static async Task<List<(double At, long Calls)>> CountAsync(LeaseWriter writer, long start)
    {
        List<(double At, long Calls)> counts = [];
        while (Stopwatch.GetElapsedTime(start).TotalSeconds < 12)
        {
            counts.Add((Stopwatch.GetElapsedTime(start).TotalSeconds, (await writer.CountCallsAsync(CancellationToken.None)).Values.Sum()));
            await Task.Delay(100);
        }
        return counts;
    }
}
