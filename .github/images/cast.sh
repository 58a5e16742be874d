#!/usr/bin/env bash
# Records the tour of the quickstart that the README shows: tmux presses the keys,
# asciinema records (both Debian packages), svg-term-cli (npm) draws quickstart.svg.
# Run by hand when the screens have changed; the picture is committed.
#
#   .github/images/cast.sh
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mktemp -d)
tmux=(tmux -L "infer-cast-$$" -f /dev/null)
trap '"${tmux[@]}" kill-server 2>/dev/null || true; rm -rf "$work"' EXIT

mkdir -p "$work/bin" "$work/project/testdata"
go build -C "$root" -trimpath -o "$work/bin/infer" .
cp -r "$root/testdata/quickstart" "$work/project/testdata/"
printf 'PS1="$ "\nexport PATH=%s/bin:$PATH HISTFILE= TZ=UTC\nunset NO_COLOR CI\ncd %s/project\nclear\n' "$work" "$work" >"$work/rc"

type_line() { # at once: every letter would be a picture of its own
  "${tmux[@]}" send-keys -t cast -l -- "$1"
  sleep 1.2
  "${tmux[@]}" send-keys -t cast Enter
}
press() {
  "${tmux[@]}" send-keys -t cast "$1"
  sleep "${2:-1.8}"
}
wait_for() {
  local i
  for ((i = 0; i < 100; i++)); do
    "${tmux[@]}" capture-pane -p -t cast | grep -qF -- "$1" && return
    sleep 0.1
  done
  echo "the screen never held: $1" >&2
  exit 1
}

"${tmux[@]}" new-session -d -s cast -x 100 -y 28 "asciinema rec -q --cols 100 --rows 27 -c 'bash --noprofile --rcfile $work/rc -i' $work/quickstart.cast"
"${tmux[@]}" set -t cast status off
wait_for '$'
sleep 1
type_line 'infer eval testdata/quickstart --concurrency 2'
wait_for 'Next:'
sleep 2.5
type_line 'infer report latest --format html -o report.html'
sleep 1.5
type_line 'infer browse latest'
wait_for '[1 board]'
sleep 2
press 2
press 3
press f
press Enter 2.2
press Escape 0.8
press 4 2.2
press + 1.5
press q 0.8
type_line exit
sleep 1

grep -q "$work" "$work/quickstart.cast" && { echo "the recording holds a path of this machine" >&2; exit 1; }
# What comes within a moment is one picture. Unoptimised, since the optimiser takes the
# blanks out of the row under the cursor.
node -e '
const fs = require("fs"), file = process.argv[1];
const [head, ...lines] = fs.readFileSync(file, "utf8").trim().split("\n");
const out = [];
for (const l of lines) {
  const [at, kind, text] = JSON.parse(l);
  if (kind !== "o") continue;
  const last = out[out.length - 1];
  if (last && at - last[0] < 0.4) last[2] += text;
  else out.push([at, kind, text]);
}
fs.writeFileSync(file, [head, ...out.map(l => JSON.stringify(l))].join("\n") + "\n");
' "$work/quickstart.cast"
npx --yes svg-term-cli@2.1.1 --in "$work/quickstart.cast" --out "$here/quickstart.svg" --window --no-cursor --no-optimize
size=$(wc -c <"$here/quickstart.svg")
[ "$size" -lt 200000 ] || { echo "quickstart.svg has $size bytes, more than 200000" >&2; exit 1; }
