#!/bin/sh
# Memory of a gateway by the number of its calls: bench/memory.sh BUILD_DIR [CALLS,CALLS...]. Idle calls (nobody speaks),
# then the load profile, begun evenly over its ten seconds; both plain and with TLS to the model. Each ends with the law
# RSS = c + d N. docs/performance.md has the figures.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
calls=${2:-50,100,200,400}
bare=
for tls in 0 1; do
    [ "$tls" = 1 ] && suffix=-tls || suffix=
    # shellcheck disable=SC2086
    TLS=$tls LOAD_GREETING=none LOAD_SILENCE=false NAME="idle$suffix" "$here/load.sh" "$build" --calls "$calls" --seconds 3 --idle $bare
    bare=--bare
    TLS=$tls NAME="load$suffix" "$here/load.sh" "$build" --calls "$calls" --seconds 12 --spread --bare
done
