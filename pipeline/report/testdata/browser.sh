#!/bin/sh
# Installs headless Chromium from Debian when it is missing, then runs the tests
# that drive the pages in it.
set -eu
cd "$(dirname "$0")/../../.."
if ! command -v chromium >/dev/null; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null
fi
go vet -tags browser ./pipeline/review
exec go test -tags browser -count 1 -run Browser ./pipeline/review "$@"
