using Overlay.Agent.Cli.Grammar;

namespace Overlay.Agent.Cli;

/// <summary>
/// Every flag, once: name, kind, default and help. The first groups are flannel's (main.go, init), with its defaults; the help text, the
/// environment variables and <see cref="Binding.OptionsBinder"/> follow from this table.
/// </summary>
internal static class AgentFlags
{
    public static readonly Flag EtcdEndpoints = new("etcd-endpoints", FlagKind.Text, "http://127.0.0.1:4001,http://127.0.0.1:2379", "URLS", "comma-separated etcd endpoints, all http or all https");
    public static readonly Flag EtcdPrefix = new("etcd-prefix", FlagKind.Text, "/coreos.com/network", "PATH", "key prefix of this overlay network");
    public static readonly Flag EtcdKeyFile = new("etcd-keyfile", FlagKind.Text, "", "FILE", "private key for etcd's TLS (PEM); needs --etcd-certfile");
    public static readonly Flag EtcdCertFile = new("etcd-certfile", FlagKind.Text, "", "FILE", "client certificate for etcd's TLS (PEM); needs --etcd-keyfile");
    public static readonly Flag EtcdCaFile = new("etcd-cafile", FlagKind.Text, "", "FILE", "certificate authority that signed etcd's certificate (PEM)");
    public static readonly Flag EtcdUsername = new("etcd-username", FlagKind.Text, "", "NAME", "etcd user; needs a password");
    public static readonly Flag EtcdPassword = new("etcd-password", FlagKind.Text, "", "TEXT", "etcd password; better given as FLANNELD_ETCD_PASSWORD, since ps shows flags") { IsSecret = true };

    public static readonly Flag Iface = new("iface", FlagKind.List, "", "NAME|IP", "interface for traffic between nodes; repeats, the first that matches is taken");
    public static readonly Flag IfaceRegex = new("iface-regex", FlagKind.List, "", "REGEX", "pattern for its addresses, then its name; repeats; tried after every --iface");
    public static readonly Flag IfaceCanReach = new("iface-can-reach", FlagKind.Text, "", "IP", "take the interface that routes to this address; tried last");
    public static readonly Flag PublicIp = new("public-ip", FlagKind.Text, "", "IP", "address that peers send to, when it is not the interface's own (NAT)");
    public static readonly Flag PublicIpV6 = new("public-ipv6", FlagKind.Text, "", "IP", "taken for flannel's sake; this version carries IPv4 only") { IsIgnored = true };
    public static readonly Flag ListenAddress = new("listen-address", FlagKind.Text, "", "IP", "local address of the VXLAN socket [the interface's address]");

    public static readonly Flag SubnetFile = new("subnet-file", FlagKind.Text, "/run/flannel/subnet.env", "FILE", "environment file for Docker, written once the subnet is leased");
    public static readonly Flag OnSubnetChange = new("on-subnet-change", FlagKind.Text, "", "COMMAND", "program (absolute path) and arguments to run, without a shell, when this node has another subnet");
    public static readonly Flag DockerOptsFile = new("docker-opts-file", FlagKind.Text, "", "FILE", "Docker's options (DOCKER_OPTS=...), written beside --subnet-file for its unit's EnvironmentFile");
    public static readonly Flag RenewMargin = new("subnet-lease-renew-margin", FlagKind.Integer, "60", "MINUTES", "renew with this much of the lease left at the latest, 1 to 1439");
    public static readonly Flag LeaseTtl = new("subnet-lease-ttl", FlagKind.Integer, "86400", "SECONDS", "life of the lease without contact to etcd, 5 to 2592000");

    public static readonly Flag IpMasq = new("ip-masq", FlagKind.Boolean, "false", "", "masquerade what crosses the border of the overlay, and write FLANNEL_IPMASQ=true");
    public static readonly Flag IpMasqFullyRandomDisable = new("ip-masq-fully-random-disable", FlagKind.Boolean, "false", "", "masquerade without --random-fully");
    public static readonly Flag IptablesForwardRules = new("iptables-forward-rules", FlagKind.Boolean, "true", "", "accept overlay traffic in FORWARD");
    public static readonly Flag IptablesResync = new("iptables-resync", FlagKind.Integer, "5", "SECONDS", "within which flushed firewall rules are put back, 1 to 86400");
    public static readonly Flag IpBlackholeRoute = new("ip-blackhole-route", FlagKind.Boolean, "false", "", "keep a blackhole route for this node's own subnet, behind the bridge's own route");

