#!/usr/bin/env bash
# Runs every test, the privileged ones included. The last line is "N passed, N failed, N skipped".
#
#   sudo ./test.sh                          installs what is missing, builds, runs all tests
#   sudo ./test.sh --no-build [ARGUMENT...] only runs; arguments go to the test platform, for example
#   sudo ./test.sh --filter-class '*Lease*'
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=.ci/packages.sh
source .ci/packages.sh

build=true
if [[ ${1:-} == --help || ${1:-} == -h ]]; then
    sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"
    exit 0
elif [[ ${1:-} == --no-build ]]; then
    build=false
    shift
fi
((EUID == 0)) || die 'needs root for network namespaces and TUN devices: sudo ./test.sh (without root: dotnet test --solution Overlay.sln)'

log=$(mktemp)
# Whatever happens, the last line says how many tests did what. The counts are those of the one summary over all projects.
summary() {
    local status=$?
    trap - EXIT
    awk '/^Test run summary/ { s = 1 } s && /total:|failed:|succeeded:|skipped:/ { v[$1] = $2 }
         END { printf "%d passed, %d failed, %d skipped\n", v["succeeded:"], v["failed:"], v["skipped:"] }' "$log"
    rm -f "$log"
    exit "$status"
}
trap summary EXIT

need_dotnet
need ip ping ethtool iperf3 tcpdump strace iptables nft busybox dockerd etcd etcdctl gcc libc6-dev libpcap0.8 debootstrap systemd-nspawn fish zsh
if $build; then
    ./build.sh
    as_owner dotnet build Overlay.sln -c Release -v quiet --nologo
fi

# One project after the other: several of them measure, or use namespaces and all the cores.
# With a filter most projects have no test to run (8), which is no failure then.
arguments=(--max-parallel-test-modules 1)
if (($#)); then arguments+=("$@" --ignore-exit-code 8); fi
dotnet test --solution Overlay.sln -c Release --no-build --no-ansi --no-progress "${arguments[@]}" 2>&1 | tee "$log"
