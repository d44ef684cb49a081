using System.Collections;
using Overlay.Agent.Cli;
using Overlay.Agent.Startup;

// Exit codes: 0 asked to stop, help or version; 1 cannot start or a fatal fault; 2 usage.
switch (CommandLine.Parse(args, Variables()))
{
    case Invocation.Print print:
        Console.Out.Write(print.Text);
        return 0;

    case Invocation.Refuse refuse:
        foreach (string error in refuse.Errors) Console.Error.WriteLine($"overlay-agent: {error}");
        return 2;

    case Invocation.Run run:
        // Above this line everything was read and checked; below it the machine is touched.
        return await AgentProcess.RunAsync(run);

    default:
        throw new InvalidOperationException("an invocation of a kind that nobody runs");
}

static Dictionary<string, string> Variables()
{
    var variables = new Dictionary<string, string>(StringComparer.Ordinal);
    foreach (DictionaryEntry variable in Environment.GetEnvironmentVariables())
    {
        variables[(string)variable.Key] = (string?)variable.Value ?? "";
    }
    return variables;
}
