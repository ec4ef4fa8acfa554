#!/usr/bin/env bash
# Dumps into the folder of archives and brings what is new there to a bucket. It can be called again at any
# time: what is there already is not sent twice.
set -euo pipefail
cd "$(dirname "$0")"
bucket="${1:?usage: upload.sh s3://BUCKET/PREFIX}"

compose-dump run
# Hidden names are dumps on their way.
aws s3 sync --exclude '.*' /var/backups/compose "$bucket"
