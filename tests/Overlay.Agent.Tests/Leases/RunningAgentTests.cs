using Overlay.Agent.Cleanup;
using Overlay.Agent.State;
using Overlay.Agent.Tests.Support;

namespace Overlay.Agent.Tests.Leases;

/// <summary>How a drain finds the agent that it has to stop.</summary>
public sealed class RunningAgentTests
{
    [Theory]
    [InlineData("0::/system.slice/overlay-agent.service\n", "overlay-agent.service")]
    [InlineData("0::/system.slice/system-overlay\\x2dagent.slice/overlay-agent@blue.service\n", "overlay-agent@blue.service")]
    [InlineData("5:memory:/a.service\n1:name=systemd:/system.slice/my-overlay.service\n", "my-overlay.service")]
    [InlineData("0::/user.slice/user-0.slice/session-1.scope\n", null)]
    [InlineData("0::/system.slice/--force.service\n", null)]
    [InlineData("0::/\n", null)]
    [InlineData("", null)]
    public void The_service_that_a_process_belongs_to_is_told_by_its_cgroup(string cgroups, string? unit) => Assert.Equal(unit, RunningAgent.UnitOf(cgroups));

    [Fact]
    public void An_agent_runs_as_long_as_it_holds_its_lock()
    {
        using TempFolder folder = new();
        Assert.Null(RunningAgent.Find(folder.Path));
        Assert.True(InstanceLock.TryAcquire(folder.Path, out InstanceLock? held, out _));
        using (held) Assert.Equal(Environment.ProcessId, RunningAgent.Find(folder.Path)?.Process);
        Assert.Null(RunningAgent.Find(folder.Path));
        Assert.Null(RunningAgent.Find(folder.File("none")));
    }
}
