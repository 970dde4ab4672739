#!/usr/bin/env bash
# The whole HTTP door with nothing but curl: make, append, read, wait, follow, retry, close, envelopes, list.
#
#   TRIBUTARY_URL=http://localhost:3000 TRIBUTARY_TOKEN=trb_… bash curl.sh
#
# The token's role is operator (an editor may do all but close):
#   npm run -s tributary -- token create --project demo --role operator
set -euo pipefail

project="${TRIBUTARY_URL:-http://localhost:3000}/api/streams/${TRIBUTARY_PROJECT:-demo}"
run="examples/curl-$(date +%s)-$$"
stream="$project/$run/orders"
json='Content-Type: application/json'

step() { printf '\n# %s\n' "$1"; }
# Fails for a status of 400 and above, and then shows what the server says about it.
call() { curl --silent --show-error --fail-with-body --header "Authorization: Bearer ${TRIBUTARY_TOKEN:-}" "$@"; }
# The value of a header of an answer that was fetched with --head or --include.
header() { grep -i "^$1:" | cut -d ' ' -f 2 | tr -d '\r'; }

step 'make a stream of JSON messages: 201 and its address; 200 when it is there already'
call --include --request PUT --header "$json" "$stream" | grep -iE '^(HTTP|location)'

step 'append two messages: an array is as many messages as it has elements'
call --include --header "$json" --data '[{"order":1},{"order":2}]' "$stream" | grep -iE '^(HTTP|stream-next-offset)'

step 'read from the start'
call "$stream?offset=-1"

step 'where it ends, without reading'
tail=$(call --head "$stream" | header stream-next-offset)
echo "$tail"

step 'wait for news after that offset (long-poll) while somebody appends'
call "$stream?offset=$tail&live=long-poll" &
waiting=$!
call --header "$json" --data '{"order":3}' "$stream"
wait "$waiting"

step 'follow it (server-sent events) until it is closed, with its last message'
tail=$(call --head "$stream" | header stream-next-offset)
call --no-buffer --header 'Accept: text/event-stream' "$stream?offset=$tail&live=sse" &
following=$!
call --header "$json" --data '{"order":4}' "$stream"
call --header "$json" --header 'Stream-Closed: true' --data '{"order":5}' "$stream"
wait "$following"

step 'a retry that is stored once: the same producer, epoch and number; 200, then 204'
log="$project/$run/log"
call --request PUT --header 'Content-Type: text/plain' "$log"
for attempt in 1 2; do
  call --include --header 'Content-Type: text/plain' --header 'Producer-Id: curl' --header 'Producer-Epoch: 0' \
    --header 'Producer-Seq: 0' --data 'a line of text' "$log" | grep -i '^HTTP'
done
call "$log?offset=-1"
echo

step 'envelopes: events with type, key and metadata; the key makes a retry safe, the stream need not exist'
envelope='Content-Type: application/vnd.tributary.event+json'
call --header "$envelope" "$project/$run/audit" \
  --data '{"type":"order/paid","payload":{"order":1},"metadata":{"by":"curl"},"idempotencyKey":"order-1-paid"}'
echo

step 'and read as what they are, the core events of the stream among them'
call --header 'Accept: application/vnd.tributary.event+x-ndjson' "$project/$run/audit"

step 'what streams there are'
call "$project?prefix=/$run/orders"
echo
