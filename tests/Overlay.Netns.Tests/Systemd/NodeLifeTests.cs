using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Systemd;

/// <summary>From a bare node to one whose Docker runs on the overlay, and what then happens to nodes.</summary>
public sealed class NodeLifeTests(PackageFixture packages) : SystemdTest(packages)
{
    // As Debian's docker.io: after a start that fails Docker is tried again, and what it is started with comes from its environment file.
    private const string DockerUnit = """
        [Unit]
        Description=stand-in for Docker
        [Service]
        EnvironmentFile=-/etc/default/docker
        ExecStart=/usr/sbin/dockerd -H fd:// $DOCKER_OPTS
        Restart=always
        RestartSec=2
        [Install]
        WantedBy=multi-user.target
        """;

    private const string DockerProgram = """
        #!/bin/sh
        { echo "arguments $*"; echo "agent $(systemctl is-active overlay-agent)"; cat /run/flannel/subnet.env; } >/run/docker-started.new
        mv /run/docker-started.new /run/docker-started
        exec sleep infinity
        """;

    [Fact]
    public async Task One_package_and_a_reboot_later_Docker_starts_on_the_overlay_and_kill_reboot_and_upgrade_keep_the_subnet()
    {
        Node.Write("/etc/systemd/system/docker.service", DockerUnit + "\n");
        Node.Write("/usr/sbin/dockerd", DockerProgram + "\n", (UnixFileMode)0b111_101_101);
        await Node.BootAsync();
        Node.Must("systemctl", "enable", "docker.service");

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
        await DockerStartedAsync();
        (string Subnet, string Mac) identity = Identity();
        string started = Node.Must("cat", "/run/docker-started");
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
        await DockerStartedAsync();
        Assert.Equal(identity, Identity());
        Assert.Contains($"FLANNEL_SUBNET={identity.Subnet}\n", Node.Must("cat", "/run/docker-started"), StringComparison.Ordinal);
        Assert.Equal(identity.Mac, System.Text.Json.JsonDocument.Parse(Etcd.Leases().Single().Value).RootElement.GetProperty("BackendData").GetProperty("VtepMAC").GetString());
    }

    private Task DockerStartedAsync() => Eventually.TrueAsync(() => Node.Run("test", "-e", "/run/docker-started").ExitCode == 0, "Docker starts", () => Node.Journal);
}
