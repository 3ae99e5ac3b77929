#!/bin/sh
# Installs headless Chromium from Debian and axe-core from npm when they are
# missing, then runs the tests that drive the pages in it.
set -eu
cd "$(dirname "$0")/../../.."
command -v chromium >/dev/null || .ci/debian chromium fonts-dejavu-core
axe=${XDG_CACHE_HOME:-$HOME/.cache}/octave-enrich/axe-core-4.14.1
if [ ! -f "$axe/package/axe.min.js" ]; then
	command -v npm >/dev/null || .ci/debian npm
	mkdir -p "$axe"
	(cd "$axe" && npm pack --silent axe-core@4.14.1 >/dev/null && tar -xzf axe-core-*.tgz && rm axe-core-*.tgz)
fi
export AXE_CORE="$axe/package/axe.min.js"
# Left out, figures to read and no test: how much longer 20,000 contacts take than
# 1,000, with -run IsAsQuick -v.
if [ $# -gt 0 ]; then
	exec go test -tags browser -count 1 -run Browser ./pipeline/review "$@"
fi
exec go test -tags browser -count 1 -run Browser -skip IsAsQuick ./pipeline/review