    public static readonly Flag HealthzIp = new("healthz-ip", FlagKind.Text, "0.0.0.0", "IP", "address of /healthz and /readyz");
    public static readonly Flag HealthzPort = new("healthz-port", FlagKind.Integer, "0", "PORT", "TCP port of /healthz and /readyz; 0 turns them off");
    public static readonly Flag LogFormat = new("log-format", FlagKind.Text, "text", "FORMAT", "text (time, level, message), json, or systemd (journal priorities)");
    public static readonly Flag Verbosity = new("v", FlagKind.Integer, "0", "LEVEL", "log detail: 0 for operators, 1 to 4 for debugging, 5 and more for everything");
    public static readonly Flag VModule = new("vmodule", FlagKind.Text, "", "PATTERNS", "taken for flannel's sake, ignored") { IsIgnored = true };
    public static readonly Flag LogBacktraceAt = new("log_backtrace_at", FlagKind.Text, ":0", "FILE:LINE", "taken for flannel's sake, ignored") { IsIgnored = true };
    public static readonly Flag Version = new("version", FlagKind.Boolean, "false", "", "print version, runtime and build, and exit");

    public static readonly Flag StateDir = new("state-dir", FlagKind.Text, "/var/lib/overlay-agent", "FOLDER", "node identity, VTEP MAC, last subnet and peers, kept across reboots");
    public static readonly Flag Device = new("device", FlagKind.Text, "", "NAME", "name of the TUN device [flannel.<VNI>]");
    public static readonly Flag SourceCheck = new("source-check", FlagKind.Text, "strict", "MODE", "inner sources a peer may use: strict (its own), antispoof (nobody else's), off");
    public static readonly Flag OffloadGso = new("offload-gso", FlagKind.Text, "auto", "auto|on|off", "send many datagrams per system call (UDP_SEGMENT)");
    public static readonly Flag OffloadGro = new("offload-gro", FlagKind.Text, "auto", "auto|on|off", "receive many datagrams per system call (UDP_GRO)");
    public static readonly Flag OffloadTso = new("offload-tso", FlagKind.Text, "auto", "auto|on|off", "exchange 64 KiB packets with the TUN device");
    public static readonly Flag OffloadTunnelGso = new("offload-tunnel-gso", FlagKind.Text, "auto", "auto|on|off", "let the network card cut 64 KiB tunnel packets (Linux 6.17), past the host's own output chains; auto: where it can and peers are on its link");
    public static readonly Flag Workers = new("workers", FlagKind.Integer, "0", "NUMBER", "TUN queues, each with sockets and two threads of its own, 1 to 64; 0: half the processors, at most 8");
    public static readonly Flag Spin = new("spin", FlagKind.Integer, "300", "MICROSECONDS", "while small packets come in quick succession, look this long for the next one before sleeping, 0 (never) to 1000; costs CPU, saves wake-ups");

    public static readonly Flag KubeSubnetMgr = new("kube-subnet-mgr", FlagKind.Boolean, "false", "", "refused when true: this agent leases from etcd");
    public static readonly Flag KubeApiUrl = new("kube-api-url", FlagKind.Text, "", "URL", "ignored") { IsIgnored = true };
    public static readonly Flag KubeAnnotationPrefix = new("kube-annotation-prefix", FlagKind.Text, "flannel.alpha.coreos.com", "TEXT", "ignored") { IsIgnored = true };
    public static readonly Flag KubeConfigFile = new("kubeconfig-file", FlagKind.Text, "", "FILE", "ignored") { IsIgnored = true };
    public static readonly Flag NetConfigPath = new("net-config-path", FlagKind.Text, "/etc/kube-flannel/net-conf.json", "FILE", "ignored") { IsIgnored = true };
    public static readonly Flag SetNodeNetworkUnavailable = new("set-node-network-unavailable", FlagKind.Boolean, "true", "", "ignored") { IsIgnored = true };

    /// <summary>The flags in the order of the help text, under their headings.</summary>
    public static readonly IReadOnlyList<(string Heading, IReadOnlyList<Flag> Flags)> Groups =
    [
        ("etcd", [EtcdEndpoints, EtcdPrefix, EtcdKeyFile, EtcdCertFile, EtcdCaFile, EtcdUsername, EtcdPassword]),
        ("underlay", [Iface, IfaceRegex, IfaceCanReach, PublicIp, ListenAddress]),
        ("subnet", [SubnetFile, DockerOptsFile, OnSubnetChange, RenewMargin, LeaseTtl, StateDir]),
        ("data path", [Device, SourceCheck, OffloadGso, OffloadGro, OffloadTso, OffloadTunnelGso, Workers, Spin]),
        ("firewall and routes", [IpMasq, IpMasqFullyRandomDisable, IptablesForwardRules, IptablesResync, IpBlackholeRoute]),
        ("health and logs", [HealthzIp, HealthzPort, LogFormat, Verbosity, Version]),
        ("taken, so that flannel's command lines keep working", [PublicIpV6, VModule, LogBacktraceAt, KubeSubnetMgr, KubeApiUrl, KubeAnnotationPrefix, KubeConfigFile, NetConfigPath, SetNodeNetworkUnavailable]),
    ];

    /// <summary>Every flag.</summary>
    public static readonly IReadOnlyList<Flag> All = [.. Groups.SelectMany(g => g.Flags)];

    /// <summary>The flags that can come from the environment: all but <see cref="Version"/>, which must not turn a service into a printer.</summary>
    public static readonly IReadOnlyList<Flag> Inheritable = [.. All.Where(f => f != Version)];
}
