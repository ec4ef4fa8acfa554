#!/usr/bin/env bash
# Streams a dump to a bucket without storing it here first. The upload gets its name only when both programs
# have succeeded: a stream that breaks off looks complete to whoever reads its end.
set -euo pipefail
cd "$(dirname "$0")"
bucket="${1:?usage: stream.sh s3://BUCKET/PREFIX}"
name="photos-$(date -u +%Y-%m-%d_%H%M%S).tar.zst"

compose-dump run -t - -x zst | aws s3 cp - "$bucket/incoming/$name"
aws s3 mv "$bucket/incoming/$name" "$bucket/$name"
