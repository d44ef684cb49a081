namespace Overlay.Agent.Doctor;

/// <summary>Every check, once, in the order of the report. The ids are a promise to scripts.</summary>
internal static class Checks
{
    public static readonly Check Virtualization = new("host.virtualization", "In a container (OpenVZ, LXC) the kernel is the host's: TUN devices, sysctls, modules and firewall rules are the provider's to allow, and may go away.");
    public static readonly Check Kernel = new("host.kernel", "Segmentation offload for UDP (Linux 4.18, 5.0) is what makes a userspace tunnel fast, and some kernels damage what they segment.");
    public static readonly Check Tun = new("host.tun", "The agent exchanges packets with the kernel through /dev/net/tun; without it there is no overlay.");
    public static readonly Check Capability = new("host.capability", "Devices, addresses, routes and large socket buffers need CAP_NET_ADMIN.");
    public static readonly Check Steal = new("host.steal", "Time that the hypervisor gives to others is time in which no packet moves: on an oversold host pings go from 2 ms to 200 ms.");
    public static readonly Check Clock = new("host.clock", "Leases do not depend on this clock (etcd counts their time), but TLS certificates do, and so does anybody who compares logs of two nodes.");
    public static readonly Check Conntrack = new("host.conntrack", "When the table of connections is full the kernel drops new ones, the overlay's among them.");
    public static readonly Check Files = new("host.files", "Each worker needs sockets; at the limit of open files the agent cannot open the next one.");
    public static readonly Check Disk = new("host.disk", "On a full or read-only file system subnet.env and the state file cannot be replaced: a restart then loses this node's subnet.");

    public static readonly Check Interface = new("underlay.interface", "All traffic between nodes leaves by this interface; the overlay's MTU follows from its MTU.");
    public static readonly Check Offloads = new("underlay.offloads", "What the card segments and checksums itself costs no processor time; which profile a node has decides how fast its tunnel is.");
    public static readonly Check Port = new("underlay.port", "Peers send to this UDP port of the public address; somebody else's socket there takes or loses their packets.");

    public static readonly Check Agent = new("overlay.agent", "Without the agent no packet passes between nodes.");
    public static readonly Check Device = new("overlay.device", "The TUN device, with the subnet's .0 address and the route for the whole network, is the door to the overlay.");
    public static readonly Check Leftover = new("overlay.leftover", "A kernel VXLAN device that flanneld left behind holds the UDP port and draws the overlay's routes.");
    public static readonly Check Route = new("overlay.route", "A more specific or foreign route takes packets for peers away from the overlay.");
    public static readonly Check SubnetFile = new("overlay.subnet-env", "Docker and every other reader take subnet, MTU and masquerading from this file.");

    public static readonly Check UnderlayMtu = new("mtu.underlay", "A full overlay packet plus 50 bytes of headers must fit the underlay, or it is fragmented or lost.");
    public static readonly Check BridgeMtu = new("mtu.docker0", "Docker's bridge at 1500 on an overlay of 1450 loses large packets in silence: pings and small requests work, transfers hang.");
    public static readonly Check ContainerMtu = new("mtu.containers", "A container keeps the MTU it was started with; one that is larger than the overlay's loses large packets in silence.");

    public static readonly Check DockerDaemon = new("docker.daemon", "A Docker that does not start takes this node's containers with it; one setting in daemon.json as well as in its flags is enough.");
    public static readonly Check DockerFlags = new("docker.flags", "Docker must give out addresses of this node's subnet only, with the overlay's MTU, and masquerade when the agent does not; it reads its flags once, at start.");
    public static readonly Check DockerOrder = new("docker.order", "A Docker that started before subnet.env was written runs with another subnet until it is restarted.");
    public static readonly Check DockerBridge = new("docker.bridge", "docker0 keeps an old address across restarts of Docker; containers on it are unreachable for peers.");
    public static readonly Check Bip = new("docker.bip", "A bridge network that overlaps this node's own addresses, routes or other nodes' subnets takes their traffic.");

