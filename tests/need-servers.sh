#!/bin/sh
# Makes sure that the tests have a PostgreSQL server (running or to be started) and nginx: the ones
# on this machine, or newly installed. Usage: need-servers.sh
set -eu
missing=""
if [ -z "${COLDSTART_TEST_DATABASE_URL:-}" ] && ! command -v pg_ctl >/dev/null 2>&1 &&
    ! ls /usr/lib/postgresql/*/bin/pg_ctl >/dev/null 2>&1; then
    missing="$missing postgresql"
fi
# With a server elsewhere, its client programs are still needed here.
if [ -n "${COLDSTART_TEST_DATABASE_URL:-}" ] && ! command -v pg_dump >/dev/null 2>&1; then
    missing="$missing postgresql-client"
fi
command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ] || missing="$missing nginx-light"
[ -z "$missing" ] && exit 0
echo "Installing for the tests:$missing …"
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    apt-get update -qq
    # shellcheck disable=SC2086  # several words on purpose
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    exit 0
fi
echo "The tests need$missing; install them (on Debian and Ubuntu: apt install$missing)." >&2
exit 1
