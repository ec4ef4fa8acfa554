#!/usr/bin/env bash
# Before a deployment, with DOCKER_HOST of the machine. `plan.json` says what was meant to be dumped and why,
# `report.json` what was: both are worth keeping with the deployment.
set -euo pipefail
cd "$(dirname "$0")"

compose-dump plan before-deploy --json >plan.json
compose-dump run before-deploy --json --progress none >report.json

"$@"    # the deployment itself; not reached without a complete dump
