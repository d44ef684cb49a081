# shellcheck shell=bash
# shellcheck disable=SC2154 # names of topology.sh, traffic.sh and peers.sh
# The measurements of a benchmark run and their summary. Every value is one line: metric, unit, "more" or "less" (which is
# better), value.

load=artifacts/overlay-load

value() {
    [[ -n $4 ]] || die "no figure came out of: $1"
    printf '%s\t%s\t%s\t%s\n' "$@"
}

# measure P SECONDS: one turn of one peer.
measure() {
    local from=a$1 to=b$1 address=${PEER_TO[$1]} seconds=$2 result ticks

    ticks=$(busy_ticks)
    result=$(iperf "$from" "$address" "$seconds" --parallel 1)
    ticks=$(($(busy_ticks) - ticks))
    value 'TCP 1 stream' Gbit/s more "$(awk '{ print $2 / 1e9 }' <<<"$result")"
    value 'CPU per GB' s less "$(awk -v t="$ticks" -v hz="$(getconf CLK_TCK)" '{ print t / hz / ($1 / 1e9) }' <<<"$result")"

    # The ping under load starts when the streams run and ends before they do.
    iperf "$from" "$address" "$seconds" --parallel 4 >"$WORK/streams" &
    local streams=$!
    sleep 0.4
    ping_times "$from" "$address" $((seconds * 500 - 350)) 0.002 >"$WORK/loaded"
    wait "$streams"
    value 'TCP 4 streams' Gbit/s more "$(awk '{ print $2 / 1e9 }' "$WORK/streams")"
    value 'TCP 1 stream back' Gbit/s more "$(gigabits "$from" "$address" "$seconds" --parallel 1 --reverse)"
    value 'TCP 4 streams back' Gbit/s more "$(gigabits "$from" "$address" "$seconds" --parallel 4 --reverse)"

    small_packets "$from" "$to" "$address" "$seconds"
    round_trips "$from" "$to" "$address" "$seconds"

    ping_times "$from" "$address" $((seconds * 200)) 0.002 >"$WORK/idle"
    value 'ping idle p50' ms less "$(percentile 50 <"$WORK/idle")"
    value 'ping idle p99' ms less "$(percentile 99 <"$WORK/idle")"
    value 'ping loaded p50' ms less "$(percentile 50 <"$WORK/loaded")"
    value 'ping loaded p99' ms less "$(percentile 99 <"$WORK/loaded")"

    # Speed is worth nothing if the bytes are not the same.
    checked_transfer "$from" "$to" "$address" >/dev/null || die "${peers[$1]%%=*}: a transfer broke or its checksum differs"
}

# small_packets FROM TO ADDRESS SECONDS: 64-byte UDP payloads that arrive, in thousands a second.
small_packets() {
    in_ns "$2" "$load" udp-sink --listen "$3:5003" --seconds $(($4 + 1)) >"$WORK/sink" &
    local sink=$!
    until_true 5 bound "$2" 5003
    in_ns "$1" "$load" udp-blast --to "$3:5003" --size 64 --seconds "$4" >/dev/null
    wait "$sink"
    value '64 B delivered' kpps more "$(field pps <"$WORK/sink" | awk '{ print $1 / 1e3 }')"
}

# round_trips FROM TO ADDRESS SECONDS: one byte there and back over TCP, the next when it is back.
round_trips() {
    spawn "$2" echo "$load" tcp-echo --listen "$3:5002" --seconds $(($4 + 5))
    until_true 5 listening "$2" 5002
    value 'TCP round trips' 1/s more "$(in_ns "$1" "$load" tcp-rr --to "$3:5002" --seconds "$4" | field per_second)"
}

# field NAME: of a line of tab-separated name=value pairs.
field() { tr '\t' '\n' | sed -n "s/^$1=//p"; }

bound() { [[ -n $(in_ns "$1" ss -Hlun "sport = :$2") ]]; }

# environment OPTIONS OTHERS STOLEN SECONDS: what a reader must know to judge the figures. OTHERS is the CPU time in ticks that others
# used in the second before the run, STOLEN what the hypervisor kept from this machine during the SECONDS of the run.
environment() {
    local share='BEGIN { printf "%.0f", 100 * t / hz / n / s }'
    echo "date     $(date -u +%F)"
    echo "machine  $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(awk '/MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)"
    echo "kernel   $(uname -r)"
    echo "commit   $(git -c safe.directory='*' describe --always --dirty --abbrev=12 --exclude '*' 2>/dev/null || echo unknown)"
    echo "run      bench/netns/run $1"
    echo "others   used $(awk -v t="$2" -v s=1 -v hz="$(getconf CLK_TCK)" -v n="$(nproc)" "$share") % of the CPU before the run"
    echo "stolen   by the hypervisor during it: $(awk -v t="$3" -v s="$4" -v hz="$(getconf CLK_TCK)" -v n="$(nproc)" "$share") % of the CPU; above 5 %, run it again at another time"
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
