using Overlay.Agent.Text;

namespace Overlay.Agent.Cli.Grammar;

/// <summary>
/// Go's flag package, which is what flannel's operators write for (src/flag/flag.go, parseOne): one dash or two mean the same, a
/// value follows after <c>=</c> or as the next argument whatever that looks like, and a boolean never takes the next argument.
/// A library for GNU-style options cannot be bent to this: it would read <c>-iface</c> as six short options.
/// <para>Ours: arguments left over are errors instead of being dropped silently, so <c>-ip-masq true</c> cannot pass for what it is not.</para>
/// </summary>
internal static class GoFlagParser
{
    /// <summary>Reads arguments into <paramref name="values"/>.</summary>
    /// <param name="arguments">The arguments after the verb.</param>
    /// <param name="known">The flags to accept.</param>
    /// <param name="values">Receives every good value.</param>
    /// <param name="errors">Receives one line for each mistake. Values are checked to the end; a flag we do not know ends the reading, since
    /// nobody can tell whether the next argument belongs to it.</param>
    /// <param name="operands">Receives the arguments that are no flags, wherever they stand; null where there may be none, as for the daemon.</param>
    /// <returns>Why the reading ended; only <see cref="ParseEnd.Stopped"/> promises an error, the others may have met bad values.</returns>
    public static ParseEnd Parse(IReadOnlyList<string> arguments, IReadOnlyList<Flag> known, FlagValues values, List<string> errors, List<string>? operands = null)
    {
        Flag? previous = null;
        for (int i = 0; i < arguments.Count; i++)
        {
            string argument = arguments[i];
            if (argument == "--" && operands is not null)
            {
                operands.AddRange(arguments.Skip(i + 1));
                return ParseEnd.Complete;
            }
            if (argument == "--") return i + 1 < arguments.Count ? Stray(arguments[i + 1], null, errors) : ParseEnd.Complete;
            if (argument.Length < 2 || argument[0] != '-')
            {
                if (operands is null || IsValueOf(previous, argument)) return Stray(argument, previous, errors);
                operands.Add(argument);
                previous = null;
                continue;
            }

            string body = argument[(argument[1] == '-' ? 2 : 1)..];
            int equals = body.IndexOf('=');
            string name = equals < 0 ? body : body[..equals];
            string? value = equals < 0 ? null : body[(equals + 1)..];
            if (name.Length == 0 || name[0] == '-') return Fail(errors, $"bad flag syntax: {Printable.Quote(argument[..^(value?.Length ?? 0)])}");

            Flag? flag = known.FirstOrDefault(f => f.Name == name);
            if (flag is null && name is "help" or "h") return ParseEnd.Help;
            if (flag is null) return Fail(errors, Unknown(name, known));

            if (value is null && flag.Kind == FlagKind.Boolean) value = "true";
            else if (value is null && i + 1 < arguments.Count) value = arguments[++i];
            else if (value is null) return Fail(errors, $"{flag}: a value is missing");

            string? error = values.Add(flag, new FlagValue(value, flag.ToString()));
            if (error is not null) errors.Add(error);
            previous = equals < 0 ? flag : null;
        }
        return ParseEnd.Complete;
    }

    private static ParseEnd Stray(string argument, Flag? previous, List<string> errors)
    {
        return Fail(errors, IsValueOf(previous, argument)
            ? $"stray argument {Printable.Quote(argument)} after {previous}: a boolean takes its value after '=', as in {previous}={argument}"
            : $"stray argument {Printable.Quote(argument)}: every argument must be a flag or a flag's value");
    }

    // "--json true": Go would take the second word as an argument.
    private static bool IsValueOf(Flag? previous, string argument) => previous?.Kind == FlagKind.Boolean && GoLiterals.TryBoolean(argument, out _);

    private static string Unknown(string name, IReadOnlyList<Flag> known)
    {
        string? near = Spelling.Nearest(name, known.Select(f => f.Name));
        string shown = Printable.Line(name.Length <= 80 ? name : name[..80]);
        return near is null ? $"unknown flag --{shown}" : $"unknown flag --{shown}; did you mean --{near}?";
    }

    private static ParseEnd Fail(List<string> errors, string error)
    {
        errors.Add(error);
        return ParseEnd.Stopped;
    }
}
