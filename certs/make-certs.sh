#!/usr/bin/env bash
# Makes the certificates of a plant with nothing but the openssl program. See README.md beside this file.
set -euo pipefail
umask 077

readonly ROLE_OID=1.3.6.1.4.1.50316.802.1 # MODBUS/TCP Security, R-21
readonly CA_DAYS=7300 LEAF_DAYS=1095 CRL_DAYS=3650
readonly LONG_AGO=20200101000000Z JUST_AFTER=20200201000000Z FAR_AHEAD=20480101000000Z FARTHER=20490101000000Z

usage() {
    cat <<TEXT
Usage: make-certs.sh COMMAND DIR [ARGUMENTS]

  init      DIR                      make the authority (CA) of a plant in DIR, and an empty revocation list
  server    DIR NAME [--dns D]... [--ip A]... [--role R]
                                     a certificate for bourdon-server, a gateway or a device; without --dns
                                     and --ip it bears NAME as its DNS name; clients ignore a role
  bridge    DIR NAME [--role R]      a certificate for a bridge: urn:bourdon:bridge:NAME
  operator  DIR NAME [--role R]      a certificate for a person or a tool; the role is "operator" if not given
  revoke    DIR KIND/NAME            revoke every valid certificate of e.g. bridge/cell-3, and renew the list
  revoke    DIR --serial HEX         revoke one certificate by its serial number, and renew the list
  crl       DIR                      renew the revocation list
  list      DIR                      show what was issued: state, end, serial number, name
  bad-set   DIR                      certificates that must be refused, in DIR/bad, for tests

  --days N        validity (CA $CA_DAYS, certificates $LEAF_DAYS, revocation list $CRL_DAYS)
  --rsa           RSA keys of 3072 bits instead of P-256
  --full-chain    append the CA to the certificate file, as MODBUS/TCP Security asks of servers (R-46)
  --renew         a new certificate for the key that exists
  --new-key       a new key and certificate; the old pair is kept as NAME.old-SERIAL.*
  -h, --help      this text

Files: DIR/ca.pem and DIR/crl.pem go to every machine; DIR/KIND/NAME.pem and .key to the one they are made for;
DIR/authority holds the CA's key and its books and stays where it is. Running a command again changes nothing.
TEXT
}

fail() {
    echo "make-certs: $*" >&2
    exit 1
}

misuse() {
    echo "make-certs: $*" >&2
    echo "Try 'make-certs.sh --help'." >&2
    exit 2
}

# --- keys and certificates -------------------------------------------------------------------------------

# make_key FILE ALGORITHM
make_key() {
    case $2 in
    p256) openssl genpkey -quiet -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.new" ;;
    rsa) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out "$1.new" ;;
    weak) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out "$1.new" ;;
    esac
    mv "$1.new" "$1"
}

# The configuration of `openssl ca` for one authority folder, on standard output.
authority_config() {
    cat <<TEXT
oid_section = oids
[oids]
modbusRole = $ROLE_OID
otherRole = ${ROLE_OID%.*}.2
[ca]
default_ca = authority
[authority]
database = $1/index.txt
crlnumber = $1/crlnumber
new_certs_dir = $1/issued
certificate = $1/ca.pem
private_key = $1/ca.key
default_md = sha256
default_crl_days = $CRL_DAYS
rand_serial = yes
unique_subject = no
policy = policy
[policy]
organizationalUnitName = optional
commonName = supplied
[req]
distinguished_name = name
[name]
TEXT
}

# The books of an authority: what was issued and what was revoked.
open_books() {
    mkdir -p "$1/issued"
    : >"$1/index.txt"
    echo 01 >"$1/crlnumber"
    authority_config "$1" >"$1/openssl.cnf"
}

authority_extensions() {
    echo "basicConstraints = critical,CA:TRUE"
    echo "keyUsage = critical,keyCertSign,cRLSign"
    echo "subjectKeyIdentifier = hash"
}

