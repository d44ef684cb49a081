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

    // Each is asked by the program's own name, found in PATH, as it is at a prompt.
    private const string Bash = """
        source "$1/overlay-agent.bash"; shift
        COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
        _overlay_agent
        printf '%s\n' "${COMPREPLY[@]}"
        """;

    private const string Fish = """
        source $argv[1]/overlay-agent.fish
        complete -C (string join ' ' -- $argv[2..] | string replace -- ' =' '=')
        """;

    // With stand-ins for what zsh has inside of a completion only.
    private const string Zsh = """
        file=$1/overlay-agent.zsh; shift
        compadd() { shift; print -l -- ${(M)@:#$PREFIX*} }
        compset() { PREFIX=${PREFIX#*=} }
        _files() { }
        complete() { local -a words=("$@"); local CURRENT=$# PREFIX=${@[-1]}; source $file }
        complete "$@"
        """;

    [Theory]
    [InlineData("bash", Bash)]
    [InlineData("fish", Fish)]
    [InlineData("zsh", Zsh)]
    public void Every_shell_completes_verbs_of_one_word_and_two_flags_and_their_choices(string shell, string script)
    {
        Assert.SkipUnless(Tool.Run("which", shell).ExitCode == 0, $"not installed: {shell}");
        Assert.Equal(VerbTable.All.Select(verb => verb.Name.Split(' ')[0]).Append("run").ToHashSet(), Complete(""));
        Assert.Equal(["check", "put"], Complete("config", "").Order());
        Assert.Equal(["release", "reserve"], Complete("leases", "re").Order());
        Assert.Superset(AgentFlags.All.Where(flag => flag.Name.Length > 1).Select(flag => $"--{flag.Name}").ToHashSet(), Complete("--"));
        Assert.All(VerbTable.All, verb => Assert.Superset(
            verb.Flags.Select(flag => flag.Name.Length == 1 ? $"-{flag.Name}" : $"--{flag.Name}").ToHashSet(), Complete([.. verb.Name.Split(' '), "-"])));
        Assert.Equal(["auto", "off", "on"], Complete("--offload-gso", "").Order());
        Assert.Equal(["auto", "off", "on"], Complete("--offload-gso", "=").Order());
        Assert.Equal(["off"], Complete("--offload-gso", "of"));

        // What the shell offers behind the program's name and these words, of which the last is being typed; bash has "=" as a word of its own.
        HashSet<string> Complete(params string[] words)
        {
            if (shell == "zsh" && words is [.. var before, var flag, "="]) words = [.. before, flag + "="];
            (int exitCode, string output, string error) = Tool.Run("env", [
                $"PATH={AppContext.BaseDirectory}:{Environment.GetEnvironmentVariable("PATH")}", shell, "-c", script, .. shell == "fish" ? Array.Empty<string>() : [shell],
                Checkout.File("deploy/completions"), "overlay-agent", .. words]);
            Assert.Equal((0, ""), (exitCode, error));
            return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('\t')[0]).Select(word => word.StartsWith("--offload-gso=", StringComparison.Ordinal) ? word[14..] : word)];
        }
    }

    [Fact]
    public void Bash_offers_no_files_where_a_value_is_none()
    {
        (_, string output, _) = Tool.Run("env", [$"PATH={AppContext.BaseDirectory}:{Environment.GetEnvironmentVariable("PATH")}", "bash", "-c", Bash, "bash", Checkout.File("deploy/completions"), "overlay-agent", "--public-ip", ""]);
        Assert.Equal("", output.Trim());
    }

    private static bool IsEntry(string line, string name) => line == $".B {name}" || line.StartsWith($".B {name} ", StringComparison.Ordinal);

    private static string Roff(string text) => text.Replace("\\", "\\e", StringComparison.Ordinal).Replace("-", "\\-", StringComparison.Ordinal);
}
