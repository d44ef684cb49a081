using System.Diagnostics;
using System.Globalization;
using Overlay.Agent.State;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.State;

public sealed class InstanceLockTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void J5_a_second_one_is_told_who_holds_it_and_gets_it_afterwards()
    {
        string state = _folder.File("state");
        Assert.True(InstanceLock.TryAcquire(state, out InstanceLock? first, out _));
        Assert.False(InstanceLock.TryAcquire(state, out InstanceLock? second, out string? problem));
        Assert.Null(second);
        Assert.Contains($"process {Environment.ProcessId}", problem);
        Assert.Contains(state, problem);

        first.Dispose();
        Assert.True(InstanceLock.TryAcquire(state, out second, out problem), problem);
        second.Dispose();
    }

    [Fact]
    public void J5_the_lock_is_the_kernels_and_ends_with_its_process()
    {
        string state = _folder.File("state");
        Directory.CreateDirectory(state);
        string ready = _folder.File("ready");
        using Process owner = Process.Start("flock", ["-x", _folder.File("state/agent.lock"), "sh", "-c", $"touch {ready}; exec sleep 600"])!;
        try
        {
            Assert.True(SpinWait.SpinUntil(() => File.Exists(ready), TimeSpan.FromSeconds(30)));
            Assert.False(InstanceLock.TryAcquire(state, out _, out string? problem));
            Assert.Contains("another overlay-agent", problem);
        }
        finally
        {
            owner.Kill(entireProcessTree: true);
            owner.WaitForExit();
        }
        Assert.True(SpinWait.SpinUntil(() => Acquired(state), TimeSpan.FromSeconds(30)));
        Assert.Equal(Environment.ProcessId.ToString(CultureInfo.InvariantCulture), File.ReadAllText(_folder.File("state/agent.lock")).Trim());
    }

    [Fact]
    public void A_state_folder_that_cannot_be_made_is_a_clear_problem()
    {
        File.WriteAllText(_folder.File("file"), "");
        Assert.False(InstanceLock.TryAcquire(_folder.File("file/state"), out _, out string? problem));
        Assert.Contains("--state-dir", problem);
    }

    private static bool Acquired(string state)
    {
        bool acquired = InstanceLock.TryAcquire(state, out InstanceLock? held, out _);
        held?.Dispose();
        return acquired;
    }
}
