#!/usr/bin/env bash
# Keep one issue with the label LABEL open while the API differs from its contract.
# Reads CODE (the exit code of whopwatch), LABEL, REPORT (the folder of the reports), RUN (the URL of the run), and GH_TOKEN
# and GH_REPO for gh.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# An issue takes 65536 characters; the artifact has the full report. iconv drops a cut-off character, and fails then.
body() {
  printf 'The run, with its report as a page: %s\n\n' "$RUN"
  head -c 60000 "$1" | iconv -c -f utf-8 -t utf-8 || true
}

open=$(gh issue list --label "$LABEL" --state open --limit 1 --json number --jq '.[0].number // empty')
case "$CODE" in
  0)
    if [ -n "$open" ]; then
      gh issue close "$open" --reason completed --comment "The API keeps its contract again: $RUN"
    fi ;;
  1)
    body "$REPORT/report.md" > "$work/body.md"
    if [ -z "$open" ]; then
      gh label create "$LABEL" --color B60205 --description "Opened and closed by whopwatch" --force
      gh issue create --title "The Whop API differs from its contract" --label "$LABEL" --body-file "$work/body.md"
    else
      gh issue edit "$open" --body-file "$work/body.md"
      # A comment notifies people, so add one only for news.
      if jq -e '[.findings[] | select(.state == "new" or .state == "worse" or .state == "fixed")] | any' \
        "$REPORT/report.json" > /dev/null; then
        body "$REPORT/message.md" > "$work/comment.md"
        gh issue comment "$open" --body-file "$work/comment.md"
      fi
    fi ;;
  *)
    echo "::warning title=whopwatch::the API could not be checked (exit code $CODE); the issue stays as it is" ;;
esac
