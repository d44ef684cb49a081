using System.Diagnostics;
using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Support;
using static Tmds.Linux.LibC;

namespace Overlay.Netns.Tests.Nodes;

/// <summary>The binary under test, running on a host: its log, its signals, its end.</summary>
internal sealed class AgentProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly List<string> _log = [];

    private AgentProcess(Process process) => _process = process;

    /// <summary>The binary: OVERLAY_AGENT, or the one of ./build.sh. Fails the test where there is none.</summary>
    public static string Binary
    {
        get
        {
            string path = Environment.GetEnvironmentVariable("OVERLAY_AGENT") ?? Path.Combine(RepositoryRoot(), "artifacts", "overlay-agent");
            Assert.True(File.Exists(path), $"{path} is missing: run ./build.sh first, or name a binary in OVERLAY_AGENT");
            return path;
        }
    }

    /// <summary>The process id.</summary>
    public int Id => _process.Id;

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>The lines logged so far.</summary>
    public IReadOnlyList<string> Log
    {
        get { lock (_log) return [.. _log]; }
    }

    /// <summary>The log as one text, for a failure.</summary>
    public string LogText => string.Join('\n', Log);

    /// <summary>Lines of the level WARN and worse.</summary>
    public IReadOnlyList<string> Trouble => [.. Log.Where(line => line.Contains(" WARN ") || line.Contains(" ERROR ") || line.Contains(" FATAL "))];

    /// <summary>Starts the agent on a host.</summary>
    /// <param name="host">Where.</param>
    /// <param name="flags">Its command line.</param>
    /// <param name="environment">Added to the environment.</param>
    /// <param name="wrapper">A program with arguments that ends by executing what follows it, such as setpriv.</param>
    public static AgentProcess Start(
        Host host, IEnumerable<string> flags, IReadOnlyDictionary<string, string>? environment = null, params IReadOnlyList<string> wrapper)
    {
        string[] line = [.. wrapper, Binary, .. flags];
        ProcessStartInfo start = new(line[0], line[1..]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment.Remove("NOTIFY_SOCKET");
        foreach ((string name, string value) in environment ?? new Dictionary<string, string>()) start.Environment[name] = value;
        AgentProcess agent = new(host.Namespace.Start(start));
        agent._process.OutputDataReceived += (_, e) => agent.Take(e.Data);
        agent._process.ErrorDataReceived += (_, e) => agent.Take(e.Data);
        agent._process.BeginOutputReadLine();
        agent._process.BeginErrorReadLine();
        return agent;
    }

    /// <summary>Waits until a line holds the text; fails when the agent ends before.</summary>
    public Task LoggedAsync(string text, int times = 1) => Eventually.TrueAsync(() =>
    {
        bool ended = HasExited;
        bool logged = Count(text) >= times;
        Assert.False(ended && !logged, $"the agent ended with {(ended ? _process.ExitCode : 0)} and never said: {text}\n{LogText}");
        return logged;
    }, $"the agent says: {text}", () => LogText);

    /// <summary>How many lines hold the text.</summary>
    public int Count(string text) => Log.Count(line => line.Contains(text, StringComparison.Ordinal));

    /// <summary>Waits until it is ready.</summary>
    public Task ReadyAsync() => LoggedAsync(" INFO  ready: ");

    /// <summary>Asks for the counts (SIGUSR1).</summary>
    public async Task<(FlowCounts Outbound, FlowCounts Inbound)> CountsAsync()
    {
        const string Outbound = " outbound: received ", Inbound = " inbound: received ";
        int before = Count(Inbound);
        Signal(SIGUSR1);
        await LoggedAsync(Inbound, before + 1);   // the second of the two lines
        return (FlowCounts.Parse(Log.Last(line => line.Contains(Outbound, StringComparison.Ordinal))),
            FlowCounts.Parse(Log.Last(line => line.Contains(Inbound, StringComparison.Ordinal))));
    }

    /// <summary>Waits for its end by itself, and returns the exit code.</summary>
    public async Task<int> ExitAsync()
    {
        await Eventually.TrueAsync(() => HasExited, "the agent ends", () => LogText);
        await _process.WaitForExitAsync(TestContext.Current.CancellationToken);   // also for the rest of the log
        return _process.ExitCode;
    }

    /// <summary>Sends a signal.</summary>
    public void Signal(int signal) => Assert.Equal(0, kill(Id, signal));

    /// <summary>SIGTERM, and the exit code that follows.</summary>
    public Task<int> StopAsync()
    {
        Signal(SIGTERM);
        return ExitAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!HasExited)
        {
            Signal(SIGTERM);
            using CancellationTokenSource patience = new(TimeSpan.FromSeconds(15));
            try
            {
                await _process.WaitForExitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                _process.Kill();
                throw new TimeoutException($"the agent did not end after SIGTERM\n{LogText}");
            }
        }
    }

    private void Take(string? line)
    {
        if (line is null) return;
        lock (_log) _log.Add(line);
    }

    public static string RepositoryRoot()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "Overlay.sln"))) return folder.FullName;
        }
        return Directory.GetCurrentDirectory();
    }
}
