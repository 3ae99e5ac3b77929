#!/bin/sh
# Pictures of the report and review pages for the README: a sample is run against the
# embedded agent, which is slow, fails at times and runs out of credits. Chromium takes
# them and pngquant makes them small; both are installed when missing.
set -eu
bin=$(realpath "${1:?usage: screens.sh BINARY}")
out=$(realpath "$(dirname "$0")")/screens
list=$(realpath "$(dirname "$0")")/prospects.csv
command -v chromium >/dev/null && command -v pngquant >/dev/null || "$(dirname "$0")/../.ci/debian" chromium fonts-dejavu-core pngquant

dir=$(mktemp -d)
trap 'kill $(cat "$dir"/*.pid) 2>/dev/null || true; rm -rf "$dir"' EXIT
cd "$dir"
mkdir -p "$out"
cp "$list" prospects.csv

until_there() { while [ ! -s "$1" ]; do sleep 0.1; done; }

"$bin" sandbox --addr 127.0.0.1:0 --addr-file service --latency 300ms --jitter 400ms --faults 503=0.1,400=0.05,notfound=0.06 --credits 18 --seed 5 >/dev/null 2>&1 & echo $! >sandbox.pid
until_there service
OCTAVE_API_KEY=sample "$bin" run prospects.csv --base-url "$(cat service)" --rate 6/s --retries 1 --preset smartlead -o upload.csv --report report.html >/dev/null 2>&1 || true
"$bin" review upload.csv.checkpoint --addr 127.0.0.1:0 --addr-file review >/dev/null 2>&1 & echo $! >review.pid
until_there review

# shot NAME WIDTH HEIGHT ADDRESS [more flags]
shot() {
	name=$1 size=$2,$3 address=$4
	shift 4
	chromium --headless=new --no-sandbox --disable-gpu --hide-scrollbars --force-device-scale-factor=1 \
		--user-data-dir="$dir/profile" --window-size="$size" --timeout=12000 --screenshot="$out/$name.png" "$@" "$address" >/dev/null 2>&1
	pngquant --force --skip-if-larger --quality 70-95 --output "$out/$name.png" "$out/$name.png" || [ $? = 98 ] # larger
	echo "samples/screens/$name.png"
}
shot report-overview 1280 980 "file://$dir/report.html"
shot report-emails 1440 900 "file://$dir/report.html#emails"
shot review 1440 900 "$(cat review)"
shot review-dark 1440 900 "$(cat review)" --blink-settings=preferredColorScheme=0