# make_root FOLDER NAME
make_root() {
    open_books "$1"
    make_key "$1/ca.key" "$algorithm"
    local arguments=() line
    while read -r line; do arguments+=(-addext "$line"); done < <(authority_extensions)
    openssl req -new -x509 -config "$1/openssl.cnf" -key "$1/ca.key" -sha256 -days "${days:-$CA_DAYS}" \
        -subj "/CN=$2" "${arguments[@]}" -out "$1/ca.pem"
}

# sign AUTHORITY KEY SUBJECT EXTENSIONS OUT [ARGUMENTS OF openssl ca...]
sign() {
    local authority=$1 key=$2 subject=$3 extensions=$4 out=$5
    shift 5
    openssl req -new -config "$authority/openssl.cnf" -key "$key" -subj "$subject" -out "$scratch/request"
    openssl ca -batch -notext -config "$authority/openssl.cnf" -in "$scratch/request" -extfile "$extensions" \
        -out "$scratch/certificate" "$@" 2>"$scratch/log" || fail "$(cat "$scratch/log")"
    mv "$scratch/certificate" "$out"
}

renew_crl() {
    openssl ca -gencrl -config authority/openssl.cnf -crldays "${days:-$CRL_DAYS}" -out "$scratch/crl" 2>"$scratch/log" ||
        fail "$(cat "$scratch/log")"
    mv "$scratch/crl" crl.pem
    chmod 0644 crl.pem
}

# The extnValue of a role: a tag, the length, the text's bytes. Written as DER so that no character of the
# role means anything to openssl's configuration language.
role_value() {
    local tag=$1 text=$2 hex
    hex=$(printf %s "$text" | od -An -v -tx1 | tr -d '\n')
    printf 'DER:%s:%02x%s\n' "$tag" "$(printf %s "$text" | wc -c)" "${hex// /:}"
}

