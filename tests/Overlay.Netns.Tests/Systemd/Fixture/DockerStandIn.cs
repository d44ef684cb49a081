namespace Overlay.Netns.Tests.Systemd;

/// <summary>
/// Docker on a node, as far as systemd knows it: the units of Debian 12's docker.io (20.10.24+dfsg1), line by line but for their comments,
/// around a program that notes what it was started with.
/// </summary>
internal static class DockerStandIn
{
    public const string Unit = "docker.service";

    // Where it says what it was started with.
    private const string Notes = "/run/docker-started";

    private const string Service = """
        [Unit]
        Description=Docker Application Container Engine
        Documentation=https://docs.docker.com
        After=network-online.target docker.socket firewalld.service containerd.service
        Wants=network-online.target containerd.service
        Requires=docker.socket

        [Service]
        Type=notify
        EnvironmentFile=-/etc/default/docker
        ExecStart=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS
        ExecReload=/bin/kill -s HUP $MAINPID
        LimitNOFILE=1048576
        LimitNPROC=infinity
        LimitCORE=infinity
        TasksMax=infinity
        TimeoutStartSec=0
        Delegate=yes
        KillMode=process
        Restart=on-failure
        StartLimitBurst=3
        StartLimitInterval=60s

        [Install]
        WantedBy=multi-user.target

        """;

    private const string Socket = """
        [Unit]
        Description=Docker Socket for the API

        [Socket]
        ListenStream=/run/docker.sock
        SocketMode=0660
        SocketUser=root
        SocketGroup=docker

        [Install]
        WantedBy=sockets.target

        """;

    private const string Program = $$"""
        #!/bin/sh
        { echo "arguments $*"; echo "agent $(systemctl is-active overlay-agent)"; cat /run/flannel/subnet.env; } >{{Notes}}.new
        mv {{Notes}}.new {{Notes}}
        systemd-notify --ready
        exec sleep infinity

        """;

    /// <summary>Puts it into a node that is not booted yet, enabled as Debian's package has it.</summary>
    public static void PutInto(Machine node)
    {
        node.Write("/lib/systemd/system/docker.service", Service);
        node.Write("/lib/systemd/system/docker.socket", Socket);
        node.Write("/usr/sbin/dockerd", Program, (UnixFileMode)0b111_101_101);
        File.AppendAllText(node.PathOf("/etc/group"), "docker:x:997:\n");
        foreach ((string target, string unit) in new[] { ("multi-user.target", "docker.service"), ("sockets.target", "docker.socket") })
        {
            Directory.CreateDirectory(node.PathOf($"/etc/systemd/system/{target}.wants"));
            File.CreateSymbolicLink(node.PathOf($"/etc/systemd/system/{target}.wants/{unit}"), $"/lib/systemd/system/{unit}");
        }
    }

    /// <summary>Waits until it runs.</summary>
    /// <returns>Its arguments, the state of the agent and subnet.env, all as they were when it was started.</returns>
    public static async Task<string> StartedAsync(Machine node)
    {
        await node.ActiveAsync(Unit);
        return node.Must("cat", Notes);
    }
}
