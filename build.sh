#!/usr/bin/env bash
# Builds the agent: artifacts/overlay-agent, one NativeAOT file that needs only libc.
#
#   ./build.sh              the native binary for this machine (x64 or arm64)
#   ./build.sh --arch arm64 artifacts/arm64/overlay-agent instead, for an arm64 machine: on one, or cross-built on x64
#   ./build.sh --jit        artifacts/jit/overlay-agent instead, which needs the .NET runtime: quicker to build, easier to profile
#   ./build.sh --load       artifacts/overlay-load instead, the load generator of bench/netns, native too
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=.ci/packages.sh
source .ci/packages.sh

project=src/Overlay.Agent name=overlay-agent folder=overlay-agent target=artifacts/overlay-agent
case ${1:-} in
    '' | --jit) ;;
    --arch)
        [[ ${2:-} == arm64 ]] || die '--arch: arm64 only; the native binary of this machine is what ./build.sh makes'
        folder=overlay-agent-arm64 target=artifacts/arm64/overlay-agent
        ;;
    --load) project=bench/Overlay.Load name=overlay-load folder=overlay-load target=artifacts/overlay-load ;;
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    *) die "unknown option $1 (see --help)" ;;
esac
case $(uname -m) in
    x86_64) rid=linux-x64 ;;
    aarch64) rid=linux-arm64 ;;
    *) die "no build for $(uname -m): x86_64 and aarch64 only" ;;
esac
need_dotnet

if [[ ${1:-} == --jit ]]; then
    as_owner dotnet publish "$project" -c Release -r "$rid" --self-contained false -o artifacts/jit -v quiet --nologo
    echo "built artifacts/jit/$name"
    exit
fi

cross=()
if [[ ${1:-} == --arch && $rid == linux-x64 ]]; then
    # Clang is told the target, and takes libraries and linker of the cross-compiler.
    rid=linux-arm64
    need clang aarch64-linux-gnu-gcc libc6-dev-arm64-cross
    cross=(-p:CppCompilerAndLinker=clang -p:ObjCopyName=aarch64-linux-gnu-objcopy)
else
    # The native compiler links with clang or gcc, whichever is there.
    if ! have clang && ! have gcc; then need gcc libc6-dev; fi
    need ld zlib1g-dev
fi
as_owner rm -rf "artifacts/native/$folder"
as_owner dotnet publish "$project" -c Release -r "$rid" -p:PublishAot=true "${cross[@]}" -o "artifacts/native/$folder" -v quiet --nologo
# A rename: a program that is running keeps its old file.
as_owner mkdir -p "${target%/*}"
as_owner mv -f "artifacts/native/$folder/$name" "$target"
echo "built $target ($(($(stat -c %s "$target") / 1000000)) MB, $rid)"
