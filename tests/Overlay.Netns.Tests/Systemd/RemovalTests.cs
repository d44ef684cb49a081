namespace Overlay.Netns.Tests.Systemd;

/// <summary>The package goes as it came.</summary>
public sealed class RemovalTests(PackageFixture packages) : SystemdTest(packages)
{
    private const string Jump = "-A FORWARD -m comment --comment \"flanneld forward\" -j FLANNEL-FWD";

    private static readonly string[] Traces = ["flannel.1", "flannel.2", "blackhole 10.2.", "FLANNEL-FWD"];

    private static readonly string[] Written =
        ["/run/flannel/subnet.env", "/run/flannel/docker_opts.env", "/run/flannel/blue/subnet.env", "/run/flannel/blue/docker_opts.env"];

    [Fact]
    public async Task Purged_it_leaves_nothing_behind()
    {
        await Node.BootAsync();
        Node.Run("dpkg", "--configure", "--pending");
        HashSet<string> before = Files();
        Install(Packages.Now);
        Configure();
        Etcd.Ctl("put", "/blue/network/config", """{ "Network": "10.2.0.0/16", "Backend": { "Type": "vxlan", "VNI": 2, "Port": 8473 } }""");
        Node.Write("/etc/default/overlay-agent-blue", $"FLANNELD_ETCD_ENDPOINTS={Etcd.Endpoint}\nFLANNELD_ETCD_PREFIX=/blue/network\nFLANNELD_IP_BLACKHOLE_ROUTE=true\n");
        Node.Must("systemctl", "enable", "overlay-agent@blue");
        Node.Must("systemctl", "start", "overlay-agent", "overlay-agent@blue");
        // As deploy/README.md keeps Docker off the overlay.
        Node.Must("sh", "-c", "mkdir -p /etc/systemd/system/docker.service.d && ln -s /dev/null /etc/systemd/system/docker.service.d/10-overlay-agent.conf");
        foreach (string trace in Traces) Assert.Contains(trace, Network(), StringComparison.Ordinal);
        foreach (string file in Written) Node.Must("test", "-e", file);

        // Removed: it is gone from the host and from the boot, and what is needed to come back as the same node is kept.
        string output = Node.Must("dpkg", "--remove", "overlay-agent");
        foreach (string trace in Traces) Assert.DoesNotContain(trace, Network(), StringComparison.Ordinal);
        foreach (string file in Written) Assert.True(Node.Run("test", "-e", file).ExitCode != 0, $"{file} is left:\n{output}");
        Assert.NotEqual("active\n", Node.Run("systemctl", "is-active", Unit).Output);
        Assert.True(File.Exists(Node.PathOf("/etc/default/overlay-agent")));
        Assert.NotEqual("", Node.Must("ls", "/var/lib/overlay-agent"));

        Node.Must("dpkg", "--purge", "overlay-agent");
        Assert.Empty(Files().Except(before));
        Assert.NotEqual(0, Node.Run("systemctl", "cat", Unit).ExitCode);
        Assert.Equal("", Node.Must("ls", "/run/systemd/system"));
    }

    // Flanneld runs under many names. It is told by its process, or where it is down for the moment by the kernel's device that it made.
    [Theory]
    [InlineData("systemctl start flannel-of-ours", "systemctl stop overlay-agent")]
    [InlineData("systemctl stop overlay-agent", "ip link add flannel.1 type vxlan id 1 dev eth0 dstport 8472")]
    public async Task Purged_from_a_node_that_went_back_to_flanneld_it_leaves_flanneld_its_own(params string[] turn)
    {
        Node.Write("/etc/systemd/system/flannel-of-ours.service", "[Service]\nExecStart=/usr/local/bin/flanneld infinity\n");
        File.Copy(Node.PathOf("/bin/sleep"), Node.PathOf("/usr/local/bin/flanneld"));
        await Node.BootAsync();
        Install(Packages.Now);
        Configure();
        Node.Must("systemctl", "start", "overlay-agent");
        foreach (string step in turn) Node.Must(step.Split(' '));
        Node.Must("touch", "/run/flannel/subnet.env", "/run/flannel/networks.of.flanneld");   // as flanneld's start does
        string env = Node.Must("cat", "/run/flannel/subnet.env");
        Assert.Contains(Jump, Node.Must("iptables-save"), StringComparison.Ordinal);

        Assert.Contains("flanneld has this node again", Node.Must("dpkg", "--purge", "overlay-agent"), StringComparison.Ordinal);
        Assert.NotEqual(0, Node.Run("test", "-e", "/run/flannel/docker_opts.env").ExitCode);
        Assert.Equal(env, Node.Must("cat", "/run/flannel/subnet.env"));
        Node.Must("test", "-e", "/run/flannel/networks.of.flanneld");
        Assert.Contains(Jump, Node.Must("iptables-save"), StringComparison.Ordinal);
    }

    private string Network() => Node.Must("sh", "-c", "ip link; ip route; iptables-save");

    // All files of the node but logs, the package manager's own books, and two of /run that belong to others: agetty's and iptables'.
    private HashSet<string> Files() =>
        [.. Node.Must("find", "/", "-xdev", "-not", "-path", "/root/*", "-not", "-path", "/var/log/*", "-not", "-path", "/var/lib/dpkg/*", "-not", "-path", "/tmp/*", "-not", "-path", "/var/tmp/*",
            "-not", "-path", "/var/cache/*").Split('\n'), .. Node.Must("ls", "/run").Split('\n').Where(name => name is not ("agetty.reload" or "xtables.lock"))];
}
