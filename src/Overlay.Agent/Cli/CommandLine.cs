using Overlay.Agent.Cli.Binding;
using Overlay.Agent.Cli.Grammar;
using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.Configuration;

namespace Overlay.Agent.Cli;

/// <summary>From arguments and environment to an <see cref="Invocation"/>. Opens nothing and changes nothing.</summary>
public static class CommandLine
{
    /// <summary>The warning for a password among the arguments, of the daemon or of a verb.</summary>
    internal static readonly string PasswordInArguments =
        $"{AgentFlags.EtcdPassword}: every user of this machine can read it with ps; set {AgentFlags.EtcdPassword.Variable} instead";

    /// <summary>Reads a command line. <c>run</c> as the first argument is the same as no verb; the others are those of <see cref="VerbTable"/>.</summary>
    /// <param name="arguments">The arguments without the program's name.</param>
    /// <param name="environment">All environment variables; only <c>FLANNELD_*</c> are looked at.</param>
    public static Invocation Parse(IReadOnlyList<string> arguments, IReadOnlyDictionary<string, string> environment)
    {
        if (VerbTable.Find(arguments, out int words) is { } verb) return verb.Parse([.. arguments.Skip(words)], environment);
        if (VerbTable.Unknown(arguments) is { } unknown) return new Invocation.Refuse([unknown]);

        List<string> errors = [];
        List<string> warnings = [];
        var values = new FlagValues();

        IReadOnlyList<string> flags = arguments is ["run", ..] ? [.. arguments.Skip(1)] : arguments;
        ParseEnd end = GoFlagParser.Parse(flags, AgentFlags.All, values, errors);
        if (end == ParseEnd.Stopped || (end == ParseEnd.Help && errors.Count > 0)) return new Invocation.Refuse(errors);
        if (end == ParseEnd.Help) return new Invocation.Print(UsageText.Create());
        if (errors.Count == 0 && values.IsTrue(AgentFlags.Version)) return new Invocation.Print(VersionText.Create());
        bool passwordInArguments = values.IsGiven(AgentFlags.EtcdPassword);

        EnvironmentReader.Read(environment, AgentFlags.Inheritable, values, errors, warnings);
        AgentOptions? options = OptionsBinder.Bind(values, errors, warnings);
        if (options is null) return new Invocation.Refuse(errors);

        if (passwordInArguments) warnings.Add(PasswordInArguments);
        return new Invocation.Run(options, Describe(values), warnings);
    }

    private static string Describe(FlagValues values)
    {
        IEnumerable<string> given = AgentFlags.All.Where(values.IsGiven).Select(flag => $"{flag}={Shown(flag, values)}");
        return string.Join(' ', given);
    }

    private static string Shown(Flag flag, FlagValues values)
    {
        if (flag.IsSecret) return "***";
        IEnumerable<FlagValue> shown = flag.Kind == FlagKind.List ? values.All(flag) : [values.Last(flag)];
        return string.Join(',', shown.Select(v => v.Origin == flag.ToString() ? v.Text : $"{v.Text} (from {v.Origin})"));
    }
}
