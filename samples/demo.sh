#!/bin/sh
# The main job on a sample, against the embedded agent: no key, no network. It
# is killed once in the middle and run again, which is all there is to resuming.
set -eu
bin=${1:?usage: demo.sh BINARY}
dir=${2:-bin/demo}
out=$dir/prospects.enriched.csv
list=samples/prospects.csv
rm -rf "$dir"
mkdir -p "$dir"

set -- run "$list" --sandbox --rate 10/s -o "$out"

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
[ -t 1 ] || say() { printf '\n%s\n' "$*"; }

say "$ octave-enrich $*"
"$bin" "$@" --progress bar & pid=$!
answered() { cat "$out.checkpoint" 2>/dev/null | grep -c '"type":"answered"' || true; }
while [ "$(answered)" -lt 10 ] && kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
kill -9 "$pid" 2>/dev/null || true
wait "$pid" 2>/dev/null || true

say "killed with SIGKILL after $(answered) answers; the same command again:"
"$bin" "$@" --progress bar

say "what the checkpoint holds"
"$bin" status "$out.checkpoint"

say "the first rows of $out"
cut -c1-150 "$out" | grep -a '^P-\|^Prospect' | head -n 4
