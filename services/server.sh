# Sourced by services.sh: a Java server as a process: its jars, its start, its end. A server's
# folder is LANE_FOLDER/NAME: pid, ports, server.log, data and tmp lie in it.
# shellcheck shell=bash
# shellcheck disable=SC2154  # here and lane_folder are services.sh's

cache=${MINKE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/minke}
start_seconds_max=${MINKE_SERVICES_START_SECONDS:-120}
end_seconds_max=60

need_java() {
  local found
  # Cassandra 5.0 runs on Java 11 and 17, nothing newer.
  for found in /usr/lib/jvm/java-17-openjdk-*/bin/java "${JAVA_HOME:-}/bin/java" java; do
    command -v "$found" >/dev/null || continue
    java=$found
    "$java" -version 2>&1 | grep -qE '^openjdk version "(11|17)[."]' && return
  done
  fail 78 'no Java 17 was found: apt-get install openjdk-17-jre-headless, or ./dev setup'
}

# Where a server's jars are. The name carries the hash of its pom: other versions, other folder.
jars_of() { # SERVER
  printf '%s/%s-%s' "$cache" "$1" "$(sha256sum <"$here/$1/pom.xml" | cut -c1-12)"
}

print_jars() { jars_of "$1" && echo; }

fetch_jars() { # SERVER
  local folder copy
  folder=$(jars_of "$1")
  [ -d "$folder" ] && return 0
  command -v mvn >/dev/null || fail 78 'mvn is missing: apt-get install maven, or ./dev setup'
  mkdir -p "$cache"
  copy=$(mktemp -d "$cache/.$1.XXXXXX")
  printf 'downloading the jars of %s to %s\n' "$1" "$folder"
  if ! MAVEN_OPTS="${MAVEN_OPTS:-} -XX:-UsePerfData" mvn -q -B -ntp -f "$here/$1/pom.xml" \
    dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$copy" \
    >"$copy.log" 2>&1; then
    tail -n 20 "$copy.log" >&2
    rm -rf "$copy" "$copy.log"
    fail 75 "the jars of $1 could not be downloaded"
  fi
  chmod 755 "$copy"
  # Whole or not at all; when two download at once, the first one's stays.
  mv -T "$copy" "$folder" 2>/dev/null || rm -rf "$copy"
  rm -f "$copy.log"
}

# ---- ports -----------------------------------------------------------------------------------

# free_ports COUNT: below the range from which the system gives out ports of its own, so that a
# server that was killed finds its port free again.
free_ports() {
  python3 - "$1" <<'END'
import random
import socket
import sys

held = []
while len(held) < int(sys.argv[1]):
    candidate = socket.socket()
    try:
        candidate.bind(("127.0.0.1", random.randrange(12000, 32000)))
        held.append(candidate)
    except OSError:
        candidate.close()
print(*(one.getsockname()[1] for one in held))
END
}

# The ports of a server, chosen once per lane: they stay the same when it is started again.
ports_of() { # SERVER COUNT
  local file=$lane_folder/$1/ports
  mkdir -p "$lane_folder/$1"
  [ -e "$file" ] || free_ports "$2" >"$file"
  cat "$file"
}

first_port() { cut -d' ' -f1 "$lane_folder/$1/ports"; } # SERVER

port_is_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; } # PORT

# ---- processes -------------------------------------------------------------------------------

# Stands on the command line of our servers, so that no other process is ever taken for one.
mark_of() { printf -- '-Dminke.service=%s' "$lane_folder/$1"; } # SERVER

server_pid() { # SERVER: prints it; fails if none runs
  local pid
  pid=$(cat "$lane_folder/$1/pid" 2>/dev/null) && [ -n "$pid" ] || return 1
  tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qxF -e "$(mark_of "$1")" || return 1
  printf '%s\n' "$pid"
}

# launch SERVER READY JAVA_ARGUMENT…: starts it, and returns once READY is in its log and its first
# port is open.
launch() {
  local server=$1 ready=$2 folder=$lane_folder/$1 pid deadline
  local log=$folder/server.log
  shift 2
  # A JVM that was killed leaves the native libraries that it had unpacked.
  rm -rf "$folder/tmp"
  mkdir -p "$folder/tmp"
  ! [ -e "$log" ] || mv "$log" "$log.before"
  : >"$log"
  (
    # Files of ours that are open (a lock, a pipe that someone reads) must not stay open in it.
    for fd in "/proc/$BASHPID/fd"/*; do
      [ "${fd##*/}" -le 2 ] || eval "exec ${fd##*/}>&-"
    done
    cd "$folder" || exit
    exec setsid "$java" "$(mark_of "$server")" "-Djava.io.tmpdir=$folder/tmp" \
      -Djava.net.preferIPv4Stack=true -XX:TieredStopAtLevel=1 -XX:-UsePerfData \
      -XX:+ExitOnOutOfMemoryError "$@" >"$log" 2>&1 </dev/null
  ) &
  pid=$!
  printf '%s\n' "$pid" >"$folder/pid"
  deadline=$((SECONDS + start_seconds_max))
  until grep -qF -e "$ready" "$log" && port_is_open "$(first_port "$server")"; do
    if ! kill -0 "$pid" 2>/dev/null; then
      tail -n 30 "$log" >&2
      fail 75 "$server ended while it was starting; its log is $log"
    fi
    if [ $SECONDS -ge $deadline ]; then
      kill -KILL "$pid" 2>/dev/null || true
      tail -n 5 "$log" >&2
      fail 75 "$server was not ready after $start_seconds_max s; its log is $log"
    fi
    sleep 0.05
  done
}

# Gone: no thread is left, or all are zombies. Before that its ports may still be open.
wait_until_gone() { # PID SECONDS
  local deadline=$((SECONDS + $2))
  while grep -qs '^State:[[:space:]]*[^Z[:space:]]' "/proc/$1/task"/*/status; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.05
  done
}

# What is stopped goes on, to be able to end. SIGKILL for one that does not end.
end_server() { # SERVER
  local pid
  if ! pid=$(server_pid "$1"); then return 0; fi
  kill -TERM "$pid" || true
  kill -CONT "$pid" 2>/dev/null || true
  if ! wait_until_gone "$pid" $end_seconds_max; then
    kill -KILL "$pid" || true
    wait_until_gone "$pid" $end_seconds_max || fail 75 "$1, pid $pid, does not end"
  fi
  rm -f "$lane_folder/$1/pid"
  printf '%s has ended\n' "$1"
}

signal_server() { # SERVER SIGNAL
  local pid
  pid=$(server_pid "$1") || fail 75 "$1 does not run in $lane_folder"
  kill "-$2" "$pid"
  if [ "$2" = KILL ]; then
    wait_until_gone "$pid" $end_seconds_max || fail 75 "$1, pid $pid, does not end"
  fi
}

say_status() { # SERVER
  local pid state
  if ! pid=$(server_pid "$1"); then
    printf '%-9s  does not run (lane %s)\n' "$1" "${lane_folder##*/}"
    return 3
  fi
  state=$(awk '/^State:/ { print $2 }' "/proc/$pid/status")
  printf '%-9s  127.0.0.1:%s  pid %s  %s MiB%s  %s\n' "$1" "$(first_port "$1")" "$pid" \
    "$(awk '/^VmRSS:/ { print int($2 / 1024) }' "/proc/$pid/status")" \
    "$([ "$state" != T ] || echo '  stopped')" "$lane_folder/$1"
}
