# shellcheck shell=bash
# shellcheck disable=SC2154,SC2086 # names of topology.sh, traffic.sh and peers.sh; LOAD may be a command with arguments
# The measurements of a benchmark run and their summary. Every value is one line: metric, unit, "more" or "less" (which is
# better), value.

value() { printf '%s\t%s\t%s\t%s\n' "$@"; }

# measure P SECONDS: one turn of one peer.
measure() {
    local from=a$1 to=b$1 address=${PEER_TO[$1]} seconds=$2 result ticks

    ticks=$(busy_ticks)
    result=$(iperf "$from" "$address" "$seconds" --parallel 1)
    ticks=$(($(busy_ticks) - ticks))
    value 'TCP 1 stream' Gbit/s more "$(awk '{ print $2 / 1e9 }' <<<"$result")"
    value 'CPU per GB' s less "$(awk -v t="$ticks" -v hz="$(getconf CLK_TCK)" '{ print t / hz / ($1 / 1e9) }' <<<"$result")"

    # The ping under load starts when the streams run and ends before they do.
    iperf "$from" "$address" "$seconds" --parallel 4 >"$WORK/load.result" &
    local load=$!
    sleep 0.4
    ping_times "$from" "$address" $((seconds * 500 - 350)) 0.002 >"$WORK/loaded"
    wait "$load"
    value 'TCP 4 streams' Gbit/s more "$(awk '{ print $2 / 1e9 }' "$WORK/load.result")"
    value 'TCP 1 stream back' Gbit/s more "$(gigabits "$from" "$address" "$seconds" --parallel 1 --reverse)"
    value 'TCP 4 streams back' Gbit/s more "$(gigabits "$from" "$address" "$seconds" --parallel 4 --reverse)"

    small_packets "$from" "$to" "$address" "$seconds"
    round_trips "$from" "$address" "$seconds"

    ping_times "$from" "$address" $((seconds * 200)) 0.002 >"$WORK/idle"
    value 'ping idle p50' ms less "$(percentile 50 <"$WORK/idle")"
    value 'ping idle p99' ms less "$(percentile 99 <"$WORK/idle")"
    value 'ping loaded p50' ms less "$(percentile 50 <"$WORK/loaded")"
    value 'ping loaded p99' ms less "$(percentile 99 <"$WORK/loaded")"

    # Speed is worth nothing if the bytes are not the same.
    checked_transfer "$from" "$to" "$address" >/dev/null || die "${peers[$1]%%=*}: a transfer broke or its checksum differs"
}

load_servers() {
    [[ -z $LOAD ]] || spawn "$1" "echo-$1" $LOAD tcp-echo "$2" 5002
}

# small_packets FROM TO ADDRESS SECONDS: 64-byte UDP payloads that arrive, in thousands a second.
small_packets() {
    if [[ -n $LOAD ]]; then
        in_ns "$2" $LOAD udp-receive "$3" 5003 "$4" >"$WORK/received" &
        local receiver=$!
        in_ns "$1" $LOAD udp-send "$3" 5003 64 "$4"
        wait "$receiver"
        value '64 B delivered' kpps more "$(awk -v s="$4" '{ print $1 / s / 1e3 }' "$WORK/received")"
    else
        value '64 B delivered (iperf3)' kpps more "$(in_ns "$1" iperf3 --client "$3" --port "$iperf_port" --time "$4" --udp --length 64 --bitrate 0 --json |
            awk -F'[:,\t ]+' '/"end"/ { end = 1 } end && /"sum"/ { inside = 1 }
                inside && /"seconds"/ { s = $3 } inside && /"lost_packets"/ { lost = $3 }
                inside && /"packets"/ { print ($3 - lost) / s / 1e3; exit }')"
    fi
}

