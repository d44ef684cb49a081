using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Docker;

namespace Overlay.Agent.Cli.Verbs.Catalog;

/// <summary><c>mk-docker-opts</c>.</summary>
internal static class MkDockerOptsVerb
{
    private static readonly Flag SubnetFile = new("f", FlagKind.Text, AgentFlags.SubnetFile.Default, "FILE", "file to read");
    private static readonly Flag OptionsFile = new("d", FlagKind.Text, "/run/docker_opts.env", "FILE", "file to write");
    private static readonly Flag Singly = new("i", FlagKind.Boolean, "false", "", "write one variable for each option, such as DOCKER_OPT_MTU");
    private static readonly Flag Combined = new("c", FlagKind.Boolean, "false", "", "write one variable for all options; neither -i nor -c means both");
    private static readonly Flag Key = new("k", FlagKind.Text, DockerOptions.DefaultKey, "NAME", "name of the variable for all options");
    private static readonly Flag NoMasquerade = new("m", FlagKind.Boolean, "false", "", "leave --ip-masq out, for a very old Docker");

    /// <summary>The verb.</summary>
    public static readonly Verb Verb = new("mk-docker-opts", "", "write Docker's options from subnet.env, as flannel's script does", [SubnetFile, OptionsFile, Singly, Combined, Key, NoMasquerade], Bind)
    {
        Spell = Letters,
        Details = """
            Takes the options of flannel's mk-docker-opts.sh and writes the same file, replaced whole. The daemon can
            write it itself, with --docker-opts-file; this verb is for units that call the script.

            exit status: 0 written; 1 not, or the routing table has the subnet on another way, which Docker refuses
            """,
    };

    private static VerbAction Bind(VerbLine line)
    {
        line.HasOperands(0, 0);
        string key = line.Reader.Text(Key) ?? DockerOptions.DefaultKey;
        if (!key.All(c => char.IsAsciiLetterOrDigit(c) || c == '_') || char.IsAsciiDigit(key[0])) line.Errors.Add($"-k: {Text.Printable.Quote(key)} is not a variable's name");
        MkDockerOpts options = new(
            line.Reader.AbsolutePath(SubnetFile), line.Reader.AbsolutePath(OptionsFile), line.Reader.IsTrue(Singly), line.Reader.IsTrue(Combined),
            key, !line.Reader.IsTrue(NoMasquerade), line.Environment);
        return (console, _) => Task.FromResult(options.Run(console));
    }

    /// <summary>getopts, as the script reads its line: letters may stand together, and a value may stand right behind its letter.</summary>
    private static List<string> Letters(IReadOnlyList<string> arguments)
    {
        List<string> apart = [];
        for (int i = 0; i < arguments.Count; i++)
        {
            string argument = arguments[i];
            if (argument.Length < 3 || argument[0] != '-' || argument[1] == '-' || argument[2] == '=')
            {
                apart.Add(argument);
                if (argument is "-f" or "-d" or "-k" && i + 1 < arguments.Count) apart.Add(arguments[++i]);
                continue;
            }
            for (int letter = 1; letter < argument.Length; letter++)
            {
                apart.Add($"-{argument[letter]}");
                if (argument[letter] is not ('f' or 'd' or 'k')) continue;
                if (letter + 1 < argument.Length) apart.Add(argument[(letter + 1)..]);
                else if (i + 1 < arguments.Count) apart.Add(arguments[++i]);
                break;
            }
        }
        return apart;
    }
}
