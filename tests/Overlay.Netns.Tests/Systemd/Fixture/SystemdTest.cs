using Overlay.Netns.Tests.Network;
using Overlay.Netns.Tests.Nodes;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Systemd;

/// <summary>A switch with an etcd, and one node under systemd that has nothing of ours on it yet.</summary>
[Collection<PackageCollection>]
public abstract class SystemdTest(PackageFixture packages) : IAsyncLifetime
{
    private protected const string Unit = "overlay-agent.service";

    private Underlay? _underlay;

    private protected PackageFixture Packages { get; } = packages;

    private protected EtcdNode Etcd { get; private set; } = null!;

    private protected Machine Node { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        NodeImage.Require();
        _underlay = Underlay.Create();
        Etcd = EtcdNode.Create(_underlay);
        Node = await Machine.CreateAsync(_underlay, "node", 1);
        await Etcd.StartAsync();
        Etcd.PutConfig();
    }

    public async ValueTask DisposeAsync()
    {
        if (_underlay is not null) await _underlay.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    /// <summary>Copies a package into the node and installs it.</summary>
    private protected string Install(string package, params string[] options)
    {
        File.Copy(package, Node.PathOf("/root/overlay-agent.deb"), overwrite: true);
        return Node.Must(["dpkg", .. options, "--install", "/root/overlay-agent.deb"]);
    }

    /// <summary>What an operator does next: name etcd in the settings.</summary>
    private protected void Configure()
    {
        string settings = Node.PathOf("/etc/default/overlay-agent");
        string text = File.ReadAllText(settings);
        File.WriteAllText(settings, text.Replace("http://127.0.0.1:2379", Etcd.Endpoint, StringComparison.Ordinal));
    }

    /// <summary>Boots, installs, configures and starts: the agent is ready then.</summary>
    private protected async Task StartAsync()
    {
        await Node.BootAsync();
        Install(Packages.Now);
        Configure();
        Node.Must("systemctl", "start", "overlay-agent");
        Assert.Equal("active", Node.Property(Unit, "ActiveState"));   // start returns when it is ready
    }

    /// <summary>What docker and the next start of the agent go by: subnet.env and the MAC.</summary>
    private protected (string Subnet, string Mac) Identity()
    {
        string env = Node.Must("cat", "/run/flannel/subnet.env");
        string subnet = env.Split('\n').Single(line => line.StartsWith("FLANNEL_SUBNET=", StringComparison.Ordinal))["FLANNEL_SUBNET=".Length..];
        string lease = Assert.Single(Etcd.Leases(), lease => lease.Value.Contains($"\"{Node.Address}\"", StringComparison.Ordinal)).Value;
        return (subnet, System.Text.Json.JsonDocument.Parse(lease).RootElement.GetProperty("BackendData").GetProperty("VtepMAC").GetString()!);
    }

    /// <summary>Waits until the agent that runs is another process than before, and ready.</summary>
    private protected async Task RestartedAsync(string before)
    {
        await Eventually.TrueAsync(() => Node.Property(Unit, "MainPID") is not "0" and var now && now != before, "systemd starts another", () => Node.Journal);
        await Node.ActiveAsync(Unit);
    }
}
