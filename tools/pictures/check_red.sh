#!/usr/bin/env bash
# Take docs/pictures/check-red.png: the command of the README that ends with a finding.
set -euo pipefail
cd "$(dirname "$0")/../.."
python tools/pictures/terminal.py docs/pictures/check-red.png --columns 100 -- \
    whopwatch check --fault field-missing@products.list
