using System.Text;
using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Cli.Verbs;

namespace Overlay.Agent.Cli;

/// <summary>The answer to <c>--help</c>, made from <see cref="AgentFlags"/>.</summary>
internal static class UsageText
{
    private const int HelpColumn = 38;

    private const string Head = """
        overlay-agent - a VXLAN overlay network for Linux nodes, in userspace, on flannel's etcd contract

        usage: overlay-agent [run] [flags]
               overlay-agent VERB [...]

        Leases a subnet for this node from etcd, writes it to a file for Docker, and carries packets between
        the nodes. Takes flannel's flags and joins flannel's networks. Runs in the foreground until SIGTERM.

        """;

    private const string Tail = """

        Flags take one dash or two, and a value after '=' or as the next argument; a boolean only after '='.
        Every flag but --version can be given as an environment variable, --etcd-prefix as FLANNELD_ETCD_PREFIX
        and so on; the command line wins and an empty variable counts as absent.

        exit status
          0  asked to stop, or --version or --help; a verb: done
          1  cannot start, or a fatal fault while running; a verb: not done, its --help says more
          2  a bad verb, flag, value, variable or argument; nothing was touched

        examples
          overlay-agent --etcd-endpoints=http://10.0.0.1:2379,http://10.0.0.2:2379 --iface=eth1
          overlay-agent --public-ip=203.0.113.7 --ip-masq
          overlay-agent config check network.json && overlay-agent config put network.json

        """;

    /// <summary>The whole text.</summary>
    public static string Create()
    {
        var text = new StringBuilder(Head).Append("\nverbs (each has a --help)\n");
        foreach (Verb verb in VerbTable.All) text.Append($"  {verb.Name} {verb.Operands}".TrimEnd().PadRight(HelpColumn)).Append(verb.Summary).Append('\n');
        foreach ((string heading, IReadOnlyList<Flag> flags) in AgentFlags.Groups)
        {
            text.Append('\n').Append(heading).Append('\n');
            foreach (Flag flag in flags) text.Append(Line(flag)).Append('\n');
            // Help is no flag of the table, as it is none of Go's; it stands beside --version.
            if (flags.Contains(AgentFlags.Version)) text.Append("  -h, --help".PadRight(HelpColumn)).Append("print this text, and exit\n");
        }
        return text.Append(Tail).ToString();
    }

    /// <summary>One flag of a help text.</summary>
    public static string Line(Flag flag)
    {
        string left = $"  {(flag.Name.Length == 1 ? "-" : "--")}{flag.Name} {flag.Placeholder}".TrimEnd();
        string start = left.Length < HelpColumn - 1 ? left.PadRight(HelpColumn) : left + "\n" + new string(' ', HelpColumn);
        bool showDefault = flag.Default.Length > 0 && !flag.IsIgnored && flag.Default != "false";
        return start + flag.Help + (showDefault ? $" [{flag.Default}]" : "");
    }
}
