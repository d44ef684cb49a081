#!/usr/bin/env bash
# Builds the agent: artifacts/overlay-agent, one NativeAOT file that needs only libc.
#
#   ./build.sh          the native binary for this machine (x64 or arm64)
#   ./build.sh --jit    artifacts/jit/overlay-agent instead, which needs the .NET runtime: quicker to build, easier to profile
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=.ci/packages.sh
source .ci/packages.sh

case ${1:-} in
    '' | --jit) ;;
    -h | --help) sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; exit 0 ;;
    *) die "unknown option $1 (see --help)" ;;
esac
case $(uname -m) in
    x86_64) rid=linux-x64 ;;
    aarch64) rid=linux-arm64 ;;
    *) die "no build for $(uname -m): x86_64 and aarch64 only" ;;
esac
need_dotnet
project=src/Overlay.Agent/Overlay.Agent.csproj

if [[ ${1:-} == --jit ]]; then
    as_owner dotnet publish "$project" -c Release -r "$rid" --self-contained false -o artifacts/jit -v quiet --nologo
    echo "built artifacts/jit/overlay-agent"
    exit
fi

# The native compiler links with clang or gcc, whichever is there.
if ! have clang && ! have gcc; then need gcc libc6-dev; fi
need ld zlib1g-dev
rm -rf artifacts/native
as_owner dotnet publish "$project" -c Release -r "$rid" -p:PublishAot=true -o artifacts/native -v quiet --nologo
# A rename: an agent that is running keeps its old file.
as_owner mv -f artifacts/native/overlay-agent artifacts/overlay-agent
echo "built artifacts/overlay-agent ($(($(stat -c %s artifacts/overlay-agent) / 1000000)) MB, $rid)"
