#!/usr/bin/env bash
# Shows the overlay at work on this machine: a real etcd, two nodes of ours and one with the kernel's VXLAN as flanneld sets
# it up, all in network namespaces; then pings, checksummed transfers and throughput between containers behind them.
#
#   sudo ./demo.sh              about two minutes and the build; cleans up after itself, also when interrupted
#   sudo ./demo.sh --keep       leaves it running and says how to look around
#   sudo ./demo.sh --clean      removes what --keep or a crash left behind
#   sudo ./demo.sh --no-build   uses artifacts/overlay-agent as it is
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=.ci/packages.sh
source .ci/packages.sh
# shellcheck source=bench/netns/topology.sh
source bench/netns/topology.sh
# shellcheck source=bench/netns/flanneld.sh
source bench/netns/flanneld.sh
# shellcheck source=bench/netns/traffic.sh
source bench/netns/traffic.sh

nodes=(node1 node2 node3)
kinds=('overlay-agent' 'overlay-agent' 'kernel VXLAN, as flanneld')
prefix=/coreos.com/network
steps=8

if [[ -t 1 && -z ${NO_COLOR:-} ]]; then
    bold=$'\e[1m' green=$'\e[32m' red=$'\e[31m' dim=$'\e[2m' plain=$'\e[0m' rewind=$'\r\e[K'
else
    bold='' green='' red='' dim='' plain='' rewind=''
fi

step_number=0
step() { printf '\n%s[%d/%d] %s%s\n' "$bold" $((++step_number)) "$steps" "$*" "$plain"; }
say() { printf '      %s\n' "$*"; }
show() { sed "s/^/      $dim/; s/\$/$plain/"; }
# progress TEXT: what is being done, overwritten by the next line; only on a terminal.
progress() { [[ -z $rewind ]] || printf '%s      %s%s%s' "$rewind" "$dim" "$*" "$plain"; }
settled() { printf '%s      %s\n' "$rewind" "$*"; }

# fail MESSAGE: says what went wrong; the exit trap adds the logs.
fail() {
    printf '%s      %sFAILED%s %s\n' "$rewind" "$red" "$plain" "$*"
    exit 1
}

# Runs however the script ends.
finish() {
    local status=$? node
    trap - EXIT
    trap '' INT TERM HUP
    [[ -n ${TOPOLOGY:-} ]] || exit "$status"
    if ((status != 0 && status < 128)); then
        for node in etcd "${nodes[@]}"; do
            [[ -s $WORK/$node.log ]] || continue
            printf '\n%s--- the end of the log of %s%s\n' "$bold" "$node" "$plain"
            tail -n 15 "$WORK/$node.log"
        done
    fi
    if $keep && ((status < 128)); then
        touch "$WORK/kept"
        explain_kept
    else
        printf '\n%scleaning up%s\n' "$dim" "$plain"
        topology_end
    fi
    exit "$status"
}

explain_kept() {
    printf '\n%sStill running.%s To look around:\n' "$bold" "$plain"
    say "ip netns exec $TOPOLOGY-node1 bash                 a node (node1, node2: ours; node3: kernel VXLAN)"
    say "ip netns exec $TOPOLOGY-ctr1 ping 10.1.40.2       a container behind it"
    say "ip netns exec $TOPOLOGY-etcd etcdctl --endpoints $etcd_url get --prefix $prefix"
    say "ls $WORK                            subnet.env and logs"
    say "sudo ./demo.sh --clean                               removes it all"
}

prepare() {
    step 'Tools and build'
    need ip ethtool ping iperf3 busybox etcd etcdctl iptables
    modprobe -q vxlan 2>/dev/null || true # built in or loaded by itself on most kernels; the step that needs it says so
    if $build; then ./build.sh | show; else [[ -x artifacts/overlay-agent ]] || die 'no artifacts/overlay-agent; run without --no-build'; fi
}

underlay() {
    step 'Underlay: a switch, five nodes and etcd in namespaces'
    topology_begin overlay-demo
    etcd_start 192.168.64.10 || fail 'etcd did not become healthy'
    local i
    for i in 1 2 3; do
        node_create "node$i" "192.168.64.$i"
        underlay_profile full "node$i"
        say "node$i  192.168.64.$i  ${kinds[i - 1]}"
    done
    for i in 4 5; do
        node_create "ref$((i - 3))" "192.168.64.$i"
        underlay_profile full "ref$((i - 3))"
        say "ref$((i - 3))   192.168.64.$i  kernel VXLAN on both sides, to compare with"
    done
    etcd_ctl put "$prefix/config" '{ "Network": "10.1.0.0/16", "Backend": { "Type": "vxlan" } }' >/dev/null
    say "\$ etcdctl get $prefix/config"
    etcd_ctl get --print-value-only "$prefix/config" | show
}

join() {
    step 'The nodes join: node3 first, as a running flannel cluster would be, then ours'
    local node
    flannel_join node3 192.168.64.3 10.1.40 "$prefix" || fail 'node3: this kernel has no VXLAN device'
    flannel_follow node3 10.1.40 "$prefix"
    for node in node1 node2; do agent_start "$node" "$prefix" artifacts/overlay-agent; done
    for node in node1 node2; do agent_ready "$node" || fail "$node: the agent wrote no subnet.env"; done

    say "\$ etcdctl get --prefix $prefix/subnets"
    etcd_ctl get --prefix "$prefix/subnets" | show
    local i
    for i in 1 2 3; do
        say "\$ cat subnet.env                                  # node$i"
        show <"$WORK/node$i/subnet.env"
        [[ -n $(subnet_of "node$i") ]] || fail "node$i: subnet.env holds no /24 subnet"
    done

    local mac=(02:00:00:00:00:01 02:00:00:00:00:02)
    for i in 1 2; do
        vxlan_create "ref$i" "192.168.64.$((i + 3))" "10.1.25$i" "${mac[i - 1]}"
        vxlan_peer "ref$i" "192.168.64.$((6 - i))" "10.1.25$((3 - i))" "${mac[2 - i]}"
        mkdir -p "$WORK/ref$i"
        printf 'FLANNEL_SUBNET=10.1.25%d.1/24\nFLANNEL_MTU=1450\n' "$i" >"$WORK/ref$i/subnet.env"
    done
}

