using Overlay.Netns.Tests.Lifecycle;
using Overlay.Netns.Tests.Nodes;

namespace Overlay.Netns.Tests.Docker;

/// <summary>When Docker may start: not before there is something to start it with.</summary>
public sealed class OptionsFileTests : LifecycleTest
{
    [Fact]
    public async Task READY_comes_only_when_Dockers_options_are_written()
    {
        string place = Path.Combine(Node.Folder, "docker"), options = Path.Combine(place, "opts.env");
        await File.WriteAllTextAsync(place, "in the way\n", TestContext.Current.CancellationToken);
        Node.Announce("cannot be written");
        using Supervisor supervisor = new(Underlay.Folder);

        AgentProcess agent = Node.StartWith(supervisor.Environment, $"--docker-opts-file={options}");
        await supervisor.HeardAsync($"{options} cannot be written");
        Assert.True(File.Exists(Node.SubnetFilePath));
        Assert.False(supervisor.IsReady, string.Join('\n', supervisor.Messages));

        File.Delete(place);
        await supervisor.HeardAsync("READY=1");
        Assert.Contains($"DOCKER_OPTS=\" --bip={Node.File.Gateway}/24 --ip-masq=true --mtu=1450\"", File.ReadLines(options));
        await agent.ReadyAsync();
    }
}
