#!/bin/sh
# Installs nginx from Debian when it is missing, then runs the tests that let it stand
# before the service. They start servers of their own: private files, loopback, free ports.
set -eu
cd "$(dirname "$0")/../../.."
command -v nginx >/dev/null || .ci/debian nginx-light
go test -tags gateway -count 1 -parallel 5 -timeout 5m -run '^TestGateway' ./cmd/octave-enrich "$@"
