using Overlay.Agent.Cli;
using Overlay.Agent.Configuration;

namespace Overlay.Agent.Tests.Support;

/// <summary>Short forms of <see cref="CommandLine.Parse"/>.</summary>
internal static class Parsed
{
    public static Invocation Line(string[] arguments, params (string Name, string Value)[] environment) =>
        CommandLine.Parse(arguments, environment.ToDictionary(v => v.Name, v => v.Value));

    public static Invocation.Run Run(string[] arguments, params (string Name, string Value)[] environment)
    {
        Invocation invocation = Line(arguments, environment);
        if (invocation is Invocation.Refuse refuse) Assert.Fail(string.Join("; ", refuse.Errors));
        return Assert.IsType<Invocation.Run>(invocation);
    }

    public static AgentOptions Options(params string[] arguments) => Run(arguments).Options;

    public static IReadOnlyList<string> Errors(string[] arguments, params (string Name, string Value)[] environment) =>
        Assert.IsType<Invocation.Refuse>(Line(arguments, environment)).Errors;
}