    public static readonly Check Forwarding = new("sysctl.ip-forward", "With forwarding off the kernel drops every packet between containers and the overlay.");
    public static readonly Check ReversePath = new("sysctl.rp-filter", "A strict filter drops packets that arrive by another interface than the answer would leave by: a second uplink or a policy route is enough.");
    public static readonly Check BridgeIptables = new("sysctl.bridge-nf-call-iptables", "Without it packets between containers of one bridge pass by iptables, and service addresses do not work among them.");
    public static readonly Check BridgeIp6tables = new("sysctl.bridge-nf-call-ip6tables", "The same for IPv6; Docker and kube-proxy expect it.");

    public static readonly Check Forward = new("firewall.forward", "Docker sets FORWARD to DROP; without accepts for the overlay no container reaches another node.");
    public static readonly Check Input = new("firewall.input", "A rule that drops the VXLAN port on arrival cuts this node off, one way.");
    public static readonly Check Output = new("firewall.output", "A rule that drops the VXLAN port on the way out cuts this node off, one way.");
    public static readonly Check Masquerade = new("firewall.masquerade", "Containers need masquerading towards the world, once, and none towards peers: those are to see a container's own address.");

    public static readonly Check Members = new("etcd.members", "With a majority of members gone no subnet can be leased and no lease renewed; the overlay lives on what it knows.");
    public static readonly Check Leader = new("etcd.leader", "Without a leader etcd answers nothing; frequent elections mean slow disks or a slow network between members.");
    public static readonly Check Latency = new("etcd.latency", "A slow etcd delays new peers and in the end leases.");
    public static readonly Check Fsync = new("etcd.fsync", "etcd confirms a write only when the disk has it: a 99th percentile over 10 ms costs leaders and so elections.");
    public static readonly Check Space = new("etcd.space", "At its quota etcd takes no more writes (NOSPACE alarm): no new subnets and no changes until it is compacted and defragmented.");
    public static readonly Check EtcdDisk = new("etcd.disk", "etcd on this host shares its disk with everything else on it; a rotating one cannot fsync fast enough.");
    public static readonly Check EtcdClock = new("etcd.clock", "Far apart clocks break TLS between this node and etcd, and make logs impossible to compare.");

    public static readonly Check Config = new("lease.config", "The network config in etcd is what every node goes by.");
    public static readonly Check Own = new("lease.own", "The lease is what keeps this subnet this node's; peers drop a node whose key is gone.");
    public static readonly Check Conflicts = new("lease.conflicts", "Two nodes with one public address, one VTEP MAC or overlapping subnets cannot both be reached.");

    public static readonly Check Reach = new("peers.reach", "An answer from a peer's overlay address proves both agents, both firewalls and the UDP port, both ways.");
    public static readonly Check PathMtu = new("peers.mtu", "A path that silently drops large packets (a black hole) lets pings pass and transfers hang.");
    public static readonly Check Jitter = new("peers.jitter", "Round trips that vary a lot mean stolen processors or a crowded link, at either end.");

    /// <summary>Every check, for the order of the report and the documentation of the ids.</summary>
    public static readonly IReadOnlyList<Check> All =
    [
        Virtualization, Kernel, Tun, Capability, Steal, Clock, Conntrack, Files, Disk,
        Interface, Offloads, Port,
        Agent, Device, Leftover, Route, SubnetFile,
        UnderlayMtu, BridgeMtu, ContainerMtu,
        DockerDaemon, DockerFlags, DockerOrder, DockerBridge, Bip,
        Forwarding, ReversePath, BridgeIptables, BridgeIp6tables,
        Forward, Input, Output, Masquerade,
        Members, Leader, Latency, Fsync, Space, EtcdDisk, EtcdClock,
        Config, Own, Conflicts,
        Reach, PathMtu, Jitter,
    ];
}
