#!/usr/bin/env bash
# Makes the certificates beside it, all anew, for tests and contract cases. They are in the repository because Envoy's recorded answers
# hold their hashes and serial numbers. Needs OpenSSL 3.
set -euo pipefail
cd "$(dirname "$0")"
rm -f ./*.pem ./*.key ./*.crl
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
LONG="20240101000000Z 21200101000000Z"
PAST="20200101000000Z 20210101000000Z"
FUTURE="21000101000000Z 21200101000000Z"

# key NAME
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null; }

# sign NAME CA SUBJECT SERIAL "FROM TO": certifies NAME.key with the extensions in $work/v3; CA `self` for its own signature
sign() {
  local name=$1 ca=$2 subject=$3 serial=$4 from to
  read -r from to <<< "$5"
  echo "$serial" > "$work/serial"
  : > "$work/index"
  cat > "$work/conf" <<CONF
[req]
distinguished_name = dn
[dn]
[ca]
default_ca = d
[d]
database = $work/index
serial = $work/serial
new_certs_dir = $work
default_md = sha256
policy = any
unique_subject = no
string_mask = utf8only
[any]
countryName = optional
stateOrProvinceName = optional
localityName = optional
organizationName = optional
organizationalUnitName = optional
commonName = optional
CONF
  openssl req -new -key "$name.key" -subj "$subject" -config "$work/conf" -out "$work/csr"
  local by=(-cert "$ca.pem" -keyfile "$ca.key")
  [ "$ca" != self ] || by=(-selfsign -keyfile "$name.key")
  openssl ca -batch -notext -preserveDN -config "$work/conf" -in "$work/csr" -out "$name.pem" "${by[@]}" \
    -startdate "$from" -enddate "$to" -extfile "$work/v3" 2> "$work/err" || { cat "$work/err"; exit 1; }
}

# authority NAME SUBJECT SERIAL CA [PATHLEN]
authority() {
  key "$1"
  printf 'basicConstraints = critical,CA:TRUE%s\nkeyUsage = critical,keyCertSign,cRLSign\n' "${5:-}" > "$work/v3"
  sign "$1" "$4" "$2" "$3" "$LONG"
}

# leaf NAME CA SUBJECT SERIAL SAN VALIDITY; SAN "" for none
leaf() {
  [ -f "$1.key" ] || key "$1"
  {
    echo "basicConstraints = critical,CA:FALSE"
    echo "keyUsage = critical,digitalSignature,keyEncipherment"
    echo "extendedKeyUsage = clientAuth,serverAuth"
    [ -z "$5" ] || echo "subjectAltName = $5"
  } > "$work/v3"
  sign "$1" "$2" "$3" "$4" "$6"
}

SERVER_SAN="URI:spiffe://cluster.local/ns/default/sa/server,DNS:server.test,DNS:*.wild.test,IP:127.0.0.1,email:server@server.test"
CLIENT_SAN="URI:spiffe://cluster.local/ns/default/sa/client,DNS:client.test,DNS:www.client.test,IP:127.0.0.2,email:client@client.test"
CLIENT_SUBJECT="/C=US/ST=California/L=San Francisco/O=Tulle/OU=Test, Engineering/CN=client"

authority ca "/O=Tulle/CN=Test CA" 1001 self
authority other-ca "/O=Tulle/CN=Other CA" 1002 self

leaf server ca "/O=Tulle/CN=server" 2001 "$SERVER_SAN" "$LONG"
leaf server-other ca "/O=Tulle/CN=other server" 2002 "URI:spiffe://cluster.local/ns/default/sa/other,DNS:other.test" "$LONG"
leaf server-expired ca "/O=Tulle/CN=server" 2003 "$SERVER_SAN" "$PAST"
leaf server-future ca "/O=Tulle/CN=server" 2004 "$SERVER_SAN" "$FUTURE"
leaf server-untrusted other-ca "/O=Tulle/CN=server" 2005 "$SERVER_SAN" "$LONG"
leaf server-self self "/O=Tulle/CN=server" 2006 "$SERVER_SAN" "$LONG"
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out server-rsa.key 2>/dev/null
leaf server-rsa ca "/O=Tulle/CN=server rsa" 2007 "DNS:rsa.test,DNS:server.test" "$LONG"

leaf client ca "$CLIENT_SUBJECT" 3001 "$CLIENT_SAN" "$LONG"
# As a workload's: no subject, one critical URI.
leaf workload ca "/" 3002 "critical,URI:spiffe://cluster.local/ns/default/sa/workload" "$LONG"
leaf client-expired ca "$CLIENT_SUBJECT" 3003 "$CLIENT_SAN" "$PAST"
leaf client-future ca "$CLIENT_SUBJECT" 3004 "$CLIENT_SAN" "$FUTURE"
leaf client-untrusted other-ca "$CLIENT_SUBJECT" 3005 "$CLIENT_SAN" "$LONG"
leaf client-self self "$CLIENT_SUBJECT" 3006 "$CLIENT_SAN" "$LONG"
leaf client-revoked ca "$CLIENT_SUBJECT" 3007 "$CLIENT_SAN" "$LONG"
leaf client-plain ca "/CN=plain" 3008 "" "$LONG"
leaf client-other-domain ca "/CN=elsewhere" 3009 "URI:spiffe://other.domain/ns/default/sa/client" "$LONG"
# CVE-2026-47778: dNSName "client.test\0.evil.test".
leaf client-nul ca "/CN=nul" 300A "DER:30:18:82:16:63:6c:69:65:6e:74:2e:74:65:73:74:00:2e:65:76:69:6c:2e:74:65:73:74" "$LONG"

# A chain: root, intermediate, leaf.
authority intermediate "/O=Tulle/CN=Intermediate" 1003 ca ",pathlen:0"
leaf client-chain intermediate "/CN=chained" 300B "URI:spiffe://cluster.local/ns/default/sa/chained" "$LONG"
cat intermediate.pem >> client-chain.pem

# The authority has revoked client-revoked.
: > "$work/index"
printf 'R\t21200101000000Z\t240101000000Z\t3007\tunknown\t/CN=client\n' > "$work/index"
cat > "$work/crl.conf" <<CONF
[ca]
default_ca = d
[d]
database = $work/index
default_md = sha256
CONF
openssl ca -config "$work/crl.conf" -gencrl -keyfile ca.key -cert ca.pem -crl_lastupdate 20240101000000Z -crl_nextupdate 21200101000000Z -out ca.crl 2>/dev/null
openssl ca -config "$work/crl.conf" -gencrl -keyfile ca.key -cert ca.pem -crl_lastupdate 20240101000000Z -crl_nextupdate 20250101000000Z -out ca-stale.crl 2>/dev/null
openssl ec -in client.key -aes256 -passout pass:secret -out client-encrypted.key 2>/dev/null
