#!/usr/bin/env bash
# With every commit; needs no engine. Fails with exit code 2 if the file is wrong, or if the Compose file has
# got a volume, a mount or a service that no rule speaks of.
set -euo pipefail
cd "$(dirname "$0")"

compose-dump check --strict --json >findings.json || {
    compose-dump check --strict    # for people
    exit 2
}
