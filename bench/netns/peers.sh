# shellcheck shell=bash
# shellcheck disable=SC2154 # names of topology.sh
# The contestants of a benchmark run. Peer number P is a pair of nodes aP and bP on one switch, joined by its tunnel, all
# pairs side by side and idle but for the one that is measured. Needs topology.sh and traffic.sh.

# peers_start PROFILE PEER...: the pairs, ready for traffic. PEER_TO is the tunnel address of each pair's second node.
peers_start() {
    local profile=$1 list=("${@:2}") p peer end n
    PEER_TO=()
    for ((p = 0; p < ${#list[@]}; p++)); do
        peer=${list[p]}
        for end in a:1 b:2; do
            n=${end#*:}
            node_create "${end%:*}$p" "192.168.64.$((100 + 2 * p + n))"
            underlay_profile "$profile" "${end%:*}$p"
        done
        case $peer in
            underlay) PEER_TO[p]=192.168.64.$((102 + 2 * p)) ;;
            kernel) peer_kernel "$p" ;;
            ours) peer_ours "$p" artifacts/overlay-agent ;;
            *=ours\ *) peer_ours "$p" "${peer#*=ours }" ;;
            *=*) peer_command "$p" "${peer#*=}" ;;
            *) die "unknown peer $peer: kernel, ours, underlay, NAME=ours COMMAND or NAME=COMMAND" ;;
        esac
        until_true 15 in_ns "a$p" ping -q -c 1 -W 1 "${PEER_TO[p]}" || die "${peer%%=*}: no ping through the tunnel, profile $profile"
        iperf_server "b$p" || die 'iperf3 did not start'
    done
    # What start-up leaves behind (probes, first compilations, renewals) is over before the first figure is taken.
    sleep 1
}

peer_kernel() {
    local a=192.168.64.$((101 + 2 * $1)) b=192.168.64.$((102 + 2 * $1))
    vxlan_create "a$1" "$a" 10.1.1 02:00:00:00:00:01
    vxlan_create "b$1" "$b" 10.1.2 02:00:00:00:00:02
    vxlan_peer "a$1" "$b" 10.1.2 02:00:00:00:00:02
    vxlan_peer "b$1" "$a" 10.1.1 02:00:00:00:00:01
    PEER_TO[$1]=10.1.2.0
}

# peer_ours P COMMAND: each pair has a prefix of its own in one etcd.
peer_ours() {
    local node
    if [[ ! -e /var/run/netns/$TOPOLOGY-etcd ]]; then
        need etcd etcdctl iptables
        etcd_start 192.168.64.10 || die 'etcd did not become healthy'
    fi
    etcd_ctl put "/bench/$1/config" '{ "Network": "10.1.0.0/16", "Backend": { "Type": "vxlan" } }' >/dev/null
    # shellcheck disable=SC2086 # a command with its arguments
    for node in "a$1" "b$1"; do agent_start "$node" "/bench/$1" $2; done
    for node in "a$1" "b$1"; do agent_ready "$node" || die "the agent on $node wrote no subnet.env ($2)"; done
    PEER_TO[$1]=$(subnet_of "b$1").0
}

# peer_command P COMMAND: the program makes the device; address, MTU, the largest super-packet and the route are set here.
peer_command() {
    local end node n command
    for end in a:1 b:2; do
        node=${end%:*}$1 n=${end#*:}
        command=${2//\{dev\}/tun0}
        command=${command//\{ip\}/192.168.64.$((100 + 2 * $1 + n))}
        command=${command//\{peer\}/192.168.64.$((103 + 2 * $1 - n))}
        command=${command//\{n\}/$n}
        command=${command//\{m\}/$((3 - n))}
        spawn "$node" "$node" bash -c "exec $command"
        until_true 10 in_ns "$node" ip link show tun0 || die "no device tun0 appeared: $command"
        in_ns "$node" ip address replace "10.1.$n.0/32" dev tun0
        in_ns "$node" ip link set tun0 mtu $((underlay_mtu - 50)) gso_max_size 62000 up
        in_ns "$node" ip route replace 10.1.0.0/16 dev tun0
    done
    PEER_TO[$1]=10.1.2.0
}
