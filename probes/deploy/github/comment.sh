#!/usr/bin/env bash
# Keep one comment with the verdict in the pull request PR: the first run writes it, later runs replace it.
# Reads CODE (the exit code of whopwatch), PR, REPORT (the folder of the reports), RUN (the URL of the run), and GH_TOKEN and
# GH_REPO for gh.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
mark='<!-- whopwatch -->'

{
  echo "$mark"
  if [ -f "${REPORT:-}/message.md" ]; then
    head -c 60000 "$REPORT/message.md" | iconv -c -f utf-8 -t utf-8 || true
  else
    echo "whopwatch wrote no report (exit code $CODE)."
  fi
  printf '\nThe run: %s\n' "$RUN"
} > "$work/comment.md"

# Only a comment of an app: anybody may write a comment that begins with the mark.
old=$(gh api --paginate "repos/$GH_REPO/issues/$PR/comments" \
  --jq ".[] | select(.user.type == \"Bot\" and (.body | startswith(\"$mark\"))) | .id" | head -n 1)
if [ -n "$old" ]; then
  gh api --method PATCH "repos/$GH_REPO/issues/comments/$old" --field "body=@$work/comment.md" --silent
else
  gh api --method POST "repos/$GH_REPO/issues/$PR/comments" --field "body=@$work/comment.md" --silent
fi
