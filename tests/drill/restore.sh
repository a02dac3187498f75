#!/usr/bin/env bash
# The restore drill: a CA is made, issues, revokes, is backed up, goes on for a while, and is lost.
# The copy is restored on a fresh directory, and what it says is held against what was.
#
#   restore.sh PROGRAMS      the folder with chancery, chancery-server, signer-file, signer-verify
#
# docs/operate/disaster-recovery.md says what each step stands for.
set -euo pipefail

programs=$(cd "$1" && pwd)
PATH=$programs:$PATH
for tool in openssl curl jq; do
  command -v "$tool" >/dev/null && continue
  [ "${CHANCERY_NO_SKIP:-}" != 1 ] || { echo "CHANCERY_NO_SKIP=1 and $tool is missing"; exit 1; }
  echo "SKIPPED: $tool: not installed"
  exit 0
done

work=$(mktemp -d)
# The users that root starts signer and server as pass through it.
chmod 755 "$work"
up=
clean() {
  [ -z "$up" ] || kill -KILL "$up" 2>/dev/null || true
  rm -rf "$work"
}
trap clean EXIT
cd "$work"

https=127.0.0.1:$((20000 + RANDOM % 10000))
http=127.0.0.1:$((30000 + RANDOM % 2000))

fail() {
  echo "DRILL FAILED: $*" >&2
  tail -n 20 "$work"/*.log >&2 || true
  exit 1
}
step() { printf '%6.1f s  %s\n' "$(since "$began")" "$*"; }
now() { date +%s.%N; }
since() { awk -v a="$1" -v b="$(now)" 'BEGIN { printf "%.1f", b - a }'; }
equal() { [ "$2" = "$3" ] || fail "$1: expected $2, found $3"; }

start() { # DATA LOG
  chancery up --data "$1" --https "$https" --http "$http" --names corp.example >"$2" 2>&1 &
  up=$!
  for _ in $(seq 300); do
    ! chancery --data "$1" status >/dev/null 2>&1 || return 0
    kill -0 "$up" 2>/dev/null || fail "up ended"
    sleep 0.1
  done
  fail "not ready within 30 s"
}
stop() {
  kill -INT "$up"
  wait "$up" || true
  up=
}
issue() { # DATA NAME
  chancery --data "$1" cert issue --profile tls-server --new-key p-256 --san "dns:$2.corp.example" \
    --key-out "$2.key" --out "$2.pem" >/dev/null
}
serial() { openssl x509 -in "$1.pem" -noout -serial | cut -d= -f2; }
crl() { # FIELD
  curl -fsS "http://$http/.well-known/pki/crl/issuing.crl" >issuing.crl
  openssl crl -inform DER -in issuing.crl -noout "$1"
}
crl_number() { crl -crlnumber | sed 's/.*=\(0x\)\?//'; }
revoked() { crl -text | awk '/Serial Number:/ { print $3 }' | sort; }
chain() { # DATA
  curl -fsS "http://$http/.well-known/pki/ca/issuing.cer" | openssl x509 -inform DER >issuing.pem
  cat "$1/root.pem" issuing.pem >chain.pem
}
ocsp() { # NAME
  openssl ocsp -issuer issuing.pem -cert "$1.pem" -CAfile chain.pem -no_nonce \
    -url "http://$http/.well-known/pki/ocsp/issuing" 2>&1 | grep -E "^$1.pem:|unauthorized" |
    sed "s/^$1.pem: //; s/.*unauthorized.*/unauthorized/"
}
journal() { # RING: without the signer's user, by the offline verifier
  signer-verify --ring "$1" >verify.log 2>&1 || fail "signer-verify: $(tail -n 3 verify.log)"
}

began=$(now)
start data up.log
chain data
step "a CA is made"
for name in a b c; do issue data "$name"; done
chancery --data data cert revoke "$(serial b)" --reason keyCompromise >/dev/null
for _ in $(seq 100); do [ "$(revoked)" != "$(serial b)" ] || break; sleep 0.1; done
equal "the CRL before" "$(serial b)" "$(revoked)"
before=$(crl_number)
chancery --data data cert list --json | jq -S 'map({serial, state}) | sort_by(.serial)' >inventory.json
step "three certificates are issued, one is revoked, CRL $before"

chancery --data data backup --to copy --without-unlock >/dev/null
install -m 0600 data/unlock.key safe.key
leaves=$(cat data/signer/ring/journal/*.seg | wc -c)
step "backed up while it runs; the credential is kept elsewhere"

issue data late
stop
cp -a data/signer/ring/journal journal.lost
rm -rf data
step "one more certificate, and the machine is lost"

lost=$(now)
chancery --data again restore --from copy >restore.log
install -m 0600 safe.key again/unlock.key
[ "$(id -u)" != 0 ] || chown --reference=again/signer again/unlock.key
start again again.log
recovery=$(since "$lost")
step "restored and ready"

chain again
chancery --data again cert list --json | jq -S 'map({serial, state}) | sort_by(.serial)' >restored.json
for row in $(jq -c '.[]' inventory.json); do
  grep -qF "$row" <(jq -c '.[]' restored.json) || fail "not in the inventory: $row"
done
equal "the CRL after" "$(serial b)" "$(revoked)"
after=$(crl_number)
[ "$((16#$after))" -ge "$((16#$before))" ] || fail "CRL $after after CRL $before"
equal "OCSP of a" good "$(ocsp a)"
equal "OCSP of b" revoked "$(ocsp b)"
equal "OCSP of the one after the copy" unauthorized "$(ocsp late)"
step "inventory, CRL $after, OCSP are right"

issue again d
openssl verify -CAfile again/root.pem -untrusted issuing.pem d.pem >/dev/null || fail "d does not verify"
for name in a b c late; do
  [ "$(serial d)" != "$(serial "$name")" ] || fail "the serial of $name came again"
done
equal "OCSP of a new one" good "$(ocsp d)"
stop
cmp -s -n "$leaves" <(cat journal.lost/*.seg) <(cat again/signer/ring/journal/*.seg) ||
  fail "the journal is not the one that was copied"
journal again/signer/ring
step "it issues; its journal goes on from the copy's, and signer-verify passes it"

echo "DRILL PASSED: recovered in $recovery s, drill in $(since "$began") s"
