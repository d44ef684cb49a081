using System.CommandLine;
using System.Net;
using Overlay.Scale;

// Measures agents against a real etcd in figures of scale. Run by bench/scale/run, which makes the network around it.

Option<string> prefix = new("--prefix") { Description = "of the namespaces left and right", Required = true };
Option<string> work = new("--work") { Description = "directory for files of the run", Required = true };
Option<string> agent = new("--agent") { Description = "the binary to measure", Required = true };
Option<string> load = new("--load") { Description = "the load generator", Required = true };
Option<string> address = new("--address") { Description = "address of this namespace", Required = true };
Option<string> tsv = new("--tsv") { Description = "writes the figures there, too" };
Option<string> only = new("--only") { Description = "of load,flood,race,outage,reach,churn,soak", DefaultValueFactory = _ => "load,reach,flood,race,outage" };
Option<int> peers = new("--peers") { Description = "how many peers", DefaultValueFactory = _ => 5000 };
Option<int> seconds = new("--seconds") { Description = "length of a flood or an idle time", DefaultValueFactory = _ => 20 };
Option<int> rounds = new("--rounds") { Description = "rounds of the lease race", DefaultValueFactory = _ => 10 };
Option<int> cycles = new("--cycles") { Description = "cycles of the churn soak", DefaultValueFactory = _ => 100 };

RootCommand command = new("figures of scale") { prefix, work, agent, load, address, tsv, only, peers, seconds, rounds, cycles };
command.SetAction(async (p, _) =>
{
    using StreamWriter? file = p.GetValue(tsv) is { } path ? new StreamWriter(path, append: true) : null;
    Report report = new(file);
    Setting setting = new(
        p.GetValue(prefix)!, p.GetValue(work)!, p.GetValue(agent)!, p.GetValue(load)!, IPAddress.Parse(p.GetValue(address)!), p.GetValue(peers),
        p.GetValue(seconds), p.GetValue(rounds), p.GetValue(cycles), report);
    Dictionary<string, Func<Setting, Task>> parts = new()
    {
        ["load"] = LoadFigures.RunAsync,
        ["reach"] = ReachFigures.RunAsync,
        ["flood"] = FloodFigures.RunAsync,
        ["race"] = RaceFigures.RunAsync,
        ["outage"] = OutageFigures.RunAsync,
        ["churn"] = ChurnFigures.RunAsync,
        ["soak"] = SoakFigures.RunAsync,
    };
    report.Begin();
    foreach (string part in p.GetValue(only)!.Split(',')) await parts[part](setting);
    return report.Missed == 0 ? 0 : 1;
});
return await command.Parse(args).InvokeAsync();
