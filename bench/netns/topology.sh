# shellcheck shell=bash
# A network of nodes on one machine, sourced by demo.sh and bench/netns/run:
#
#      container namespace            container namespace
#        eth0 |                         eth0 |
#   +--- cni0 bridge ---+          +--- cni0 bridge ---+
#   |  node namespace   |          |  node namespace   |      etcd namespace
#   |    flannel.1      |          |    flannel.1      |            |
#   +------ eth0 -------+          +------ eth0 -------+           eth0
#            |                              |                       |
#   +--------+------------------------------+-----------------------+----+
#   |  switch namespace: bridge br0, one port named after each node      |
#   +---------------------------------------------------------------------+
#
# Nothing is created in the machine's own namespace, so nothing there can collide and deleting the namespaces removes it all.
# Namespaces are called <TOPOLOGY>-<node>; TOPOLOGY holds the name of the script and its process id. WORK is a directory for
# logs and files of the run. Every function takes the short names of nodes.

underlay_mtu=1500
vni=1
vxlan_port=8472
export ETCDCTL_API=3 # etcdctl 3.3, still in Ubuntu 22.04, speaks the old protocol unless told

# topology_begin NAME: opens a topology; from here on topology_end must run, whatever happens.
topology_begin() {
    TOPOLOGY=$1-$$
    WORK=$(mktemp -d "/tmp/$TOPOLOGY.XXXXXX")
    echo $$ >"$WORK/owner"
    new_namespace switch
    # Frames of the switch are none of the firewall's business, and its hooks would be in every figure.
    # shellcheck disable=SC2016 # expanded by the inner shell
    in_ns switch sh -c 'for f in /proc/sys/net/bridge/bridge-nf-call-*; do [ ! -e "$f" ] || echo 0 >"$f"; done'
    in_ns switch ip link add br0 mtu "$underlay_mtu" type bridge stp_state 0
    in_ns switch ip link set br0 up
}

# topology_end: ends every process of the topology's namespaces and removes all of it.
topology_end() {
    [[ -n ${TOPOLOGY:-} ]] || return 0
    remove_namespaces "$TOPOLOGY-"
    rm -rf "$WORK"
    TOPOLOGY=
}

# topology_sweep NAME: removes topologies of that script which were kept, or whose script is gone.
topology_sweep() {
    local work owner
    for work in "/tmp/$1"-*.*/; do
        owner=$(cat "$work/owner" 2>/dev/null) || continue
        if [[ -e $work/kept ]] || ! kill -0 "$owner" 2>/dev/null; then
            remove_namespaces "$1-$owner-"
            rm -rf "$work"
        fi
    done
}

remove_namespaces() {
    local name pids deadline=$((SECONDS + 5))
    local names
    names=$(ip netns list | awk -v start="$1" 'index($1, start) == 1 { print $1 }')
    for name in $names; do
        pids=$(ip netns pids "$name")
        # shellcheck disable=SC2086 # a list of process ids
        [[ -z $pids ]] || kill $pids 2>/dev/null || true
    done
    for name in $names; do
        while pids=$(ip netns pids "$name") && [[ -n $pids ]]; do
            # shellcheck disable=SC2086
            if ((SECONDS >= deadline)); then kill -9 $pids 2>/dev/null || true; fi
            sleep 0.05
        done
        ip netns delete "$name"
    done
}

new_namespace() {
    ip netns add "$TOPOLOGY-$1"
    ip -n "$TOPOLOGY-$1" link set lo up
}

# in_ns NODE COMMAND...
in_ns() {
    ip netns exec "$TOPOLOGY-$1" "${@:2}"
}

# spawn NODE LOG COMMAND...: runs in the background with its output in $WORK/LOG.log; the process id is in SPAWNED.
spawn() {
    ip netns exec "$TOPOLOGY-$1" "${@:3}" >"$WORK/$2.log" 2>&1 </dev/null &
    SPAWNED=$!
    disown "$SPAWNED"
}

# until_true SECONDS COMMAND...: polls; false when the time is over.
until_true() {
    local deadline=$((SECONDS + $1))
    until "${@:2}" >/dev/null 2>&1; do
        if ((SECONDS > deadline)); then return 1; fi
        sleep 0.05
    done
}

listening() {
    [[ -n $(in_ns "$1" ss -Hltn "sport = :$2") ]]
}

# node_create NODE ADDRESS: a namespace with eth0 on the switch.
node_create() {
    new_namespace "$1"
    ip -n "$TOPOLOGY-$1" link add eth0 mtu "$underlay_mtu" type veth peer name "$1" mtu "$underlay_mtu" netns "$TOPOLOGY-switch"
    in_ns switch ip link set "$1" master br0 up
    in_ns "$1" ip address add "$2/24" dev eth0
    in_ns "$1" ip link set eth0 up
    # Docker switches this on for the container network; there is no Docker here.
    in_ns "$1" sysctl -q -w net.ipv4.ip_forward=1
}

