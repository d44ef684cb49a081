#!/usr/bin/env bash
# Runs the lease protocol of many agents in simulated worlds full of faults; --help says what can be chosen.
#
#   ./simulate.sh --schedules 1000000       a million seeds
#   ./simulate.sh --seed 4711 --trace       one of them, told step by step
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
exec dotnet run --project tests/Overlay.Simulation -c Release -v quiet -- "$@"
