using Overlay.Agent.Cli.Grammar;

namespace Overlay.Agent.Cli.Verbs.Catalog;

/// <summary>Flags that several verbs share.</summary>
internal static class OperatorFlags
{
    /// <summary>Print JSON.</summary>
    public static readonly Flag Json = new("json", FlagKind.Boolean, "false", "", "print JSON");

    /// <summary>Leave for a change, given beforehand.</summary>
    public static readonly Flag Yes = new("yes", FlagKind.Boolean, "false", "", "do it without asking; needed where there is no terminal to ask at");

    /// <summary>Change nothing.</summary>
    public static readonly Flag DryRun = new("dry-run", FlagKind.Boolean, "false", "", "only show what would be done");

    /// <summary>How to reach etcd: the daemon's flags and variables.</summary>
    public static readonly IReadOnlyList<Flag> Etcd =
    [
        AgentFlags.EtcdEndpoints, AgentFlags.EtcdPrefix, AgentFlags.EtcdKeyFile, AgentFlags.EtcdCertFile, AgentFlags.EtcdCaFile,
        AgentFlags.EtcdUsername, AgentFlags.EtcdPassword,
    ];
}
