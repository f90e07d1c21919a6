#!/usr/bin/env bash
# Run whopwatch once for the action, and write its outputs: exit-code, verdict, and the folder of the reports.
# The script itself ends with 0, so that the steps behind it can keep what the run found. The last step of the action
# ends with the exit code of whopwatch.
#
# Reads TARGET, CONTRACT, BUDGET, FAIL_ON, BASELINE, ALLOW_UNCHECKED, WHOP_API_KEY, WHOP_COMPANY_ID. Empty is the default
# of whopwatch. With BASELINE the run is `whopwatch drift`, and the history is in FOLDER/baseline.sqlite.
set -euo pipefail

folder=${FOLDER:-.whopwatch}
report=$folder/report
mkdir -p "$folder"

if [ -n "${BASELINE:-}" ]; then
  command=(drift --baseline "$folder/baseline.sqlite")
else
  command=(check)
fi
if [ -n "${TARGET:-}" ]; then command+=("--target=$TARGET"); fi
if [ -n "${CONTRACT:-}" ]; then command+=("--contract=$CONTRACT"); fi
if [ -n "${BUDGET:-}" ]; then command+=("--budget=$BUDGET"); fi
if [ -n "${FAIL_ON:-}" ]; then command+=("--fail-on=$FAIL_ON"); fi
if [ "${ALLOW_UNCHECKED:-}" = true ]; then command+=(--allow-unchecked); fi

code=0
"${WHOPWATCH:-whopwatch}" "${command[@]}" --report-dir "$report" || code=$?
{
  echo "exit-code=$code"
  if [ -f "$report/report.json" ]; then
    echo "verdict=$(jq -r .verdict "$report/report.json")"
    echo "report=$report"
  fi
} >> "$GITHUB_OUTPUT"
# A summary takes 1 MiB. iconv drops a cut-off character, and fails then.
if [ -f "$report/report.md" ]; then
  head -c 1000000 "$report/report.md" | iconv -c -f utf-8 -t utf-8 >> "$GITHUB_STEP_SUMMARY" || true
fi
