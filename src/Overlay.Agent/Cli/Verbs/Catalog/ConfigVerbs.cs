using Overlay.Agent.Cli.Binding;
using Overlay.Agent.NetworkConfigs;

namespace Overlay.Agent.Cli.Verbs.Catalog;

/// <summary><c>config check</c> and <c>config put</c>.</summary>
internal static class ConfigVerbs
{
    /// <summary><c>config check</c>.</summary>
    public static readonly Verb Check = new("config check", "FILE|-", "judge a network config as agents would", [OperatorFlags.Json], BindCheck)
    {
        Details = """
            Reads a network config from a file, or with - from standard input, by the agents' own rules. Prints what
            they take from it, defaults filled in; every mistake, and what they ignore or read otherwise than written,
            goes to standard error. Asks nobody and changes nothing.

            exit status: 0 agents take it; 1 they refuse it, or it cannot be read
            """,
    };

    /// <summary><c>config put</c>.</summary>
    public static readonly Verb Put = new(
        "config put", "FILE|-", "write a network config to etcd, consequences shown first", [OperatorFlags.Yes, OperatorFlags.DryRun, .. OperatorFlags.Etcd], BindPut)
    {
        Details = """
            Checks a network config as config check does, compares it with the one in etcd and with all leases, and
            shows what changes and for whom. Then asks, and writes it, but only over the very config it was compared
            with. Reads the daemon's FLANNELD_ETCD_* variables.

            exit status: 0 written, or there already, or --dry-run; 1 refused, not allowed, or etcd failed
            """,
    };

    private static VerbAction BindCheck(VerbLine line)
    {
        line.HasOperands(1, 1);
        bool json = line.Reader.IsTrue(OperatorFlags.Json);
        return (console, _) => Task.FromResult(ConfigCheck.Run(line.Operands[0], json, console));
    }

    private static VerbAction BindPut(VerbLine line)
    {
        line.HasOperands(1, 1);
        ConfigPut put = new(
            EtcdBinder.Bind(line.Reader), line.Operands.FirstOrDefault("-"), line.Reader.IsTrue(OperatorFlags.Yes), line.Reader.IsTrue(OperatorFlags.DryRun));
        return put.RunAsync;
    }
}
