# shellcheck shell=bash
# shellcheck disable=SC2154 # names of topology.sh
# Plays a real flanneld with the kernel's VXLAN, so that our agents have the neighbour they must get along with. Needs
# topology.sh. What etcd and the kernel get to see is what flanneld v0.28 writes; its renewal and subnet choice are left out.

# flannel_join NODE ADDRESS SUBNET PREFIX: device, lease and subnet.env.
flannel_join() {
    local mac lease
    printf -v mac '%02x:%02x:%02x:%02x:%02x:%02x' $((RANDOM & 0xfc | 2)) $((RANDOM & 255)) $((RANDOM & 255)) \
        $((RANDOM & 255)) $((RANDOM & 255)) $((RANDOM & 255))
    vxlan_create "$1" "$2" "$3" "$mac"
    lease=$(etcd_ctl lease grant 86400 | awk '{ print $2 }')
    etcd_ctl put --lease="$lease" "$4/subnets/$3.0-24" \
        "{\"PublicIP\":\"$2\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":$vni,\"VtepMAC\":\"$mac\"}}" >/dev/null
    mkdir -p "$WORK/$1"
    printf 'FLANNEL_NETWORK=10.1.0.0/16\nFLANNEL_SUBNET=%s.1/24\nFLANNEL_MTU=%d\nFLANNEL_IPMASQ=false\n' "$3" $((underlay_mtu - 50)) >"$WORK/$1/subnet.env"
}

# flannel_follow NODE SUBNET PREFIX: programs the kernel for every other lease, from etcd's first revision on, until the
# namespace is removed.
flannel_follow() {
    in_ns "$1" etcdctl --endpoints "$etcd_url" watch --prefix "$3/subnets/" --rev=1 2>/dev/null | flannel_apply "$1" "$2" >"$WORK/$1.log" 2>&1 &
    disown
}

# The events of `etcdctl watch` are three lines each: PUT or DELETE, key, value (empty for DELETE).
flannel_apply() {
    local event key value subnet
    local -A macs=()
    while read -r event && read -r key && read -r value; do
        subnet=${key##*/}
        subnet=${subnet%.0-24}
        if [[ $subnet == "$2" ]]; then continue; fi
        case $event in
            PUT)
                if [[ $value =~ \"PublicIP\":\"([0-9.]+)\".*\"VtepMAC\":\"([0-9a-f:]+)\" ]]; then
                    macs[$subnet]=${BASH_REMATCH[2]}
                    echo "peer $subnet.0/24 at ${BASH_REMATCH[1]}, ${BASH_REMATCH[2]}"
                    vxlan_peer "$1" "${BASH_REMATCH[1]}" "$subnet" "${BASH_REMATCH[2]}"
                fi
                ;;
            DELETE)
                echo "peer $subnet.0/24 is gone"
                vxlan_unpeer "$1" "$subnet" "${macs[$subnet]:-}"
                ;;
        esac
    done
}
