using System.Diagnostics;
using Overlay.Agent.State;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Startup;

/// <summary>The program itself: exit codes, streams, and that a refused command line touches nothing.</summary>
public sealed class ProcessTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("--nonsense")]
    [InlineData("-ip-masq true")]
    [InlineData("--healthz-port=1x")]
    [InlineData("--subnet-lease-renew-margin=1440")]
    [InlineData("--iface-regex=[")]
    public void J6_bad_options_exit_2_and_open_nothing(string bad)
    {
        (int exitCode, string output, string error) = Run([.. OwnFiles, .. bad.Split(' ')]);
        Assert.Equal(2, exitCode);
        Assert.Empty(output);
        Assert.Matches(@"^overlay-agent: [^\n]+\n$", error);
        Assert.Contains(bad.Split(' ', '=')[0].TrimStart('-'), error);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Theory]
    [InlineData("--version")]
    [InlineData("--help")]
    public void Answers_go_to_stdout_with_exit_0_and_open_nothing(string flag)
    {
        (int exitCode, string output, string error) = Run([.. OwnFiles, flag]);
        Assert.Equal((0, ""), (exitCode, error));
        Assert.StartsWith("overlay-agent ", output);
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void J6_a_bad_variable_exits_2_and_is_named()
    {
        (int exitCode, _, string error) = Run(OwnFiles, ("FLANNELD_V", "loud"));
        Assert.Equal(2, exitCode);
        Assert.Contains("FLANNELD_V", error);
    }

    [Fact]
    public void J5_a_second_agent_exits_1_and_names_the_first()
    {
        Assert.True(InstanceLock.TryAcquire(_folder.File("state"), out InstanceLock? held, out _));
        using (held)
        {
            (int exitCode, string output, string error) = Run(OwnFiles);
            Assert.Equal((1, ""), (exitCode, output));
            Assert.Contains($"process {Environment.ProcessId}", error);
        }
    }

    [Fact]
    public void J7_the_password_is_not_logged()
    {
        using InstanceLock held = InstanceLock.TryAcquire(_folder.File("state"), out InstanceLock? taken, out _) ? taken : throw new InvalidOperationException();
        (_, _, string error) = Run([.. OwnFiles, "-v=9", "--etcd-username=u"], ("FLANNELD_ETCD_PASSWORD", "hunter2"));
        Assert.Contains("--etcd-password=***", error);
        Assert.DoesNotContain("hunter2", error);
    }

    private string[] OwnFiles => [$"--state-dir={_folder.File("state")}", $"--subnet-file={_folder.File("run/subnet.env")}"];

    private static (int ExitCode, string Output, string Error) Run(string[] arguments, params (string Name, string Value)[] environment)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "overlay-agent"), arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach ((string name, string value) in environment) start.Environment[name] = value;
        using Process process = Process.Start(start)!;
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        string output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, output, error.GetAwaiter().GetResult());
    }
}
