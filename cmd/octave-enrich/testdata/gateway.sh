#!/bin/sh
# Installs nginx from Debian when it is missing, then runs the tests that let it stand
# before the service. They start servers of their own: private files, loopback, free ports.
set -eu
cd "$(dirname "$0")/../../.."
if ! command -v nginx >/dev/null; then
	apt-get update -qq
	policy=/usr/sbin/policy-rc.d # keeps the package from starting a server
	if [ ! -e $policy ]; then
		trap 'rm -f $policy' EXIT
		printf '#!/bin/sh\nexit 101\n' >$policy
		chmod +x $policy
	fi
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends nginx-light >/dev/null
fi
go test -tags gateway -count 1 -parallel 5 -timeout 5m -run '^TestGateway' ./cmd/octave-enrich "$@"
