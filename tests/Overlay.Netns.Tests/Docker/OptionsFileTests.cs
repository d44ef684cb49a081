using Overlay.Netns.Tests.Lifecycle;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

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

    [Fact]
    public async Task What_somebody_deletes_or_changes_is_put_back()
    {
        CancellationToken cancel = TestContext.Current.CancellationToken;
        Node.Announce("was deleted or changed by somebody and is put back");
        string options = Path.Combine(Node.Folder, "opts.env");
        AgentProcess agent = await Node.StartReadyAsync($"--docker-opts-file={options}");
        (string Path, string Content)[] files = [(Node.SubnetFilePath, await File.ReadAllTextAsync(Node.SubnetFilePath, cancel)), (options, await File.ReadAllTextAsync(options, cancel))];

        File.Delete(Node.SubnetFilePath);
        await File.AppendAllTextAsync(options, "DOCKER_OPTS=\n", cancel);

        foreach ((string path, string content) in files)
            await Eventually.TrueAsync(() => File.Exists(path) && File.ReadAllText(path) == content, $"{path} is put back", () => agent.LogText);
        await agent.LoggedAsync("is put back");   // the file is there a moment before the line is
        Assert.Equal(1, agent.Count("is put back"));
    }
}
