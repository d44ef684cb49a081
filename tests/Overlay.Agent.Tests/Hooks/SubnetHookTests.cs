using System.Net;
using Overlay.Agent.Hooks;
using Overlay.Agent.Tests.Forwarding;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Hooks;

/// <summary>The hook against real programs.</summary>
public sealed class SubnetHookTests : IAsyncLifetime
{
    private static readonly IPNetwork Old = IPNetwork.Parse("10.1.4.0/24"), New = IPNetwork.Parse("10.1.7.0/24");

    private readonly TempFolder _folder = new();
    private readonly LineLogger _log = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<IPNetwork> _remembered = [];
    private Task _running = Task.CompletedTask;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        Assert.False(_running.IsFaulted, $"{_running.Exception}");
        _folder.Dispose();
        _stop.Dispose();
    }

    [Theory]
    [InlineData("systemctl restart docker")]
    [InlineData("  ")]
    [InlineData("./hook")]
    public void A_command_begins_with_an_absolute_path(string text) => Assert.Null(HookCommand.Parse(text));

    [Fact]
    public async Task It_is_told_of_both_subnets_and_the_file_and_of_no_secret()
    {
        string output = _folder.File("output");
        Environment.SetEnvironmentVariable("FLANNELD_V", "0");
        SubnetHook hook = Start(Script($"echo \"$1|$2|$OVERLAY_OLD_SUBNET|$OVERLAY_NEW_SUBNET|$OVERLAY_SUBNET_FILE\" >{output}; env | grep -c FLANNELD >>{output}; exit 0") + " a;b $(id)", Old);
        hook.Announce(New);
        await SaidAsync("has ended well");
        Environment.SetEnvironmentVariable("FLANNELD_V", null);
        Assert.Equal("a;b|$(id)|10.1.4.0/24|10.1.7.0/24|/run/flannel/subnet.env\n0\n", await File.ReadAllTextAsync(output, TestContext.Current.CancellationToken));
        await Eventually(() => _remembered is [var subnet] && subnet == New);
    }

    [Fact]
    public async Task It_runs_for_another_subnet_only_and_not_on_a_first_start()
    {
        SubnetHook hook = Start(Script("true"), null);
        hook.Announce(Old);
        await Eventually(() => _remembered.Count == 1);
        hook.Announce(Old);
        hook.Announce(New);
        await SaidAsync("has ended well");
        Assert.Equal(1, _log.Lines.Count(line => line.Contains("from 10.1.4.0/24 to 10.1.7.0/24", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_failure_is_logged_with_what_it_said_on_one_line()
    {
        SubnetHook hook = Start(Script("""printf 'no\nway\033[2J'; echo bad >&2; exit 3"""), Old);
        hook.Announce(New);
        await SaidAsync("ended with 3");
        string line = _log.Lines.Single(line => line.Contains("ended with 3", StringComparison.Ordinal));
        Assert.Contains("no\\nway\\u001B[2J", line, StringComparison.Ordinal);
        Assert.Contains("bad", line, StringComparison.Ordinal);
        Assert.Single(_remembered);
    }

    [Fact]
    public async Task One_that_hangs_is_killed_with_its_children_and_one_that_is_not_there_is_said()
    {
        string pid = _folder.File("pid");
        SubnetHook hook = Start(Script($"sleep 1000 & echo $! >{pid}; yes; wait"), Old, TimeSpan.FromMilliseconds(500));
        hook.Announce(New);
        await SaidAsync("was killed");
        int child = int.Parse((await File.ReadAllTextAsync(pid, TestContext.Current.CancellationToken)).Trim(), System.Globalization.CultureInfo.InvariantCulture);
        await Eventually(() => !File.Exists($"/proc/{child}/stat") || File.ReadAllText($"/proc/{child}/stat").Contains(") Z ", StringComparison.Ordinal));

        SubnetHook none = new(HookCommand.Parse("/no/such/program"), "/f", Old, _ => { }, TimeSpan.FromSeconds(5), TimeProvider.System, _log);
        none.Announce(New);
        Task running = none.RunAsync(_stop.Token);
        await SaidAsync("cannot be run");
        await _stop.CancelAsync();
        await running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
    }

    [Theory]
    [InlineData(typeof(AggregateException))]
    [InlineData(typeof(System.ComponentModel.Win32Exception))]
    [InlineData(typeof(InvalidOperationException))]
    public async Task One_that_cannot_be_killed_is_said_and_the_next_one_runs(Type failure)
    {
        SubnetHook hook = Start(Script($"[ $OVERLAY_NEW_SUBNET = {Old} ] || exec sleep 1000"), Old, TimeSpan.FromMilliseconds(500), process =>
        {
            process.Kill();
            throw (Exception)Activator.CreateInstance(failure)!;
        });
        hook.Announce(New);
        await SaidAsync("took more than 0.5 s and could not be killed with all its children");
        hook.Announce(Old);
        await SaidAsync("has ended well");
    }

    private SubnetHook Start(string command, IPNetwork? announced, TimeSpan? limit = null, Action<System.Diagnostics.Process>? kill = null)
    {
        SubnetHook hook = new(
            HookCommand.Parse(command), "/run/flannel/subnet.env", announced, _remembered.Add, limit ?? TimeSpan.FromSeconds(30), TimeProvider.System, _log, kill);
        _running = hook.RunAsync(_stop.Token);
        return hook;
    }

    private string Script(string body)
    {
        string path = _folder.File("hook.sh");
        File.WriteAllText(path, $"#!/bin/sh\n{body}\n");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return path;
    }

    private Task SaidAsync(string text) => Eventually(() => _log.Lines.Any(line => line.Contains(text, StringComparison.Ordinal)));

    private static async Task Eventually(Func<bool> condition)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(TimeSpan.FromSeconds(30));
        while (!condition()) await Task.Delay(5, limit.Token);
    }
}
