#!/bin/sh
# Installs PostgreSQL and PgBouncer from Debian when they are missing, then runs the
# tests that need them. They start servers of their own: private data, loopback, a free port.
set -eu
cd "$(dirname "$0")/../../.."
if ! command -v pgbouncer >/dev/null || { ! ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 && ! command -v initdb >/dev/null; }; then
	mkdir -p /etc/postgresql-common
	grep -qs '^create_main_cluster' /etc/postgresql-common/createcluster.conf || echo 'create_main_cluster = false' >>/etc/postgresql-common/createcluster.conf
	.ci/debian postgresql pgbouncer
fi
# The alert rules are tried with promtool, which comes out of its package without the
# server around it.
if ! command -v promtool >/dev/null && [ "$(id -u)" = 0 ] && apt-cache show prometheus >/dev/null 2>&1; then
	folder=$(mktemp -d)
	(cd "$folder" && apt-get download -qq prometheus >/dev/null 2>&1 && dpkg-deb --fsys-tarfile prometheus_*.deb | tar x ./usr/bin/promtool && install -m 755 usr/bin/promtool /usr/local/bin/) ||
		echo 'promtool is not to be had: the alert rules are parsed, and not tried' >&2
	rm -r "$folder"
fi
exec go test -tags fleet -count 1 -parallel 6 -timeout 15m -run '^TestFleet' ./pipeline/fleet ./cmd/octave-enrich "$@"
