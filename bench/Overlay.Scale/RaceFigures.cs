using System.Diagnostics;
using Overlay.Subnet.Allocation;
using Overlay.Subnet.Model;
using Overlay.Testing.Etcd;

namespace Overlay.Scale;

/// <summary>R11 and R12: everybody wants a subnet at once.</summary>
internal static class RaceFigures
{
    private const int Subnets = 255;
    private static readonly NetworkConfig Network = NetworkConfig.Parse("""{"Network":"10.1.0.0/16","Backend":{"Type":"vxlan"}}"""u8);

    public static async Task RunAsync(Setting setting)
    {
        Report report = setting.Report;
        await using EtcdServer etcd = await setting.StartEtcdAsync();
        using LeaseWriter writer = new(etcd.Options);
        List<double> times = [];
        int unique = Subnets, exits = 0;
        for (int round = 0; round < setting.Rounds; round++)
        {
            LeaseClient[] clients = [.. Enumerable.Range(0, Subnets).Select(i => new LeaseClient(etcd.Options, i))];
            long start = Stopwatch.GetTimestamp();
            Task<OwnLease>[] tasks = [.. clients.Select(client => client.AcquireAsync(Network, CancellationToken.None))];
            await Setting.UntilAsync(() => tasks.All(task => task.IsCompleted), "the race is over");
            times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
            exits += tasks.Count(task => task.IsFaulted);
            unique = Math.Min(unique, tasks.Where(task => task.IsCompletedSuccessfully).Select(task => task.Result.Subnet).Distinct().Count());
            await Task.WhenAll(clients.Select(client => client.DisposeAsync().AsTask()));
            await writer.DeleteAllAsync();
        }
        report.Exactly("R11", $"unique subnets of {Subnets} agents, the least of {setting.Rounds} rounds", unique, Subnets);
        report.Exactly("R11", "agents that gave up, all rounds", exits, 0);
        report.AtMost("R11", "time, the longest round", times.Max(), "s", 5);
        report.Note("R11", "time, the median round", times.Order().ElementAt(times.Count / 2), "s");
        await MoreThanThereIsAsync(report, etcd, writer);
    }

    private static async Task MoreThanThereIsAsync(Report report, EtcdServer etcd, LeaseWriter writer)
    {
        LeaseClient[] clients = [.. Enumerable.Range(0, 300).Select(i => new LeaseClient(etcd.Options, i))];
        long start = Stopwatch.GetTimestamp();
        Task<OwnLease>[] tasks = [.. clients.Select(client => client.AcquireAsync(Network, CancellationToken.None))];
        bool IsWaiting(LeaseClient client) => client.WaitingFor?.StartsWith("out of subnets", StringComparison.Ordinal) == true;
        await Setting.UntilAsync(() => tasks.Count(task => task.IsCompleted) + clients.Count(IsWaiting) >= 300, "all know");
        report.Note("R12", "300 agents for 255 subnets: until all have one or know that there is none", Stopwatch.GetElapsedTime(start).TotalSeconds, "s");
        OwnLease[] leases = [.. tasks.Where(task => task.IsCompletedSuccessfully).Select(task => task.Result)];
        report.Exactly("R12", "subnets leased, each once", leases.Select(lease => lease.Subnet).Distinct().Count(), Subnets);
        report.Exactly("R12", "agents that say \"out of subnets\"", clients.Count(IsWaiting), 45);
        report.Exactly("R12", "agents that gave up", tasks.Count(task => task.IsFaulted), 0);

        await Task.Delay(2000);
        await etcd.CtlAsync(CancellationToken.None, "del", $"/coreos.com/network/subnets/{leases[0].Key.Name}");
        report.AtMost("R12", "until a freed one is taken", await Setting.UntilAsync(() => tasks.Count(task => task.IsCompleted) > leases.Length, "taken"), "s", 5);
        await Task.WhenAll(clients.Select(client => client.DisposeAsync().AsTask()));
        await writer.DeleteAllAsync();
    }
}
