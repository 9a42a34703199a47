#!/bin/sh
# Load run of ringtrip: bench/load.sh BUILD_DIR [bench_load options]. TLS=1 puts TLS between gateway and model. The
# gateway gets CPU 0 for itself, the generator the others, so that one core is what is measured. RT=1 (root) runs both
# under chrt -r 1: on a busy machine latencies say more about the neighbours otherwise.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$(cd "$1" && pwd)
shift
# A real disk: not /tmp, which may be memory.
LOAD_DIR=$(mktemp -d "$build/load.XXXXXX")
export LOAD_DIR
trap 'rm -rf "$LOAD_DIR"' EXIT
tls=
if [ "${TLS:-}" = 1 ]; then
    "$here/certificate.sh" "$LOAD_DIR"
    LOAD_CA=$LOAD_DIR/cert.pem
    export LOAD_CA
    tls="--tls $LOAD_DIR/cert.pem,$LOAD_DIR/key.pem"
fi
# TURNS=local: the gateway's own speech detector and echo guard find the turns.
if [ "${TURNS:-}" = local ]; then
    export LOAD_TURNS=local LOAD_ECHO=true
    tls="$tls --turns local"
fi
last=$(($(nproc) - 1))
rt=
if [ "${RT:-}" = 1 ]; then
    rt="chrt -r 1"
fi
# shellcheck disable=SC2086
$rt taskset -c "$([ "$last" -gt 0 ] && echo "1-$last" || echo 0)" "$build/bench/bench_load" --name "${NAME:-ringtrip}" $tls \
    --gateway "taskset -c 0 ${GATEWAY:-$build/apps/ringtrip/ringtrip serve -c $here/load.yaml}" "$@"