# leaf_extensions USAGE [LINE...]
leaf_extensions() {
    echo "basicConstraints = critical,CA:FALSE"
    echo "keyUsage = critical,digitalSignature"
    echo "extendedKeyUsage = $1"
    echo "subjectKeyIdentifier = hash"
    echo "authorityKeyIdentifier = keyid"
    shift
    if [ $# -gt 0 ]; then printf '%s\n' "$@"; fi
}

role_extension() {
    if [ -n "$role" ]; then echo "modbusRole = $(role_value 0c "$role")"; fi
}

# --- commands ----------------------------------------------------------------------------------------------

need_authority() {
    [ -f authority/ca.key ] || fail "$dir has no authority: run 'make-certs.sh init $dir' first"
}

# put_aside KIND NAME WORD: renames a pair to NAME.WORD-SERIAL, so that no key is ever overwritten.
put_aside() {
    local pair=$1/$2 serial end
    [ -f "$pair.pem" ] || return 0
    serial=$(openssl x509 -noout -serial -in "$pair.pem" | cut -d= -f2)
    for end in pem key; do
        if [ -f "$pair.$end" ]; then mv "$pair.$end" "$pair.$3-$serial.$end"; fi
    done
}

# issue KIND NAME: with the extensions in $scratch/extensions, unless that very certificate exists.
issue() {
    local kind=$1 name=$2 asked=authority/profiles/$1-$2
    mkdir -p "$kind" authority/profiles
    if [ -f "$kind/$name.pem" ] && [ -z "$renew$new_key" ]; then
        cmp -s "$scratch/extensions" "$asked" ||
            fail "$dir/$kind/$name.pem exists and says something else; --renew replaces it"
        echo "$dir/$kind/$name.pem exists and is kept"
        return
    fi
    if [ -n "$new_key" ]; then put_aside "$kind" "$name" old; fi
    if [ ! -f "$kind/$name.key" ]; then make_key "$kind/$name.key" "$algorithm"; fi
    sign authority "$kind/$name.key" "/OU=$kind/CN=$name" "$scratch/extensions" "$scratch/leaf" \
        -days "${days:-$LEAF_DAYS}"
    if [ -n "$full_chain" ]; then cat ca.pem >>"$scratch/leaf"; fi
    mv "$scratch/leaf" "$kind/$name.pem"
    cp "$scratch/extensions" "$asked"
    echo "$dir/$kind/$name.pem made, valid until $(openssl x509 -noout -enddate -in "$kind/$name.pem" | cut -d= -f2)"
}

cmd_init() {
    if [ -f ca.pem ]; then
        echo "$dir/ca.pem exists and is kept"
        return
    fi
    [ ! -e authority ] || fail "$dir/authority exists without $dir/ca.pem: put the file back or start elsewhere"
    make_root authority "Bourdon plant authority $(openssl rand -hex 4)"
    days=''
    renew_crl
    install -m 0644 authority/ca.pem ca.pem
    echo "$dir/ca.pem made"
}

cmd_server() {
    if [ ${#alternatives[@]} -eq 0 ]; then alternatives=("DNS:$name"); fi
    local joined
    joined=$(IFS=,; echo "${alternatives[*]}")
    leaf_extensions serverAuth "subjectAltName = $joined" >"$scratch/extensions"
    role_extension >>"$scratch/extensions"
    issue server "$name"
}

cmd_bridge() {
    leaf_extensions clientAuth "subjectAltName = URI:urn:bourdon:bridge:$name" >"$scratch/extensions"
    role_extension >>"$scratch/extensions"
    issue bridge "$name"
}

cmd_operator() {
    role=${role:-operator}
    leaf_extensions clientAuth "subjectAltName = URI:urn:bourdon:operator:$name" >"$scratch/extensions"
    role_extension >>"$scratch/extensions"
    issue operator "$name"
}

revoke_serial() {
    [ -f "authority/issued/$1.pem" ] || fail "no certificate with serial number $1 was issued here"
    openssl ca -config authority/openssl.cnf -revoke "authority/issued/$1.pem" 2>"$scratch/log" ||
        fail "$(cat "$scratch/log")"
    echo "revoked $1"
}

# A renewed certificate does not end the one before it: all of them are revoked.
revoke_name() {
    local kind=${1%/*} name=${1#*/} serials serial
    serials=$(awk -F'\t' -v subject="/OU=$kind/CN=$name" '$1 == "V" && $6 == subject {print $4}' authority/index.txt)
    [ -n "$serials" ] || fail "no valid certificate of $1"
    for serial in $serials; do revoke_serial "$serial"; done
    put_aside "$kind" "$name" revoked
}

cmd_revoke() {
    if [ -n "$serial" ]; then revoke_serial "${serial^^}"; else revoke_name "$name"; fi
    days=''
    renew_crl
    echo "$dir/crl.pem renewed: copy it to every server and gateway"
}

cmd_crl() {
    renew_crl
    echo "$dir/crl.pem renewed"
}

cmd_list() {
    openssl ca -config authority/openssl.cnf -updatedb 2>"$scratch/log" || fail "$(cat "$scratch/log")"
    awk -F'\t' 'BEGIN { state["V"] = "valid"; state["R"] = "revoked"; state["E"] = "expired" }
        { end = length($2) == 15 ? $2 : "20" $2 }
        { printf "%-8s until %s-%s-%s  %s  %s\n", state[$1], substr(end, 1, 4), substr(end, 5, 2), substr(end, 7, 2), $4, $6 }' \
        authority/index.txt
}

# --- the bad set: odd in one way each, which README.md says --------------------------------------------

# bad SIDE NAME [ARGUMENTS OF openssl ca...]: signed by $bad_issuer with $bad_algorithm and the extensions given
# on standard input.
bad() {
    local side=$1 name=$2
    shift 2
    cat >"$scratch/extensions"
    make_key "bad/$side/$name.key" "${bad_algorithm:-p256}"
    sign "${bad_issuer:-authority}" "bad/$side/$name.key" "/OU=bad/CN=$name" "$scratch/extensions" \
        "bad/$side/$name.pem" -days "$LEAF_DAYS" "$@"
}

bad_self_signed() {
    make_key "bad/$1/self-signed.key" p256
    openssl req -new -x509 -config authority/openssl.cnf -key "bad/$1/self-signed.key" -days "$LEAF_DAYS" \
        -subj "/OU=bad/CN=self-signed" -addext "$2" -addext "basicConstraints = critical,CA:FALSE" \
        -out "bad/$1/self-signed.pem"
}

# From bytes to hexadecimal and back, by standard input and output.
hex_of() { od -An -v -tx1 | tr -d ' \n'; }
unhex() { printf '%b' "$(sed 's/../\\x&/g')"; }

# One DER value in hexadecimal: tag, length in the two-byte form, content.
der() { printf '%s82%04x%s' "$1" $((${#2} / 2)) "$2"; }

# openssl writes no extension twice, so the second role bears a neighbour's OID at first; here that becomes the
# role's own, and the certificate is signed again.
double_the_role() {
    local role_oid=060b2b0601040183890c862201 whole body_size body algorithm_size signature
    whole=$(openssl x509 -in "$1" -outform DER | hex_of)
    body_size=$((0x${whole:12:4} * 2 + 8)) # in digits, with its header 3082nnnn
    body=${whole:8:body_size}
    body=${body/"${role_oid%01}02"/"$role_oid"}
    algorithm_size=$((0x${whole:8+body_size+2:2} * 2 + 4))
    signature=$(unhex <<<"$body" | openssl dgst -sha256 -sign authority/ca.key | hex_of)
    der 30 "$body${whole:8+body_size:algorithm_size}$(der 03 "00$signature")" | unhex |
        openssl x509 -inform DER -out "$scratch/twice"
    mv "$scratch/twice" "$1"
}

# What can be wrong with a certificate of either side.
bad_of_side() {
    local side=$1 usage=$2 other_usage=$3 names=$4
    leaf_extensions "$usage" "$names" | bad "$side" expired -startdate $LONG_AGO -enddate $JUST_AFTER
    leaf_extensions "$usage" "$names" | bad "$side" not-yet-valid -startdate $FAR_AHEAD -enddate $FARTHER
    leaf_extensions "$usage" "$names" | bad_issuer=bad/unknown-authority bad "$side" unknown-ca
    leaf_extensions "$usage" "$names" | bad_issuer=bad/intermediate bad "$side" missing-intermediate
    leaf_extensions "$other_usage" "$names" | bad "$side" wrong-usage
    leaf_extensions "$usage" "$names" | bad_algorithm=weak bad "$side" weak-key
    leaf_extensions "$usage" "$names" | bad "$side" weak-digest -md sha1
    leaf_extensions "$usage" "$names" | bad "$side" revoked
    openssl ca -config authority/openssl.cnf -revoke "bad/$side/revoked.pem" 2>"$scratch/log" ||
        fail "$(cat "$scratch/log")"
    bad_self_signed "$side" "$names"
}

bad_names_and_roles() {
    local names="subjectAltName = URI:urn:bourdon:bridge:bad"
    leaf_extensions serverAuth "subjectAltName = DNS:other.example" | bad server wrong-name
    leaf_extensions clientAuth "subjectAltName = URI:urn:bourdon:bridge:somebody-else" | bad bridge wrong-name
    leaf_extensions clientAuth | bad bridge no-name
    leaf_extensions clientAuth "$names, URI:urn:bourdon:bridge:worse" | bad bridge two-names
    leaf_extensions clientAuth "$names" "modbusRole = $(role_value 0c Reader)" "otherRole = $(role_value 0c Writer)" |
        bad bridge two-roles
    double_the_role bad/bridge/two-roles.pem
    leaf_extensions clientAuth "$names" "modbusRole = $(role_value 13 Operator)" | bad bridge role-not-utf8string
    leaf_extensions clientAuth "$names" "modbusRole = critical,$(role_value 0c Operator)" | bad bridge role-critical
    leaf_extensions clientAuth "$names" "otherRole = critical,$(role_value 0c Operator)" | bad bridge unknown-critical
}

cmd_bad_set() {
    if [ -f bad/complete ]; then
        echo "$dir/bad exists and is kept"
        return
    fi
    rm -rf bad
    mkdir -p bad/bridge bad/server
    make_root bad/unknown-authority "Somebody else's authority"
    open_books bad/intermediate
    make_key bad/intermediate/ca.key "$algorithm"
    authority_extensions >"$scratch/extensions"
    sign authority bad/intermediate/ca.key "/OU=bad/CN=Intermediate" "$scratch/extensions" bad/intermediate/ca.pem \
        -days "$LEAF_DAYS"
    bad_of_side bridge clientAuth serverAuth "subjectAltName = URI:urn:bourdon:bridge:bad"
    bad_of_side server serverAuth clientAuth "subjectAltName = DNS:localhost, IP:127.0.0.1, IP:::1"
    bad_names_and_roles
    days=''
    renew_crl
    touch bad/complete
    echo "$dir/bad made"
}

# --- arguments -----------------------------------------------------------------------------------------

check_name() {
    [[ $1 =~ ^[a-zA-Z0-9][a-zA-Z0-9._-]{0,62}$ ]] ||
        misuse "'$1' is no name: 1 to 63 of a-z A-Z 0-9 . _ -, beginning with a letter or a digit"
}

check_days() {
    [[ $1 =~ ^[1-9][0-9]{0,4}$ ]] || misuse "--days wants a number from 1 to 99999, not '$1'"
}

check_address() {
    local byte='(25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])'
    [[ $1 =~ ^($byte\.){3}$byte$ || ($1 =~ ^[0-9a-fA-F:]+$ && $1 == *:*:*) ]] || misuse "'$1' is no IP address"
}

check_role() {
    local size
    size=$(printf %s "$1" | wc -c)
    ((size >= 1 && size <= 127)) || misuse "a role has 1 to 127 bytes"
}

read_value() {
    case $1 in
    --days) check_days "$2" && days=$2 ;;
    --role) check_role "$2" && role=$2 ;;
    --dns)
        [[ $2 =~ ^[*a-zA-Z0-9][a-zA-Z0-9.-]*$ ]] || misuse "'$2' is no DNS name"
        alternatives+=("DNS:$2")
        ;;
    --ip)
        check_address "$2"
        alternatives+=("IP:$2")
        ;;
    --serial) serial=$2 ;;
    esac
}

# Sets the variables the commands use.
read_arguments() {
    algorithm=p256 days='' role='' serial='' name='' full_chain='' renew='' new_key='' alternatives=()
    while [ $# -gt 0 ]; do
        case $1 in
        --rsa) algorithm=rsa ;;
        --full-chain) full_chain=1 ;;
        --renew) renew=1 ;;
        --new-key) new_key=1 ;;
        --days | --role | --dns | --ip | --serial)
            [ $# -ge 2 ] || misuse "$1 wants a value"
            read_value "$1" "$2"
            shift
            ;;
        -*) misuse "unknown option $1" ;;
        *)
            [ -z "$name" ] || misuse "'$1' is one name too many"
            name=$1
            ;;
        esac
        shift
    done
}

