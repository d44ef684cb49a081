namespace Overlay.Netns.Tests.Systemd;

/// <summary>The package goes as it came.</summary>
public sealed class RemovalTests(PackageFixture packages) : SystemdTest(packages)
{
    [Fact]
    public async Task Purged_it_leaves_nothing_behind()
    {
        await Node.BootAsync();
        Node.Run("dpkg", "--configure", "--pending");
        HashSet<string> before = Files();
        Install(Packages.Now);
        Configure();
        Node.Write("/etc/default/overlay-agent-blue", "FLANNELD_ETCD_PASSWORD=secret\n");
        Node.Must("systemctl", "start", "overlay-agent");
        Assert.Contains("flannel.1", Node.Must("ip", "link", "show"), StringComparison.Ordinal);

        // Removed: it is gone from the network and from the boot, and what is needed to come back as the same node is kept.
        Node.Must("dpkg", "--remove", "overlay-agent");
        Assert.DoesNotContain("flannel.1", Node.Must("ip", "link", "show"), StringComparison.Ordinal);
        Assert.NotEqual("active\n", Node.Run("systemctl", "is-active", Unit).Output);
        Assert.True(File.Exists(Node.PathOf("/etc/default/overlay-agent")));
        Assert.NotEqual("", Node.Must("ls", "/var/lib/overlay-agent"));

        Node.Must("dpkg", "--purge", "overlay-agent");
        Assert.Empty(Files().Except(before));
        Assert.NotEqual(0, Node.Run("systemctl", "cat", Unit).ExitCode);
        Assert.Equal("", Node.Must("ls", "/run/systemd/system"));
    }

    // All files of the node but logs, the package manager's own books, and two of /run that belong to others: agetty's and iptables'.
    private HashSet<string> Files() =>
        [.. Node.Must("find", "/", "-xdev", "-not", "-path", "/root/*", "-not", "-path", "/var/log/*", "-not", "-path", "/var/lib/dpkg/*", "-not", "-path", "/tmp/*", "-not", "-path", "/var/tmp/*",
            "-not", "-path", "/var/cache/*").Split('\n'), .. Node.Must("ls", "/run").Split('\n').Where(name => name is not ("agetty.reload" or "xtables.lock"))];
}
