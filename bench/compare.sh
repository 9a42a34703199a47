#!/bin/sh
# ringtrip against a bare Node bridge in alternating runs: bench/compare.sh BUILD_DIR [CALLS] [SECONDS] [ROUNDS].
# Prints the rows and the ratio of the medians of CPU per call-second.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
calls=${2:-100}
seconds=${3:-10}
rounds=${4:-3}
node=$here/../tests/peers/node_modules/node/bin/node
if [ ! -x "$node" ]; then
    echo "compare.sh: run npm ci in tests/peers first" >&2
    exit 2
fi
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
bare=
for round in $(seq "$rounds"); do
    # shellcheck disable=SC2086
    NAME=ringtrip "$here/load.sh" "$build" --calls "$calls" --seconds "$seconds" $bare | tee -a "$rows"
    NAME=ws-bare GATEWAY="$node $here/ws-bare.mjs" "$here/load.sh" "$build" --calls "$calls" --seconds "$seconds" --bare |
        tee -a "$rows"
    bare=--bare
done
awk '
    function median(name,   n, i, j, t, v) {
        n = count[name]
        for (i = 1; i <= n; i++) v[i] = cpu[name, i]
        for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (v[j] < v[i]) { t = v[i]; v[i] = v[j]; v[j] = t }
        return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
    }
    ($1 == "ringtrip" || $1 == "ws-bare") && $3 + 0 > 0 { cpu[$1, ++count[$1]] = $3 + 0 }
    END {
        r = median("ringtrip"); b = median("ws-bare")
        if (b > 0) printf "\nmedian CPU per call-second: ringtrip %.3f ms, ws-bare %.3f ms, ratio %.2f\n", r, b, r / b
    }' "$rows"
