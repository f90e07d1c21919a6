#!/usr/bin/env bash
# Take docs/pictures/check-red.png: a check of a simulator whose products lost a field.
set -euo pipefail
cd "$(dirname "$0")/../.."
line=$(mktemp)
whopwatch simulate --port 4010 --api-key test_key --fault field-missing@products.list >"$line" &
trap 'kill $!' EXIT
until [ -s "$line" ]; do sleep 0.1; done
export WHOP_API_KEY=test_key
WHOP_COMPANY_ID=$(python -c 'import json, sys; print(json.load(open(sys.argv[1]))["company_id"])' "$line")
export WHOP_COMPANY_ID
python tools/pictures/terminal.py docs/pictures/check-red.png --columns 100 -- \
    whopwatch check --target http://127.0.0.1:4010/api/v1 --rate 1000
