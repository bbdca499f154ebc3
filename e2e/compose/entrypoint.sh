#!/bin/sh
# What compose.yaml asks of the image postgres: a superuser with the password of a file, a database, scripts once, then the server for all.
set -e
data=/var/lib/postgresql/data
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$data"
  chown -R postgres /var/lib/postgresql
  exec python3 -c 'import os, sys; os.setgid(999); os.setuid(999); os.execv(sys.argv[1], sys.argv[1:])' "$0" "$@"
fi
bin=/opt/postgres/bin
if [ ! -e "$data/PG_VERSION" ]; then
  "$bin/initdb" -D "$data" -U postgres --pwfile "$POSTGRES_PASSWORD_FILE" --auth-local trust --auth-host scram-sha-256 --no-sync --locale C -E UTF8
  echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
  "$bin/pg_ctl" -D "$data" -o "-c listen_addresses='' -c unix_socket_directories=/tmp" -w start
  psql -h /tmp -U postgres -c "CREATE DATABASE $POSTGRES_DB"
  for script in /docker-entrypoint-initdb.d/*.sql; do
    psql -v ON_ERROR_STOP=1 -h /tmp -U postgres -d "$POSTGRES_DB" -f "$script"
  done
  "$bin/pg_ctl" -D "$data" -m fast -w stop
fi
exec "$bin/postgres" -D "$data" -c listen_addresses='*' -c unix_socket_directories=/tmp
