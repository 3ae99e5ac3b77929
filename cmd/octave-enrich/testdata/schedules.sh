#!/bin/sh
# Follows the comments of samples/schedules word by word, each in an empty root of its own, as root. Installs systemd's
# checker and jq from Debian when they are missing; no server is started. systemd itself has to run for the last check: a
# unit as the shipped one, started by systemd-run.
set -eu
cd "$(dirname "$0")/../../.."
command -v systemd-analyze >/dev/null && command -v jq >/dev/null || .ci/debian systemd jq
CRASH_BIN=$1 go test -tags schedules -count 1 -timeout 10m -run '^TestSchedule' ./cmd/octave-enrich
if [ ! -d /run/systemd/system ]; then
	echo "not run: systemd-run, as systemd does not run here; systemd-analyze has checked the units"
	exit 0
fi
systemd-run --quiet --wait --pipe --property=DynamicUser=yes --property=StateDirectory=octave-enrich-check \
	--property=ProtectSystem=strict --property=PrivateUsers=yes --property=MemoryDenyWriteExecute=yes \
	--property=SystemCallFilter=@system-service --property='SystemCallFilter=~@privileged @resources' \
	--property=BindReadOnlyPaths="$PWD/samples/prospects.csv:/run/prospects.csv" --property=BindReadOnlyPaths="$1:/run/octave-enrich" \
	--working-directory=/var/lib/octave-enrich-check /run/octave-enrich run /run/prospects.csv --sandbox --limit 3 -o out.csv --force
