#!/bin/sh
# The voice activity detector beside onnxruntime, alternating, on the same sound: bench/vad.sh BUILD_DIR [REPEATS].
# Prints microseconds of CPU for a chunk of 32 ms: the best pass over the file, and the median of the repeats' means.
# RT=1 (root): both under chrt -r 1, for a machine with neighbours.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1
repeats=${2:-5}
sounds="$here/../tests/audio/vad/clean_8k_ulaw.wav $here/../tests/audio/vad/clean_16k.wav"
run=
[ -z "${RT:-}" ] || run='chrt -r 1'
if [ ! -d "$here/onnx/node_modules/onnxruntime-node" ]; then
    echo 'vad.sh: run tools/install-peers bench/onnx first' >&2
    exit 2
fi
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
for repeat in $(seq "$repeats"); do
    # shellcheck disable=SC2086
    $run "$build/bench/bench_vad" $sounds 10 >>"$rows"
    # shellcheck disable=SC2086
    $run node "$here/onnx/vad.mjs" "$here/../tools/vad-model/silero_vad_v6.onnx" $sounds 3 >>"$rows"
done
awk '
    {
        key = sprintf("%-12s %2s kHz  %s", $1, $2, $5)
        if (!(key in count)) order[++keys] = key
        mean[key, ++count[key]] = $7
        if (!(key in best) || $6 + 0 < best[key]) best[key] = $6 + 0
    }
    END {
        printf "%-12s branch  batch  best us  median us   of one core at 100 calls\n", "kernel"
        for (k = 1; k <= keys; k++) {
            key = order[k]
            n = count[key]
            for (i = 1; i <= n; i++) v[i] = mean[key, i]
            for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++) if (v[j] < v[i]) { t = v[i]; v[i] = v[j]; v[j] = t }
            m = n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
            printf "%s %11.2f %10.2f %9.1f %%\n", key, best[key], m, m * 31.25 * 100 / 1e4
        }
    }' "$rows"