# underlay_profile PROFILE NODE: what the network card of the node can do, on both ends of its cable.
#   full   tunnel offload, as veth comes       uso   UDP segmentation only: a current virtio-net card
#   wire   no segmentation at all: everything is cut to the MTU before it leaves
underlay_profile() {
    local features
    case $1 in
        full) features='tso on gso on gro off tx-udp-segmentation on tx-udp_tnl-segmentation on tx-udp_tnl-csum-segmentation on' ;;
        uso) features='tso on gso on gro on tx-udp-segmentation on tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off' ;;
        wire) features='tso off gso on gro on tx-udp-segmentation off tx-udp_tnl-segmentation off tx-udp_tnl-csum-segmentation off' ;;
        *) die "unknown underlay profile $1 (full, uso or wire)" ;;
    esac
    # shellcheck disable=SC2086 # a list of features
    in_ns "$2" ethtool -K eth0 tx on rx on $features >/dev/null
    # shellcheck disable=SC2086
    in_ns switch ethtool -K "$2" tx on rx on $features >/dev/null
}

# vxlan_create NODE ADDRESS SUBNET MAC: the device as flanneld makes it. SUBNET is its first three numbers: 10.1.40
vxlan_create() {
    in_ns "$1" ip link add "flannel.$vni" address "$4" mtu $((underlay_mtu - 50)) \
        type vxlan id "$vni" dev eth0 local "$2" dstport "$vxlan_port" nolearning
    in_ns "$1" ip address add "$3.0/32" dev "flannel.$vni"
    in_ns "$1" ip link set "flannel.$vni" up
}

# vxlan_peer NODE ADDRESS SUBNET MAC: the way to one other node, as flanneld programs it.
vxlan_peer() {
    in_ns "$1" ip neigh replace "$3.0" lladdr "$4" dev "flannel.$vni" nud permanent
    in_ns "$1" bridge fdb replace "$4" dev "flannel.$vni" dst "$2" self permanent
    in_ns "$1" ip route replace "$3.0/24" via "$3.0" dev "flannel.$vni" onlink
}

# vxlan_unpeer NODE SUBNET MAC
vxlan_unpeer() {
    in_ns "$1" ip route del "$2.0/24" || true
    in_ns "$1" bridge fdb del "$3" dev "flannel.$vni" self || true
    in_ns "$1" ip neigh del "$2.0" dev "flannel.$vni" || true
}

# etcd_start ADDRESS: one real etcd in a node of its own.
etcd_start() {
    etcd_url=http://$1:2379
    node_create etcd "$1"
    spawn etcd etcd etcd --name demo --data-dir "$WORK/etcd" --listen-client-urls "$etcd_url" --advertise-client-urls "$etcd_url" \
        --listen-peer-urls "http://$1:2380" --initial-advertise-peer-urls "http://$1:2380" --initial-cluster "demo=http://$1:2380"
    until_true 20 etcd_ctl endpoint health || return 1
}

etcd_ctl() {
    in_ns etcd etcdctl --endpoints "$etcd_url" "$@"
}

# agent_start NODE PREFIX COMMAND...: our agent, with flannel's flags and files of its own.
agent_start() {
    mkdir -p "$WORK/$1"
    spawn "$1" "$1" "${@:3}" --etcd-endpoints="$etcd_url" --etcd-prefix="$2" --iface=eth0 \
        --subnet-file="$WORK/$1/subnet.env" --state-dir="$WORK/$1/state" --device="flannel.$vni"
    echo "$SPAWNED" >"$WORK/$1/agent.pid"
}

# agent_ready NODE: waits for subnet.env; false when the agent ended or took too long.
agent_ready() {
    local deadline=$((SECONDS + 20))
    until [[ -s $WORK/$1/subnet.env ]]; do
        if ((SECONDS > deadline)) || ! kill -0 "$(cat "$WORK/$1/agent.pid")" 2>/dev/null; then return 1; fi
        sleep 0.05
    done
}

# subnet_of NODE: the first three numbers of its subnet, from its subnet.env.
subnet_of() {
    sed -n 's/^FLANNEL_SUBNET=\(.*\)\.[0-9]*\/24$/\1/p' "$WORK/$1/subnet.env"
}

# container_create NODE CONTAINER: what Docker makes of subnet.env: a bridge at FLANNEL_SUBNET and a namespace on it, at .2,
# both with FLANNEL_MTU.
container_create() {
    local subnet mtu
    subnet=$(subnet_of "$1")
    mtu=$(sed -n 's/^FLANNEL_MTU=//p' "$WORK/$1/subnet.env")
    new_namespace "$2"
    in_ns "$1" ip link add cni0 type bridge stp_state 0
    in_ns "$1" ip address add "$subnet.1/24" dev cni0
    in_ns "$1" ip link add veth0 mtu "$mtu" type veth peer name eth0 mtu "$mtu" netns "$TOPOLOGY-$2"
    in_ns "$1" ip link set veth0 master cni0 up
    in_ns "$1" ip link set cni0 mtu "$mtu" up
    in_ns "$2" ip address add "$subnet.2/24" dev eth0
    in_ns "$2" ip link set eth0 up
    in_ns "$2" ip route add default via "$subnet.1"
}
