#!/usr/bin/env bash
# Asks Postern for access to a port of a machine, waits until it is open, and says how to connect.
#
#   request.sh open <machine> <port> <minutes> <justification>                 leaves it open until its time is up
#   request.sh with <machine> <port> <minutes> <justification> <command ...>   ends it when the command has ended
#   request.sh close <grant>                                                   ends it now
#
# <machine> is the resource id of the machine. The command finds the machine's address in POSTERN_HOST.
#
#   POSTERN            where the app is: https://<name>.azurewebsites.net
#   POSTERN_AUDIENCE   what `az` asks a token for: api://<client id>; or POSTERN_TOKEN, a token
#   POSTERN_SOURCE     the address that is let in; your own unless told
#   POSTERN_TICKET     the ticket, where the policy wants one
#   POSTERN_PATIENCE   how many seconds somebody has to approve; 900 unless told
#   POSTERN_GRANT      a file into which the id of the grant is written as soon as there is one
#
# Needs bash, curl and python3. The exit status is 0 when it was opened (or closed), 1 when not, and 3 when nobody
# approved in time; that of the command where there is one.
set -euo pipefail
umask 077 # The token lies in a file for curl, so that it is in nobody's list of processes.

folder=$(mktemp -d)
grant=''
trap 'finish $?' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# What is open when this ends too early must not stay open.
finish() {
  local how=$1
  trap - EXIT
  if [ -n "$grant" ]; then end "$grant" || echo "Grant $grant is not closed yet; it ends when its time is up." >&2; fi
  rm -rf "$folder"
  exit "$how"
}

fail() {
  echo "$1" >&2
  exit "${2:-1}"
}

# One value of the last answer, such as `connect.ssh`; nothing where there is none.
field() {
  python3 -c 'import functools, json, sys
value = functools.reduce(lambda found, name: (found or {}).get(name), sys.argv[2].split("."), json.load(open(sys.argv[1])))
print("" if value is None else value)' "$folder/body" "$1"
}

# Why the last call was refused: everything at once.
problem() {
  python3 -c 'import json, sys
try:
    told = json.load(open(sys.argv[1]))
except ValueError:
    told = {}
print(told.get("detail") or "No more is known.", *(one["message"] for one in told.get("issues") or ()), sep="\n  ")' "$folder/body"
}

# When the app wants to be asked again, in seconds, at most a minute.
retry_after() {
  local seconds
  seconds=$(tr -d '\r' <"$folder/headers" | sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9][0-9]*\)$/\1/p' | tail -n 1)
  seconds=${seconds:-5}
  echo $((seconds > 60 ? 60 : seconds))
}

# call <method> <path> [options of curl]: the answer's status in $status. Asks again while the app is away or busy.
call() {
  local method=$1 path=$2 tries=0
  shift 2
  while true; do
    : >"$folder/headers"
    echo '{}' >"$folder/body"
    status=$(curl -sS -m 100 -X "$method" "$POSTERN$path" -H "@$folder/auth" -D "$folder/headers" -o "$folder/body" \
      -w '%{http_code}' "$@") || status=000
    case $status in
      000 | 429 | 502 | 503 | 504) tries=$((tries + 1)) ;;
      *) return ;;
    esac
    [ "$tries" -lt 6 ] || return 0
    sleep "$(retry_after)"
  done
}

sign_in() {
  local token=${POSTERN_TOKEN:-}
  [ -n "$token" ] || token=$(az account get-access-token --resource "$POSTERN_AUDIENCE" --query accessToken --output tsv)
  printf 'Authorization: Bearer %s\n' "$token" >"$folder/auth"
}

# end <grant, or request that waits>: whether it is over, or on its way.
end() {
  call POST "/api/grants/$1/revoke"
  case $status in 200 | 202) ;; *) return 1 ;; esac
}

# ask <machine> <port> <minutes> <justification>: open, or the end of this.
ask() {
  local connect key pause state until=$((SECONDS + ${POSTERN_PATIENCE:-900}))
  key=$(python3 -c 'import uuid; print(uuid.uuid4())')
  python3 -c 'import json, os, sys
machine, port, minutes, justification = sys.argv[1:]
opened = {"number": int(port), "allowedSourceAddressPrefix": os.environ.get("POSTERN_SOURCE") or None}
wish = {"machine": machine, "ports": [{name: value for name, value in opened.items() if value}],
        "duration": f"PT{int(minutes)}M", "justification": justification, "ticket": os.environ.get("POSTERN_TICKET") or None}
json.dump({name: value for name, value in wish.items() if value}, sys.stdout)' "$@" >"$folder/wish"
  # The same key makes it one request, however often it is sent.
  call POST /api/grants -H 'Content-Type: application/json' -H "Idempotency-Key: $key" -H 'Prefer: wait=1' -d "@$folder/wish"
  case $status in 200 | 201 | 202) ;; *) fail "Not opened ($status): $(problem)" ;; esac
  grant=$(field id)
  [ -z "${POSTERN_GRANT:-}" ] || echo "$grant" >"$POSTERN_GRANT"
  while state=$(field state) && [ "$state" != active ]; do
    case $state in
      pending | scheduled | opening) ;;
      *)
        grant=''
        fail "Not opened: it is $state ($(field reason))."
        ;;
    esac
    [ "$SECONDS" -lt "$until" ] || fail "Not opened: it is still $state. The request is taken back." 3
    [ "$state" != pending ] || echo 'Waiting for somebody to approve.' >&2
    pause=$(retry_after)
    sleep $((pause < until - SECONDS ? pause : until - SECONDS))
    call GET "/api/grants/$grant"
    [ "$status" = 200 ] || fail "It cannot be told whether it is open ($status): $(problem)"
  done
  connect=$(field connect.ssh)
  [ -n "$connect" ] || connect=$(field connect.rdp)
  printf 'grant   %s\nuntil   %s\nconnect %s\n' "$grant" "$(field endTimeUtc)" "${connect:-to $(field connect.host)}"
}

case "${1:-} $#" in
  'open 5' | 'close 2' | 'with '[6-9] | 'with '[1-9][0-9]*) ;;
  *) fail "$(sed -n '4,6p' "$0")" 2 ;;
esac
: "${POSTERN:?is not set: where is the app?}"
sign_in
case $1 in
  open)
    ask "${@:2:4}"
    grant='' # It stays open until its time is up.
    ;;
  with)
    ask "${@:2:4}"
    POSTERN_HOST=$(field connect.host)
    export POSTERN_HOST
    "${@:6}"
    ;;
  close) end "$2" || fail "Not closed ($status): $(problem)" ;;
esac