# round_trips FROM ADDRESS SECONDS: one byte there and back over TCP, the next when it is back.
round_trips() {
    if [[ -n $LOAD ]]; then
        value 'TCP round trips' 1/s more "$(in_ns "$1" $LOAD tcp-rr "$2" 5002 "$3")"
    else
        value 'ICMP round trips (flood ping)' 1/s more "$(in_ns "$1" ping -n -q -f -w "$3" "$2" |
            awk -v s="$3" '/received/ { for (i = 1; i < NF; i++) if ($(i + 1) ~ /^received/) print $i / s }')"
    fi
}

# environment OPTIONS TICKS: what a reader must know to judge the figures. TICKS is the CPU time that others used in the second
# before the run.
environment() {
    echo "date     $(date -u +%F)"
    echo "machine  $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
    echo "kernel   $(uname -r)"
    echo "commit   $(git -c safe.directory='*' describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || echo unknown)"
    echo "run      bench/netns/run $1"
    echo "others   used $(awk -v t="$2" -v hz="$(getconf CLK_TCK)" -v n="$(nproc)" 'BEGIN { printf "%.0f", 100 * t / hz / n }') % of the CPU before the run"
    echo "load     ${LOAD:-iperf3 and flood ping stand in for a load generator}"
}

# summarise table|tsv FILE: median, spread and ratio to the first peer of profile, peer, round, metric, unit, better, value.
summarise() {
    awk -F'\t' -v form="$1" '
        # The median of the values of one key; lowest and highest are left in low and high.
        function median(key,    n, v, i, j, t) {
            n = split(values[key], v, " ")
            for (i = 2; i <= n; i++) {
                t = v[i] + 0
                for (j = i - 1; j > 0 && v[j] + 0 > t; j--) v[j + 1] = v[j]
                v[j + 1] = t
            }
            low = v[1]; high = v[n]; count = n
            return n % 2 ? v[(n + 1) / 2] + 0 : (v[n / 2] + v[n / 2 + 1]) / 2
        }
        function short(x) { return x >= 1000 ? sprintf("%.0f", x) : x >= 100 ? sprintf("%.1f", x) : x >= 1 ? sprintf("%.2f", x) : sprintf("%.3f", x) }
        {
            if (!($1 in profile_seen)) { profile_seen[$1]; profiles[++np] = $1 }
            if (!($2 in peer_seen)) { peer_seen[$2]; peers[++nk] = $2 }
            if (!($4 in metric_seen)) { metric_seen[$4]; metrics[++nm] = $4; unit[$4] = $5; better[$4] = $6 }
            values[$1, $2, $4] = values[$1, $2, $4] " " $7
        }
        END {
            if (form == "tsv") print "profile\tpeer\tmetric\tunit\tbetter\tmedian\tlowest\thighest\trounds\tratio"
            for (i = 1; i <= np; i++) {
                if (form == "table") {
                    printf "\nprofile %-26s", profiles[i]
                    for (k = 1; k <= nk; k++) printf "%30s", peers[k] (k > 1 ? "   ratio" : "")
                    printf "\n"
                }
                for (m = 1; m <= nm; m++) {
                    base = median(profiles[i] SUBSEP peers[1] SUBSEP metrics[m])
                    if (form == "table") printf "%-34s", metrics[m] ", " unit[metrics[m]] (better[metrics[m]] == "less" ? " (less is better)" : "")
                    for (k = 1; k <= nk; k++) {
                        mid = median(profiles[i] SUBSEP peers[k] SUBSEP metrics[m])
                        ratio = base > 0 ? sprintf("%.2f", mid / base) : "-"
                        if (form == "tsv") printf "%s\t%s\t%s\t%s\t%s\t%g\t%g\t%g\t%d\t%s\n", profiles[i], peers[k], metrics[m], unit[metrics[m]], better[metrics[m]], mid, low, high, count, ratio
                        else printf "%30s", short(mid) " (" short(low) "-" short(high) ")" (k > 1 ? sprintf("%8s", ratio) : "")
                    }
                    if (form == "table") printf "\n"
                }
            }
        }' "$2"
}