check_arguments() {
    case $command in
    server | bridge | operator)
        [ -n "$name" ] || misuse "$command wants a name"
        check_name "$name"
        ;;
    revoke)
        [ -n "$serial" ] || [[ $name =~ ^(server|bridge|operator)/ ]] || misuse "revoke wants KIND/NAME or --serial HEX"
        [ -n "$serial" ] || check_name "${name#*/}"
        ;;
    init | crl | list | bad-set) [ -z "$name" ] || misuse "'$name' is one argument too many" ;;
    esac
}

main() {
    command=${1:-}
    case $command in
    -h | --help) usage && exit 0 ;;
    init | server | bridge | operator | revoke | crl | list | bad-set) ;;
    '') misuse "a command is missing" ;;
    *) misuse "unknown command '$command'" ;;
    esac
    dir=${2:-}
    if [ "$dir" = -h ] || [ "$dir" = --help ]; then usage && exit 0; fi
    [[ -n $dir && $dir != -* ]] || misuse "$command wants a folder"
    read_arguments "${@:3}"
    check_arguments

    if [ "$command" = init ]; then mkdir -p "$dir"; fi
    [ -d "$dir" ] || fail "$dir does not exist: run 'make-certs.sh init $dir' first"
    cd -- "$dir"
    if [ "$command" != init ]; then need_authority; fi
    scratch=$(mktemp -d)
    trap 'rm -rf -- "$scratch"' EXIT
    exec 9<. && flock 9 # one at a time: the books have no lock of their own
    "cmd_${command//-/_}"
}

main "$@"
