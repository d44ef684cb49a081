using Overlay.Agent.Cli;
using Overlay.Agent.Cli.Verbs;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Cli;

/// <summary>Manual page and shell completion ask the program, so they know what it knows: nothing is missing from them.</summary>
public sealed class HelpfulFilesTests
{
    private static readonly string Binary = Path.Combine(AppContext.BaseDirectory, "overlay-agent");

    [Fact]
    public void The_manual_page_explains_every_flag_and_every_verb()
    {
        (int exitCode, string page, string error) = Tool.Run(Checkout.File("deploy/man/make.sh"), Binary);
        Assert.Equal((0, ""), (exitCode, error));
        string[] lines = page.Split('\n');
        Assert.All(AgentFlags.All, flag => Assert.Contains(lines, line => IsEntry(line, Roff(flag.Name.Length == 1 ? $"-{flag.Name}" : $"--{flag.Name}"))));
        Assert.All(AgentFlags.All, flag => Assert.Contains(Roff(flag.Help), page, StringComparison.Ordinal));
        Assert.All(VerbTable.All, verb => Assert.Contains(lines, line => IsEntry(line, Roff(verb.Name))));
        Assert.All(VerbTable.All, verb => Assert.Contains($".SS \"overlay\\-agent {Roff(verb.Name)}\"", lines));
        Assert.All(AgentFlags.Groups, group => Assert.Contains($".SS \"{Roff(group.Heading)}\"", lines));
        Assert.DoesNotMatch("(?m)^@", page);   // a place that nothing was put into
    }

    [Fact]
    public void Bash_completes_every_flag_and_every_verb()
    {
        Assert.Superset(AgentFlags.All.Select(flag => flag.Name.Length == 1 ? $"-{flag.Name}" : $"--{flag.Name}").ToHashSet(), Complete("-"));
        Assert.Superset(VerbTable.All.SelectMany(verb => verb.Name.Split(' ')).Append("run").ToHashSet(), Complete(""));
        Assert.All(VerbTable.All, verb => Assert.Superset(
            verb.Flags.Select(flag => flag.Name.Length == 1 ? $"-{flag.Name}" : $"--{flag.Name}").ToHashSet(), Complete([.. verb.Name.Split(' '), "-"])));
        Assert.Equal(["auto", "off", "on"], Complete("--offload-gso", "=").Order());
        Assert.Equal(["on"], Complete("--offload-gso", "=", "on"));
        Assert.Equal(["off"], Complete("--offload-gso", "of"));
        Assert.Empty(Complete("--public-ip", ""));
    }

    // What bash offers behind the program's name and these words, of which the last is being typed.
    private static HashSet<string> Complete(params string[] words)
    {
        const string Script = """
            source "$1"; shift
            COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
            _overlay_agent
            printf '%s\n' "${COMPREPLY[@]}"
            """;
        (int exitCode, string output, string error) = Tool.Run("bash", ["-c", Script, "bash", Checkout.File("deploy/completions/overlay-agent.bash"), Binary, .. words]);
        Assert.Equal((0, ""), (exitCode, error));
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }

    private static bool IsEntry(string line, string name) => line == $".B {name}" || line.StartsWith($".B {name} ", StringComparison.Ordinal);

    private static string Roff(string text) => text.Replace("\\", "\\e", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal);
}
