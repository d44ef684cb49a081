using System.Globalization;
using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Systemd;

/// <summary>From a bare node to one whose Docker runs on the overlay, and what then happens to nodes.</summary>
public sealed class NodeLifeTests(PackageFixture packages) : SystemdTest(packages)
{
    [Fact]
    public async Task One_package_and_a_reboot_later_Docker_starts_on_the_overlay_and_kill_reboot_and_upgrade_keep_the_subnet()
    {
        DockerStandIn.PutInto(Node);
        await Node.BootAsync();

        // Installed: enabled, and nothing runs that nobody has configured.
        Assert.Contains("/etc/default/overlay-agent", Install(Packages.Now), StringComparison.Ordinal);
        Assert.Equal("enabled\n", Node.Run("systemctl", "is-enabled", Unit).Output);
        Assert.Equal("inactive", Node.Property(Unit, "ActiveState"));
        Configure();

        // Etcd is late at the reboot: the node comes up, the agent says what it waits for, and Docker waits with it.
        await Etcd.KillAsync();
        await Node.RebootAsync();
        await Eventually.TrueAsync(() => Node.Property(Unit, "StatusText").StartsWith("waiting: ", StringComparison.Ordinal), "STATUS says what it waits for", () => Node.Journal);
        Assert.Equal("activating", Node.Property(Unit, "ActiveState"));
        Assert.Equal("inactive", Node.Property("docker.service", "ActiveState"));
        await Etcd.StartAsync();
        await Node.ActiveAsync(Unit);
        string started = await DockerStandIn.StartedAsync(Node);
        (string Subnet, string Mac) identity = Identity();
        Assert.Contains("agent active\n", started, StringComparison.Ordinal);
        Assert.Contains($"FLANNEL_SUBNET={identity.Subnet}\n", started, StringComparison.Ordinal);
        Assert.Contains($"--bip={identity.Subnet} ", started + " ", StringComparison.Ordinal);
        Assert.Contains("--mtu=1450", started, StringComparison.Ordinal);
        Assert.StartsWith("subnet ", Node.Property(Unit, "StatusText"), StringComparison.Ordinal);
        Assert.Equal(["-rw-------"], Node.Must("ls", "-l", "/etc/default/overlay-agent").Split(' ')[..1]);

        // R4: killed in any way, systemd brings it back with all it had; Docker is left alone.
        string docker = Node.Property("docker.service", "MainPID");
        for (int i = 0; i < 3; i++)
        {
            string pid = Node.Property(Unit, "MainPID");
            Node.Must("kill", "-9", pid);
            await RestartedAsync(pid);
            Assert.Equal(identity, Identity());
        }
        Assert.Equal(docker, Node.Property("docker.service", "MainPID"));

        // Upgrade: it runs anew at once, by itself, and the settings are the operator's.
        string before = Node.Property(Unit, "MainPID");
        string settings = File.ReadAllText(Node.PathOf("/etc/default/overlay-agent")) + "# mine\n";
        Node.Write("/etc/default/overlay-agent", settings, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Install(Packages.Later);
        await RestartedAsync(before);
        Assert.Equal("1.0.1", Node.Must("dpkg-query", "--show", "--showformat=${Version}", "overlay-agent"));
        Assert.Equal(settings, File.ReadAllText(Node.PathOf("/etc/default/overlay-agent")));
        Assert.Equal(identity, Identity());
        Assert.Equal(docker, Node.Property("docker.service", "MainPID"));

        // A reboot empties /run; the node still is who it was.
        await Node.RebootAsync();
        await Node.ActiveAsync(Unit);
        Assert.Contains($"FLANNEL_SUBNET={identity.Subnet}\n", await DockerStandIn.StartedAsync(Node), StringComparison.Ordinal);
        Assert.Equal(identity, Identity());
        Assert.Equal(identity.Mac, System.Text.Json.JsonDocument.Parse(Etcd.Leases().Single().Value).RootElement.GetProperty("BackendData").GetProperty("VtepMAC").GetString());
    }

    [Fact]
    public async Task Docker_comes_up_by_itself_however_long_the_agents_first_start_fails()
    {
        DockerStandIn.PutInto(Node);
        await Node.BootAsync();
        Install(Packages.Now);
        Configure();
        string settings = File.ReadAllText(Node.PathOf("/etc/default/overlay-agent"));

        // A mistake in the settings, found at the reboot: the agent's start fails for good, and Docker's for want of its options.
        Node.Write("/etc/default/overlay-agent", settings + "FLANNELD_IP_MASQ=perhaps\n", UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await Node.RebootAsync();
        await DockerFailsAsync(4);
        Assert.Contains("FLANNELD_IP_MASQ", Node.Journal, StringComparison.Ordinal);
        Assert.Contains("docker.service: Failed to load environment files", Node.Journal, StringComparison.Ordinal);   // what the README is searched for

        // Mended, but now the agent cannot start for another reason, one that it tries again.
        Node.Write("/etc/default/overlay-agent", settings + "FLANNELD_IFACE=eth7\n", UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await DockerFailsAsync(2 + Restarts());
        Assert.Contains("--iface: there is no", Node.Journal, StringComparison.Ordinal);

        // Mended. Nobody starts anything.
        Node.Write("/etc/default/overlay-agent", settings, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        string started = await DockerStandIn.StartedAsync(Node);
        Assert.Contains($"--bip={Identity().Subnet} ", started, StringComparison.Ordinal);
        Assert.Contains("agent active\n", started, StringComparison.Ordinal);
        Assert.Equal("active", Node.Property("docker.socket", "ActiveState"));
    }

    // More often than Debian's unit allows for within its minute.
    private Task DockerFailsAsync(int times) => Eventually.TrueAsync(() => Restarts() >= times, $"Docker has been tried {times} times", () => Node.Journal);

    private int Restarts() => int.Parse(Node.Property(DockerStandIn.Unit, "NRestarts"), CultureInfo.InvariantCulture);
}
