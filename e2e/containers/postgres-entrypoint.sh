#!/bin/sh
# What tests ask of the image postgres: a superuser with the password of a file, a database, scripts once, then the server for all.
set -e
export PGDATA="${PGDATA:-/var/lib/postgresql/data}"
if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA"
  chown -R postgres /var/lib/postgresql
  exec python3 -c 'import os, sys; os.setgid(999); os.setuid(999); os.execv(sys.argv[1], sys.argv[1:])' "$0" "$@"
fi
bin=/opt/postgres/bin
if [ ! -e "$PGDATA/PG_VERSION" ]; then
  # The parameters are words of their own.
  "$bin/initdb" -U postgres --pwfile "$POSTGRES_PASSWORD_FILE" --auth-local trust --no-sync --locale C -E UTF8 $POSTGRES_INITDB_ARGS
  echo 'host all all all scram-sha-256' >>"$PGDATA/pg_hba.conf"
  "$bin/pg_ctl" -o "-c listen_addresses='' -c unix_socket_directories=/tmp" -w start
  psql -h /tmp -U postgres -c "CREATE DATABASE $POSTGRES_DB"
  for script in /docker-entrypoint-initdb.d/*; do
    case "$script" in
      *.sh) . "$script" ;;
      *.sql) psql -v ON_ERROR_STOP=1 -h /tmp -U postgres -d "$POSTGRES_DB" -f "$script" ;;
    esac
  done
  "$bin/pg_ctl" -m fast -w stop
fi
exec "$bin/postgres" -c listen_addresses='*' -c unix_socket_directories=/tmp
