using Overlay.Netns.Tests.Support;

namespace Overlay.Netns.Tests.Systemd;

/// <summary>What the agent can do, see and say inside of the unit's sandbox, and what it cannot.</summary>
public sealed class SandboxTests(PackageFixture packages) : SystemdTest(packages)
{
    [Fact]
    public async Task Inside_the_sandbox_are_one_capability_one_device_and_the_firewall_tools()
    {
        await StartAsync();
        string pid = Node.Property(Unit, "MainPID");
        string status = Node.Must("cat", $"/proc/{pid}/status");
        foreach (string set in new[] { "CapPrm", "CapEff", "CapBnd" }) Assert.Contains($"{set}:\t0000000000001000\n", status, StringComparison.Ordinal);   // CAP_NET_ADMIN
        Assert.Contains("NoNewPrivs:\t1\n", status, StringComparison.Ordinal);
        Assert.Contains("Seccomp:\t2\n", status, StringComparison.Ordinal);
        Assert.Equal("tun\n", Node.Must("ls", $"/proc/{pid}/root/dev/net"));
        Assert.DoesNotContain("sda", Node.Must("ls", $"/proc/{pid}/root/dev"), StringComparison.Ordinal);
        Assert.Contains("SCHED_BATCH", Node.Must("chrt", "-p", pid), StringComparison.Ordinal);

        // The same sandbox around other programs: what the agent runs for the firewall works in it, and nothing else of root's does.
        Assert.Equal("", Sandboxed("/usr/sbin/iptables -w 5 -t nat -A POSTROUTING -s 10.1.0.0/16 -j MASQUERADE --random-fully"));
        Assert.Contains("-A POSTROUTING -s 10.1.0.0/16 -j MASQUERADE --random-fully", Node.Must("iptables-save", "-t", "nat"), StringComparison.Ordinal);
        Assert.Equal("", Sandboxed("/usr/sbin/nft add table inet overlay_test"));
        Assert.Contains("table inet overlay_test", Node.Must("nft", "list", "tables"), StringComparison.Ordinal);
        Assert.Equal("", Sandboxed("/usr/bin/touch /run/xtables.lock"));
        Assert.Contains("Read-only file system", Sandboxed("/usr/bin/touch /etc/here"), StringComparison.Ordinal);
        Assert.Contains("Operation not permitted", Sandboxed("/usr/bin/chown daemon /run/xtables.lock"), StringComparison.Ordinal);
        Assert.Contains("Operation not permitted", Sandboxed("/usr/bin/unshare --uts true"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task K8_K18_what_is_missing_or_taken_is_named_and_the_start_succeeds_once_that_is_mended()
    {
        Node.Write("/etc/systemd/system/thief.socket", "[Socket]\nListenDatagram=0.0.0.0:8472\n");
        Node.Write("/etc/systemd/system/thief.service", "[Service]\nExecStart=sleep infinity\n");
        await Node.BootAsync();
        Install(Packages.Now);
        Configure();

        // A kernel without TUN, or a provider who does not give it: the unit starts, the agent says so, and tries again.
        Node.Must("sh", "-ec", "umount /dev/net/tun; rm -f /dev/net/tun");
        Assert.NotEqual(0, Node.Run("systemctl", "start", Unit).ExitCode);
        await SaysAsync("cannot start: cannot open /dev/net/tun: ENOENT", "modprobe tun");
        Assert.Equal("1", Node.Property(Unit, "ExecMainStatus"));

        // The port is a privileged process's, here systemd's own. That one cannot be seen from inside; who can see it is told how.
        Node.Must("systemctl", "start", "thief.socket");
        Node.Must("mknod", "/dev/net/tun", "c", "10", "200");
        await SaysAsync($"cannot bind UDP {Node.Address}:8472: EADDRINUSE", "ss -lunp 'sport = :8472'");
        Assert.Contains("\"systemd\",pid=1,", Node.Must("ss", "-lunp", "sport = :8472"), StringComparison.Ordinal);
        Assert.Contains("auto-restart", Node.Property(Unit, "SubState"), StringComparison.Ordinal);
        Node.Must("systemctl", "stop", "thief.socket");
        await Node.ActiveAsync(Unit);

        // The port is another agent's, which has no privilege that this one lacks.
        Etcd.Ctl("put", "/blue/network/config", """{ "Network": "10.2.0.0/16", "Backend": { "Type": "vxlan", "VNI": 2 } }""");
        Node.Write("/etc/default/overlay-agent-blue", $"FLANNELD_ETCD_ENDPOINTS={Etcd.Endpoint}\nFLANNELD_ETCD_PREFIX=/blue/network\n");
        Assert.NotEqual(0, Node.Run("systemctl", "start", "overlay-agent@blue").ExitCode);
        await SaysAsync($"process {Node.Property(Unit, "MainPID")} (overlay-agent) has the port");
    }

    [Fact]
    public async Task A_Docker_that_was_started_before_with_other_options_is_seen_and_explained()
    {
        // A program of that name, with privileges that the agent lacks.
        Node.Write("/etc/systemd/system/early.service", "[Service]\nExecStart=/usr/local/bin/dockerd -c \"while :; do sleep 60; done\" dockerd --bip=172.17.0.1/16 --mtu=1500\n");
        File.Copy(Node.PathOf("/bin/sh"), Node.PathOf("/usr/local/bin/dockerd"));
        await Node.BootAsync();
        Node.Must("systemctl", "start", "early");
        Install(Packages.Now);
        Configure();
        Node.Must("systemctl", "start", Unit);

        await SaysAsync("Docker: dockerd --bip is 172.17.0.1/16 where this node's subnet is 10.1.");
        await SaysAsync("Docker: dockerd --mtu is 1500 where the overlay carries 1450", "restart Docker");
    }

    [Fact]
    public async Task The_hook_can_write_to_the_state_folder_and_ask_systemd_for_a_restart_of_Docker_and_nothing_else()
    {
        DockerStandIn.PutInto(Node);
        Node.Write("/usr/local/bin/subnet-changed", """
            #!/bin/sh
            touch /etc/overlay-was-here && exit 9
            echo "$OVERLAY_OLD_SUBNET $OVERLAY_NEW_SUBNET $(cat "$OVERLAY_SUBNET_FILE")" >/var/lib/overlay-agent/told
            systemctl try-restart docker

            """, (UnixFileMode)0b111_101_101);
        await Node.BootAsync();
        Install(Packages.Now);
        Configure();
        File.AppendAllText(Node.PathOf("/etc/default/overlay-agent"), "FLANNELD_ON_SUBNET_CHANGE=/usr/local/bin/subnet-changed\n");
        Node.Must("systemctl", "restart", "docker");
        string first = Identity().Subnet, docker = Node.Property(DockerStandIn.Unit, "MainPID");

        // Another node holds the subnet: this one takes another.
        string key = Assert.Single(Etcd.Leases()).Key;
        Etcd.PutLease(key, """{"PublicIP":"192.168.64.99","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":1,"VtepMAC":"fe:0c:99:5a:37:ec"}}""");

        await SaysAsync("/usr/local/bin/subnet-changed has ended well");
        string second = Identity().Subnet;
        Assert.NotEqual(first, second);
        string told = Node.Must("cat", "/var/lib/overlay-agent/told");
        Assert.StartsWith($"{key.Replace('-', '/')} {second.Replace(".1/", ".0/", StringComparison.Ordinal)} ", told, StringComparison.Ordinal);
        Assert.Contains($"FLANNEL_SUBNET={second}", told, StringComparison.Ordinal);
        Assert.NotEqual(docker, Node.Property(DockerStandIn.Unit, "MainPID"));
        Assert.Contains($"--bip={second} ", await DockerStandIn.StartedAsync(Node), StringComparison.Ordinal);
        Assert.False(File.Exists(Node.PathOf("/etc/overlay-was-here")));
    }

    private Task SaysAsync(params string[] parts) => Eventually.TrueAsync(
        () => Node.Journal.Split('\n').Any(line => parts.All(part => line.Contains(part, StringComparison.Ordinal))), $"the journal says {string.Join(" ... ", parts)}", () => Node.Journal);

    // Runs a line with everything the unit sets for the agent; returns what it complained of.
    private string Sandboxed(string line)
    {
        string[] kept = [.. File.ReadLines(Node.PathOf("/lib/systemd/system/overlay-agent.service")).SkipWhile(entry => !entry.StartsWith("CPUSchedulingPolicy=", StringComparison.Ordinal))
            .TakeWhile(entry => entry != "[Install]")];
        Node.Write("/etc/systemd/system/once.service", $"[Service]\nType=oneshot\nExecStart={line}\n{string.Join('\n', kept)}\n");
        Node.Must("systemctl", "daemon-reload");
        (int exitCode, _) = Node.Run("systemctl", "start", "once.service");
        if (exitCode == 0) return "";
        Node.Must("journalctl", "--sync");
        return Node.Must("journalctl", "--no-pager", "--quiet", "--output=cat", "--unit=once.service", "--lines=20");
    }
}
