# shellcheck shell=bash disable=SC2154,SC2034
# Sourced by run and by script/crash-test: starts and stops servers on free ports of 127.0.0.1. $root must be set.

lamplighter=${LAMPLIGHTER:-$root/build/release/lamplighter}
servers=() # process ids of all that run
server_pid='' sip_port='' http_port='' server_log=''

# A port nothing uses, UDP or TCP, below the range the kernel hands out itself. Four digits: sipsak 0.9.8.1 cuts the fifth
# off the URIs it writes.
free_port() {
  local port hex
  while :; do
    port=$((5100 + RANDOM % 4800))
    printf -v hex ':%04X ' "$port"
    grep -qs "$hex" /proc/net/udp /proc/net/tcp || break
  done
  echo "$port"
}

# wait_for SECONDS COMMAND...: until it succeeds; fails when it never does.
wait_for() {
  local end=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    ((SECONDS < end)) || return 1
    sleep 0.05
  done
}

# start_server FOLDER [ARGUMENTS...]: the database and the log are in FOLDER unless ARGUMENTS say otherwise. Sets
# server_pid, sip_port, http_port and server_log.
start_server() {
  local folder=$1
  shift
  sip_port=${FIXED_SIP_PORT:-$(free_port)}
  http_port=${FIXED_HTTP_PORT:-$(free_port)}
  server_log=$folder/server.log
  "$lamplighter" serve --set "sip.listen=udp:127.0.0.1:$sip_port" --set "http.listen=127.0.0.1:$http_port" \
    --set "store.path=$folder/lamplighter.db" "$@" >>"$server_log" 2>&1 &
  server_pid=$!
  servers+=("$server_pid")
  if ! wait_for 20 curl -sf --max-time 2 "http://127.0.0.1:$http_port/healthz"; then
    printf 'the server did not come up:\n' >&2
    tail -n 20 "$server_log" >&2
    return 1
  fi
}

forget_server() {
  local pid rest=()
  wait "$server_pid" 2>/dev/null || true
  for pid in "${servers[@]}"; do [[ $pid == "$server_pid" ]] || rest+=("$pid"); done
  servers=("${rest[@]}")
  return 0
}

# SIGTERM; fails unless it ends with status 0 within two seconds.
stop_server() {
  local end=$((${EPOCHREALTIME/./} + 2000000)) status=0
  kill -TERM "$server_pid" || return 1
  while [[ -e /proc/$server_pid && $(sed 's/.*) //' "/proc/$server_pid/stat" 2>/dev/null) != Z* ]]; do
    if ((${EPOCHREALTIME/./} >= end)); then
      printf 'still running two seconds after SIGTERM\n' >&2
      kill -KILL "$server_pid"
      forget_server
      return 1
    fi
    sleep 0.02
  done
  wait "$server_pid" || status=$?
  forget_server
  ((status == 0)) || printf 'ended with status %s after SIGTERM\n' "$status" >&2
  return "$status"
}

stop_all() {
  local pid
  for pid in "${servers[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  servers=()
  return 0
}
