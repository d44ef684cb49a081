#!/usr/bin/env bash
# Builds artifacts/overlay-agent_VERSION_ARCH.deb from the binary of ./build.sh, and the -dbgsym package with its symbols.
# The same commit and the same binary give the same bytes.
#
#   deploy/package.sh                    the version of Directory.Build.props
#   deploy/package.sh --version 1.2.3    another one
#   deploy/package.sh --output FOLDER    there instead of artifacts/
#   deploy/package.sh --arch arm64       for arm64, of ./build.sh --arch arm64
#   OVERLAY_AGENT=FILE deploy/package.sh another binary; symbols are then taken from FILE.dbg, if there
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=../.ci/packages.sh
source .ci/packages.sh

version=$(sed -n 's|.*<Version>\(.*\)</Version>.*|\1|p' Directory.Build.props) output=artifacts
binary=artifacts/overlay-agent symbols=artifacts/native/overlay-agent/overlay-agent.dbg build=./build.sh wanted=
while (($#)); do
    case $1 in
        --version) version=$2; shift 2 ;;
        --output) output=$2; shift 2 ;;
        --arch)
            wanted=$2
            if [[ $wanted == arm64 ]]; then
                binary=artifacts/arm64/overlay-agent symbols=artifacts/native/overlay-agent-arm64/overlay-agent.dbg build='./build.sh --arch arm64'
            fi
            shift 2
            ;;
        -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
        *) die "unknown option $1 (see --help)" ;;
    esac
done
need dpkg-deb objdump
if [[ -n ${OVERLAY_AGENT:-} ]]; then binary=$OVERLAY_AGENT symbols=$OVERLAY_AGENT.dbg; fi
[[ -x $binary ]] || die "$binary is missing: run $build first, or name a binary in OVERLAY_AGENT"
case $(od -An -tu2 -j18 -N2 "$binary" | tr -d ' ') in
    62) arch=amd64 ;;
    183) arch=arm64 ;;
    *) die "$binary is for no machine that this agent runs on" ;;
esac
[[ ${wanted:-$arch} == "$arch" ]] || die "--arch $wanted: $binary is for $arch; amd64 and arm64 are made, the latter of ./build.sh --arch arm64"
# The manual page is what the program says of itself. One for another machine says the same as this machine's of the same sources.
speaker=$binary
if ! "$speaker" --version >/dev/null 2>&1; then
    speaker=artifacts/overlay-agent
    "$speaker" --version >/dev/null 2>&1 || die "$binary does not run here, and the manual page is made by running it: run ./build.sh as well, for this machine"
fi

# Times in the package are the commit's; where the sources came without git, those of the sources.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -c safe.directory='*' log -1 --format=%ct 2>/dev/null || stat -c %Y Directory.Build.props)}
export SOURCE_DATE_EPOCH
umask 022
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root doc=$work/root/usr/share/doc/overlay-agent

# place MODE SOURCE TARGET: a file of the package, its folders made.
place() { install -D -m "$1" "$2" "$root/$3"; }

place 755 "$binary" usr/bin/overlay-agent
place 644 deploy/systemd/overlay-agent.service lib/systemd/system/overlay-agent.service
place 644 deploy/systemd/overlay-agent@.service lib/systemd/system/overlay-agent@.service
place 644 deploy/systemd/docker.conf lib/systemd/system/docker.service.d/10-overlay-agent.conf
place 600 deploy/debian/overlay-agent.default etc/default/overlay-agent
place 644 deploy/host/sysctl.conf usr/lib/sysctl.d/50-overlay-agent.conf
place 644 deploy/host/modules.conf usr/lib/modules-load.d/overlay-agent.conf
place 644 deploy/host/tmpfiles.conf usr/lib/tmpfiles.d/overlay-agent.conf
place 644 deploy/completions/overlay-agent.bash usr/share/bash-completion/completions/overlay-agent
place 644 deploy/completions/overlay-agent.zsh usr/share/zsh/vendor-completions/_overlay-agent
place 644 deploy/completions/overlay-agent.fish usr/share/fish/vendor_completions.d/overlay-agent.fish
place 644 deploy/debian/copyright usr/share/doc/overlay-agent/copyright
place 644 deploy/debian/lintian-overrides usr/share/lintian/overrides/overlay-agent
place 644 deploy/README.md usr/share/doc/overlay-agent/README.md
mkdir -p "$root/usr/share/man/man8"
deploy/man/make.sh "$speaker" | gzip -9n >"$root/usr/share/man/man8/overlay-agent.8.gz"
printf 'overlay-agent (%s) unstable; urgency=medium\n\n  * Built from the sources; their history is the change log.\n\n -- %s  %s\n' \
    "$version" "$(sed -n 's/^Maintainer: //p' deploy/debian/control)" "$(date -u -R -d "@$SOURCE_DATE_EPOCH")" | gzip -9n >"$doc/changelog.gz"

# pack NAME: the tree under $root as package NAME, whose control files are there.
pack() {
    find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
    mkdir -p "$output"
    dpkg-deb --root-owner-group -Zxz -z3 --build "$root" "$output/$1_${version}_$arch.deb" >/dev/null
    echo "built $output/$1_${version}_$arch.deb ($(($(stat -c %s "$output/$1_${version}_$arch.deb") / 1000)) kB)"
}

libc=$(objdump -T "$binary" | grep -o 'GLIBC_[0-9.]*' | sed 's/GLIBC_//' | sort -V | tail -n 1)
size=$(du -k --apparent-size -s "$root" | cut -f 1)
mkdir "$root/DEBIAN"
sed "s/@VERSION@/$version/; s/@ARCH@/$arch/; s/@SIZE@/$size/; s/@LIBC@/$libc/" deploy/debian/control >"$root/DEBIAN/control"
install -m 755 deploy/debian/{postinst,prerm,postrm} "$root/DEBIAN"
echo /etc/default/overlay-agent >"$root/DEBIAN/conffiles"
(cd "$root" && find . -path ./DEBIAN -prune -o -type f -print | sed 's|^\./||' | grep -v '^etc/' | LC_ALL=C sort | xargs md5sum) >"$root/DEBIAN/md5sums"
pack overlay-agent

# Where gdb looks for them, by the build id of the binary.
if [[ -f $symbols ]]; then
    id=$(readelf -n "$binary" | sed -n 's/.*Build ID: //p')
    rm -rf "$root"
    place 644 "$symbols" "usr/lib/debug/.build-id/${id:0:2}/${id:2}.debug"
    place 644 deploy/debian/copyright usr/share/doc/overlay-agent-dbgsym/copyright
    mkdir "$root/DEBIAN"
    printf 'Package: overlay-agent-dbgsym\nVersion: %s\nArchitecture: %s\n%s\nDepends: overlay-agent (= %s)\nSection: debug\nPriority: optional\nDescription: debug symbols for overlay-agent\n' \
        "$version" "$arch" "$(grep ^Maintainer: deploy/debian/control)" "$version" >"$root/DEBIAN/control"
    pack overlay-agent-dbgsym
fi
