using System.Collections;
using System.Runtime.InteropServices;
using Overlay.Agent.Cli;
using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.Startup;

// Exit codes: 0 asked to stop, help or version; 1 cannot start or a fatal fault; 2 usage. A verb's 1 is explained by its own help.
switch (CommandLine.Parse(args, Variables()))
{
    case Invocation.Print print:
        Console.Out.Write(print.Text);
        return 0;

    case Invocation.Refuse refuse:
        foreach (string error in refuse.Errors) Console.Error.WriteLine($"overlay-agent: {error}");
        return 2;

    case Invocation.Perform perform:
        foreach (string warning in perform.Warnings) Console.Error.WriteLine($"overlay-agent: {warning}");
        return await Interruptible(perform.Action);

    case Invocation.Run run:
        // Above this line everything was read and checked; below it the machine is touched.
        return await AgentProcess.RunAsync(run);

    default:
        throw new InvalidOperationException("an invocation of a kind that nobody runs");
}

// SIGTERM and SIGINT let a verb end in order, with what it has found so far.
static async Task<int> Interruptible(VerbAction action)
{
    using CancellationTokenSource stop = new();
    using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, End);
    using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, End);
    return await action(VerbConsole.Standard, stop.Token);

    void End(PosixSignalContext context)
    {
        context.Cancel = true;
        stop.Cancel();
    }
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
