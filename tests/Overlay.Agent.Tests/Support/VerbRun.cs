using Overlay.Agent.Cli;
using Overlay.Agent.Cli.Verbs;

namespace Overlay.Agent.Tests.Support;

/// <summary>A verb, run in this process from its command line on.</summary>
internal sealed record VerbRun(int Code, string Out, string Error)
{
    /// <summary>Runs it.</summary>
    /// <param name="arguments">The command line.</param>
    /// <param name="input">Standard input.</param>
    /// <param name="answer">Makes it a terminal: called for each answer to a question.</param>
    /// <param name="environment">Variables.</param>
    public static async Task<VerbRun> OfAsync(string[] arguments, string input = "", Func<string?>? answer = null, params (string Name, string Value)[] environment)
    {
        Invocation invocation = Parsed.Line(arguments, environment);
        if (invocation is Invocation.Refuse refuse) Assert.Fail(string.Join("; ", refuse.Errors));
        using StringWriter output = new(), error = new();
        using TextReader reader = answer is null ? new StringReader(input) : new Operator(answer);
        VerbConsole console = new(reader, output, error) { HasOperator = answer is not null };
        int code = await Assert.IsType<Invocation.Perform>(invocation).Action(console, TestContext.Current.CancellationToken);
        return new VerbRun(code, output.ToString(), error.ToString());
    }

    private sealed class Operator(Func<string?> answer) : TextReader
    {
        public override string? ReadLine() => answer();
    }
}
