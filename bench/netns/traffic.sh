# shellcheck shell=bash
# Traffic between namespaces of topology.sh, and what came of it. Results are numbers on stdout.

iperf_port=5201
transfer_port=5001

# iperf_server NODE: stays until the namespace is removed.
iperf_server() {
    spawn "$1" "iperf-$1" iperf3 --server --port "$iperf_port"
    until_true 5 listening "$1" "$iperf_port"
}

# iperf NODE ADDRESS SECONDS ARGUMENT...: prints "<bytes received> <bits per second received>".
# A server that has just finished another test says "busy" for a moment: one more try.
iperf() {
    local report try
    for try in 1 2; do
        if report=$(in_ns "$1" iperf3 --client "$2" --port "$iperf_port" --time "$3" --json "${@:4}"); then break; fi
        if ((try == 2)); then
            awk -F'"' '/"error"/ { print "iperf3: " $4 > "/dev/stderr" }' <<<"$report"
            return 1
        fi
        sleep 0.5
    done
    awk -F'[:,\t ]+' '
        /"sum_received"/ { inside = 1 }
        inside && /"bytes"/ { bytes = $3 }
        inside && /"bits_per_second"/ { print bytes, $3; exit }' <<<"$report"
}

# gigabits NODE ADDRESS SECONDS ARGUMENT...
gigabits() {
    iperf "$@" | awk '{ printf "%.3f\n", $2 / 1e9 }'
}

# The payload of a transfer: COUNT times a random block with its number in front, so that no two places are alike.
# shellcheck disable=SC2016 # expanded by the shell that sends
send_payload='for ((i = 1; i <= $2; i++)); do printf "block %12d\n" "$i"; cat "$1"; done'

# make_payload MIB: one random block in $WORK/block, sent 16 times; PAYLOAD_SUM is the checksum of the whole.
make_payload() {
    head -c "$(($1 * 1048576 / 16))" /dev/urandom >"$WORK/block"
    PAYLOAD_SUM=$(bash -c "$send_payload" _ "$WORK/block" 16 | b2sum)
}

# checked_transfer FROM TO ADDRESS: sends the payload over TCP; prints the seconds it took, false unless every byte arrived as it was.
checked_transfer() {
    local started ended sum=$WORK/sum
    in_ns "$2" busybox nc -l -p "$transfer_port" </dev/null | b2sum >"$sum" &
    local receiver=$!
    until_true 5 listening "$2" "$transfer_port" || return 1
    started=${EPOCHREALTIME/[.,]/}
    in_ns "$1" timeout 60 bash -c "{ $send_payload; } >/dev/tcp/$3/$transfer_port" _ "$WORK/block" 16 2>/dev/null || return 1
    wait "$receiver" || return 1
    ended=${EPOCHREALTIME/[.,]/}
    [[ $(<"$sum") == "$PAYLOAD_SUM" ]] || return 1
    awk -v us=$((ended - started)) 'BEGIN { printf "%.1f\n", us / 1e6 }'
}

# ping_times NODE ADDRESS COUNT INTERVAL: one round-trip time in ms a line.
ping_times() {
    in_ns "$1" ping -n -c "$3" -i "$4" -w 20 "$2" | sed -n 's/.*time=\([0-9.]*\) ms/\1/p'
}

# percentile P: of the numbers on stdin.
percentile() {
    sort -g | awk -v p="$1" '{ v[NR] = $1 } END { if (!NR) exit 1; i = int((NR - 1) * p / 100 + 0.5) + 1; print v[i] }'
}

# stolen_ticks: CPU time that a hypervisor gave to somebody else while this machine wanted it, since boot, in clock ticks.
stolen_ticks() {
    awk '/^cpu / { print $9 }' /proc/stat
}

# busy_ticks: CPU time spent by the whole machine since boot, in clock ticks (user, nice, system, irq, softirq).
busy_ticks() {
    awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 }' /proc/stat
}
