#!/usr/bin/env bash
# Real Kafka and Cassandra servers on loopback, for tests and demos. README.md says more.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

usage() {
  cat <<'END'
usage: services.sh VERB [SERVER…] [--secure] [--lane NAME] [--state FOLDER]

  up       start them, on free ports; those that run stay as they are
  down     end them (SIGTERM) and wait; once none is left, their data goes. --keep: it stays
  status   say what runs; exit 3 unless all do
  env      print the export lines that name a lane that runs
  fetch    only download the jars
  kill     SIGKILL, and wait until they are gone
  stop     SIGSTOP
  cont     SIGCONT
  start    start again, on the ports and data of before

A SERVER is kafka or cassandra; none named: both. A lane is a pair of servers with its own ports and
data under FOLDER/NAME. The plain lane is the default; --secure is the lane "secure": Kafka with
SASL SCRAM over TLS, Cassandra with TLS and passwords.
END
}

fail() { # EXIT_CODE TEXT
  printf 'services: %s\n' "$2" >&2
  exit "$1"
}

# shellcheck source=services/server.sh
. "$here/server.sh"
# shellcheck source=services/secrets.sh
. "$here/secrets.sh"
# shellcheck source=services/kafka/kafka.sh
. "$here/kafka/kafka.sh"
# shellcheck source=services/cassandra/cassandra.sh
. "$here/cassandra/cassandra.sh"

state=${MINKE_SERVICES:-$here/../build/services}
lane=''
is_secure=false
is_fixture=false
keeps_data=false
servers=()

read_arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      kafka | cassandra) servers+=("$1") ;;
      --secure) is_secure=true ;;
      --keep) keeps_data=true ;;
      # What a test run starts, it ends; what it finds running, it leaves so.
      --fixture) is_fixture=true ;;
      --lane | --state)
        [ $# -ge 2 ] || fail 64 "$1 needs a value"
        if [ "$1" = --lane ]; then lane=$2; else state=$2; fi
        shift
        ;;
      *) fail 64 "unknown argument '$1'; services.sh help lists them" ;;
    esac
    shift
  done
  if [ "$lane" = secure ]; then is_secure=true; fi
  if [ -z "$lane" ]; then lane=$($is_secure && echo secure || echo plain); fi
  [[ $lane =~ ^[a-z0-9-]+$ ]] || fail 64 "a lane's name is small letters, digits and -, not '$lane'"
  state=$(realpath -m "$state")
  lane_folder=$state/$lane
  [ ${#servers[@]} -gt 0 ] || servers=(kafka cassandra)
  ! [ -e "$lane_folder/secrets" ] || is_secure=true
}

# One verb at a time per lane. The lock is not handed on to the servers, see launch.
lock_lane() {
  mkdir -p "$state"
  exec 9>"$state/.$lane.lock"
  flock 9
}

# each FUNCTION: calls FUNCTION with every named server, side by side; fails if one fails.
each() {
  local server pids=() code=0
  for server in "${servers[@]}"; do
    "$1" "$server" &
    pids+=($!)
  done
  for server in "${pids[@]}"; do wait "$server" || code=$?; done
  return $code
}

start_server() { # SERVER
  if server_pid "$1" >/dev/null; then return 0; fi
  "start_$1"
}

up() {
  need_java
  each fetch_jars
  if $is_fixture && ! status >/dev/null 2>&1; then
    mkdir -p "$lane_folder"
    touch "$lane_folder/by-fixture"
  fi
  if $is_secure; then make_secrets; fi
  each start_server
  status
}

down() {
  local server
  if $is_fixture && ! [ -e "$lane_folder/by-fixture" ]; then return 0; fi
  each end_server
  for server in kafka cassandra; do
    if server_pid "$server" >/dev/null; then return 0; fi
  done
  if $keeps_data; then return 0; fi
  rm -rf "$lane_folder" "$state/.$lane.lock"
  rmdir "$state" 2>/dev/null || true
}

status() {
  local server code=0
  for server in "${servers[@]}"; do say_status "$server" || code=3; done
  return $code
}

env_lines() {
  local server
  for server in "${servers[@]}"; do
    server_pid "$server" >/dev/null || fail 75 "$server does not run; start it: $(up_command)"
    "env_of_$server"
  done
}

up_command() {
  local option=''
  if [ "$lane" = secure ]; then option=' --secure'; elif [ "$lane" != plain ]; then
    option=" --lane $lane"
  fi
  printf './dev services up%s --state %s' "$option" "$state"
}

start_again() { # SERVER
  [ -e "$lane_folder/$1/ports" ] || fail 75 "$1 was never up in $lane_folder: $(up_command)"
  start_server "$1"
}

signal_each() { # SIGNAL
  local server
  for server in "${servers[@]}"; do signal_server "$server" "$1"; done
}

main() {
  local verb=${1:-help}
  [ $# -eq 0 ] || shift
  case $verb in
    help | -h | --help) usage && return ;;
    up | down | status | env | fetch | kill | stop | cont | start) read_arguments "$@" ;;
    *) fail 64 "there is no verb '$verb'; services.sh help lists them" ;;
  esac
  case $verb in
    status) status ;;
    env) env_lines ;;
    fetch) each fetch_jars && each print_jars ;;
    up | down) lock_lane && "$verb" ;;
    kill) lock_lane && signal_each KILL ;;
    stop) lock_lane && signal_each STOP ;;
    cont) lock_lane && signal_each CONT ;;
    start) lock_lane && need_java && each fetch_jars && each start_again ;;
  esac
}

main "$@"
