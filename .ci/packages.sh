# shellcheck shell=bash
# Finds or installs what the scripts of this repository need. Sourced by build.sh, test.sh, demo.sh and bench/netns/run.

# die MESSAGE...: one clear line, exit 1.
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# The Debian/Ubuntu package that brings a command (or, for lib*, zlib* and dotnet-sdk-*, is the thing itself).
package_of() {
    case $1 in
        etcd) echo etcd-server ;;
        etcdctl) echo etcd-client ;;
        ip | ss) echo iproute2 ;;
        nft) echo nftables ;;
        ping) echo iputils-ping ;;
        busybox) echo busybox-static ;;
        dockerd) echo docker.io ;;
        systemd-nspawn) echo systemd-container ;;
        ld | objdump) echo binutils ;;
        aarch64-linux-gnu-gcc) echo gcc-aarch64-linux-gnu ;;
        *) echo "$1" ;;
    esac
}

have() {
    case $1 in
        lib* | zlib* | dotnet-sdk-*) [[ $(dpkg-query -W -f '${Status}' "$1" 2>/dev/null) == *' installed' ]] || [[ $(dpkg-query -W -f '${Status}' "$1t64" 2>/dev/null) == *' installed' ]] ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

# need NAME...: installs by apt what is not there yet. A command is named by itself, a library by its package.
# Nothing is started: a policy file forbids it while apt runs (etcd-server would bring up an etcd of its own), and a
# service that this installation enabled is disabled again.
need() {
    local name missing=()
    for name in "$@"; do have "$name" || missing+=("$(package_of "$name")"); done
    if ((${#missing[@]} == 0)); then return; fi
    command -v apt-get >/dev/null || die "please install: ${missing[*]} (no apt-get here to do it)"
    ((EUID == 0)) || die "please install: sudo apt-get install ${missing[*]}"
    echo "installing ${missing[*]}"
    (
        policy=/usr/sbin/policy-rc.d saved=
        if [[ -e $policy ]]; then
            saved=$(mktemp -p /usr/sbin policy-rc.d.XXXXXX)
            cp -a "$policy" "$saved"
        fi
        trap 'if [[ -n $saved ]]; then mv "$saved" "$policy"; else rm -f "$policy"; fi' EXIT
        trap 'exit 1' INT TERM
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
        export DEBIAN_FRONTEND=noninteractive
        log=$(mktemp)
        { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >"$log" 2>&1 </dev/null || {
            tail -n 20 "$log" >&2
            die "apt-get could not install: ${missing[*]}"
        }
        rm -f "$log"
    )
    if [[ " ${missing[*]} " == *' etcd-server '* && -d /run/systemd/system ]]; then
        systemctl disable --quiet etcd.service || true
    fi
}

# as_owner CMD...: runs a build as the owner of this tree, so that `sudo ./demo.sh` leaves no root-owned bin/ and obj/ behind.
as_owner() {
    local owner
    owner=$(stat -c %U .)
    if ((EUID != 0)) || [[ $owner == root || $owner == UNKNOWN ]]; then
        "$@"
    else
        runuser -u "$owner" -- env HOME="$(getent passwd "$owner" | cut -d: -f6)" "$@"
    fi
}

# use_dotnet: puts a .NET 10 SDK that is here on PATH. sudo trims PATH, hence the usual places too.
use_dotnet() {
    local home dir
    home=$(getent passwd "${SUDO_USER:-$(id -un)}" | cut -d: -f6)
    for dir in '' "${DOTNET_ROOT:-}" /usr/lib/dotnet /usr/share/dotnet /usr/local/share/dotnet "$home/.dotnet"; do
        if "${dir:+$dir/}dotnet" --list-sdks 2>/dev/null | grep -q '^10\.'; then
            if [[ -n $dir ]]; then export DOTNET_ROOT=$dir PATH=$dir:$PATH; fi
            export DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 MSBUILDDISABLENODEREUSE=1
            return
        fi
    done
    return 1
}

# need_dotnet: finds a .NET 10 SDK, installs it where apt has it, or says how to get one.
need_dotnet() {
    if use_dotnet; then return; fi
    if ((EUID == 0)) && [[ -n $(apt-cache madison dotnet-sdk-10.0 2>/dev/null) ]]; then
        need dotnet-sdk-10.0
        if use_dotnet; then return; fi
    fi
    die "needs the .NET SDK 10, which is not here. Get it with one of:
    apt-get install dotnet-sdk-10.0                 (Ubuntu; on Debian add Microsoft's feed first, https://learn.microsoft.com/dotnet/core/install/linux-debian)
    curl -sSL https://dot.net/v1/dotnet-install.sh | bash -s -- --channel 10.0"
}
