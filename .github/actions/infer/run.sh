#!/usr/bin/env bash
# Runs infer in a GitHub job: evaluates, annotates, writes the step summary, the
# page and the outputs, and ends with the evaluation's own exit code.
set -uo pipefail
: "${IN_PATH:?}" "${IN_STORE:?}" "${IN_REPORT:?}" "${IN_INFER:?}" "${GITHUB_OUTPUT:?}"

args=()
while IFS= read -r line; do
  [ -n "$line" ] && args+=("$line")
done <<<"${IN_ARGS:-}"

json=$(mktemp)
"$IN_INFER" eval "$IN_PATH" --store "$IN_STORE" --format json ${args[@]+"${args[@]}"} >"$json"
status=$?

# The JSON report is indented, so that its own lines can be read without a tool.
run_id=$(sed -n 's/^    "id": "\([A-Za-z0-9]*\)",\{0,1\}$/\1/p' "$json" | head -1)
verdict=$(sed -n 's/^    "state": "\([a-z_]*\)",\{0,1\}$/\1/p' "$json" | tail -1)

default='{}' backup='{}'
if [ -n "$run_id" ]; then
  "$IN_INFER" report "$run_id" --store "$IN_STORE" --format github
  "$IN_INFER" report "$run_id" --store "$IN_STORE" --format html -o "$IN_REPORT"
  # An undecided type is no failure of the job: the outputs are then empty.
  env_file=$(mktemp)
  "$IN_INFER" recommend "$run_id" --store "$IN_STORE" --format outputs >"$env_file" 2>/dev/null || true
  default=$(sed -n 's/^default=//p' "$env_file")
  backup=$(sed -n 's/^backup=//p' "$env_file")
  rm -f "$env_file"
fi
rm -f "$json"

# Values are ours and on one line, but a random delimiter costs nothing.
mark="end-$RANDOM$RANDOM$RANDOM"
for pair in "run-id $run_id" "verdict ${verdict:-none}" "default ${default:-{\}}" "backup ${backup:-{\}}" "report $IN_REPORT"; do
  printf '%s<<%s\n%s\n%s\n' "${pair%% *}" "$mark" "${pair#* }" "$mark" >>"$GITHUB_OUTPUT"
done
exit "$status"