containers() {
    step 'Containers: a bridge at FLANNEL_SUBNET with FLANNEL_MTU on each node, a namespace behind it'
    local i
    for i in 1 2 3; do
        container_create "node$i" "ctr$i"
        say "ctr$i  $(subnet_of "node$i").2  behind node$i"
    done
    for i in 1 2; do container_create "ref$i" "refctr$i"; done
    for i in 1 2 3 1; do
        progress "waiting until ctr$i reaches every node"
        for to in "${nodes[@]}"; do
            until_true 15 in_ns "ctr$i" ping -q -c 1 -W 1 "$(subnet_of "$to").2" || fail "ctr$i does not reach $(subnet_of "$to").2 behind $to"
        done
    done
    settled 'every container reaches every other'
}

# matrix ARGUMENT...: a table of pings with these arguments, from containers and nodes to containers (.2) and nodes (.0).
matrix() {
    local from to cell bad=0
    printf '      %-8s' ''
    for to in ctr1 ctr2 ctr3 "${nodes[@]}"; do printf '%-12s' "$to"; done
    printf '\n'
    for from in ctr1 ctr2 ctr3 "${nodes[@]}"; do
        printf '      %-8s' "$from"
        for to in 2:node1 2:node2 2:node3 0:node1 0:node2 0:node3; do
            if cell=$(in_ns "$from" ping -n -c 1 -W 2 "$@" "$(subnet_of "${to#*:}").${to%:*}" 2>&1); then
                cell=$(sed -n 's/.*time=\([0-9.]* ms\).*/\1/p' <<<"$cell")
                printf '%s%-12s%s' "$green" "$cell" "$plain"
            else
                printf '%s%-12s%s' "$red" 'lost' "$plain"
                bad=$((bad + 1))
            fi
        done
        printf '\n'
    done
    ((bad == 0)) || fail "$bad of 36 pings were lost"
}

pings() {
    step 'Ping matrix: containers at .2, nodes at .0'
    matrix
    step 'The same at full size: 1450 bytes with "do not fragment"'
    matrix -M 'do' -s 1422
}

transfers() {
    step 'A transfer of 1 GiB between each pair of containers, both ways, checksums compared'
    local from to seconds
    make_payload 1024
    for from in 1 2 3; do
        for to in 1 2 3; do
            ((from != to)) || continue
            progress "ctr$from -> ctr$to ..."
            seconds=$(checked_transfer "ctr$from" "ctr$to" "$(subnet_of "node$to").2") || fail "ctr$from -> ctr$to: the transfer broke or the checksum differs"
            settled "ctr$from -> ctr$to  ${green}intact$plain  $(awk -v s="$seconds" 'BEGIN { printf "%4.1f s", s }')   (${kinds[from - 1]} -> ${kinds[to - 1]})"
        done
    done
    rm -f "$WORK/block"
}

throughput() {
    step 'Throughput between containers, iperf3, Gbit/s, beside kernel VXLAN in the same run'
    local profile streams ours kernel
    if ! { iperf_server ctr2 && iperf_server refctr2; }; then fail 'iperf3 did not start'; fi
    printf '      %-34s%9s%15s%15s%8s\n' 'what the network card can do' 'streams' 'kernel VXLAN' 'overlay-agent' 'ratio'
    for profile in full:'tunnel offload (veth as it comes)' uso:'UDP segmentation (virtio-net)' wire:'no segmentation (plain card)'; do
        for node in node1 node2 ref1 ref2; do underlay_profile "${profile%%:*}" "$node"; done
        for streams in 1 4; do
            progress "${profile#*:}, $streams streams ..."
            kernel=$(gigabits refctr1 10.1.252.2 2 --parallel "$streams") || fail 'iperf3 over kernel VXLAN'
            ours=$(gigabits ctr1 "$(subnet_of node2).2" 2 --parallel "$streams") || fail 'iperf3 over overlay-agent'
            awk -v clear="$rewind" -v p="${profile#*:}" -v n="$streams" -v k="$kernel" -v o="$ours" 'BEGIN {
                printf "%s      %-34s%9d%15.2f%15.2f%8.2f\n", clear, p, n, k, o, o / k }'
        done
    done
    say 'One short run each on shared cores: bench/netns/run measures properly.'
}

keep=false build=true
for argument in "$@"; do
    case $argument in
        --keep) keep=true ;;
        --no-build) build=false ;;
        --clean) clean=1 ;;
        -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
        *) die "unknown option $argument (see --help)" ;;
    esac
done
((EUID == 0)) || die 'needs root for network namespaces: sudo ./demo.sh'
if [[ -n ${clean:-} ]]; then
    topology_sweep overlay-demo
    exit
fi

trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
prepare
started=$SECONDS
underlay
join
containers
pings
transfers
throughput
printf '\n%s%sAll of it worked%s, %d s after the build.\n' "$bold" "$green" "$plain" $((SECONDS - started))
