/*
 * What the caller's audio goes through, frame by frame: order, line, keys, holes, limiter, converter. Any bytes in
 * frames of any size must be survived; what is heard must not depend on how the samples are cut, nothing may pass the
 * limiter's ceiling, and a line that is clean stays untouched.
 * Byte 0: leg's format, byte 1: size of frames, byte 2: pace and gaps; then frames, each with a byte of its own.
 */
#include "fuzz.h"

#include <string.h>

#include "audio/codec.h"
#include "audio/comfort.h"
#include "audio/convert.h"
#include "audio/dtmf.h"
#include "audio/fade.h"
#include "audio/line.h"
#include "audio/place.h"

#define FRAME_MAX 512

struct ear {
    enum audio_format format;
    struct place place;
    struct line line;
    struct comfort comfort;
    int16_t room[COMFORT_ROOM_MAX]; /* of comfort */
    struct dtmf dtmf;
    struct dtmf dtmf_cut; /* hears the same samples in pieces */
    struct audio_conv conv;
    uint64_t now_ms;
    uint32_t timestamp_ms;
};

static void hear_keys(struct ear *e, const int16_t *pcm, size_t n)
{
    char a[FRAME_MAX];
    char b[FRAME_MAX];
    size_t n_a = dtmf_run(&e->dtmf, pcm, n, a);
    size_t n_b = 0;
    REQUIRE(n_a <= dtmf_max(n));
    for (size_t i = 0; i < n; i += 37) {
        n_b += dtmf_run(&e->dtmf_cut, pcm + i, MIN(n - i, (size_t)37), b + n_b);
    }
    REQUIRE(n_a == n_b && memcmp(a, b, n_a) == 0);
    REQUIRE(dtmf_held(&e->dtmf) == dtmf_held(&e->dtmf_cut));
}

static void limit_loud(const int16_t *pcm, size_t n)
{
    int16_t x[FRAME_MAX];
    struct limit l;
    memcpy(x, pcm, n * sizeof(*x));
    limit_init(&l, 8000, LIMIT_CEILING);
    limit_run(&l, x, n);
    for (size_t i = 0; i < n; i++) {
        REQUIRE(abs(x[i]) <= LIMIT_CEILING && abs(x[i]) <= abs(pcm[i]));
    }
}

static void convert(struct ear *e, const uint8_t *bytes, size_t n)
{
    size_t cap = audio_conv_max(&e->conv, n);
    size_t got = 0;
    uint8_t *out = malloc(cap ? cap : 1);
    if (out) {
        REQUIRE(audio_conv_run(&e->conv, span_from(bytes, n), out, cap, &got) == 0 && got <= cap);
        fade_in(e->conv.to, out, got, fade_bytes(e->conv.to));
        fade_out(e->conv.to, out, got, fade_bytes(e->conv.to));
    }
    free(out);
}

static void fill(struct ear *e, uint32_t ms)
{
    int16_t pcm[480];
    for (uint32_t left = MIN(ms, 200u); left >= 20; left -= 20) {
        comfort_fill(&e->comfort, pcm, audio_rate_hz(e->format) / 50);
    }
}

static void hear_frame(struct ear *e, struct span audio)
{
    uint8_t *clean = malloc(audio.n ? audio.n : 1); /* of the exact size, so that a byte too far is seen */
    int16_t *pcm = malloc((audio.n + 1) * sizeof(*pcm));
    uint32_t length_ms = (uint32_t)(audio.n / audio_bytes_per_ms(e->format));
    struct place_spot spot = place_judge(&e->place, e->timestamp_ms, length_ms, audio);
    REQUIRE((spot.kind == PLACE_GAP) == (spot.gap_ms > 0) && spot.gap_ms <= PLACE_GAP_MAX);
    if (clean && pcm && spot.kind != PLACE_LATE && spot.kind != PLACE_DOUBLE) {
        struct line_frame f = {.audio = audio, .now_ms = e->now_ms, .clean = clean, .pcm = pcm};
        uint32_t before = e->line.findings;
        fill(e, spot.gap_ms);
        line_run(&e->line, &f);
        REQUIRE(f.n_pcm <= audio.n / audio_sample_bytes(e->format) + 1);
        REQUIRE(f.changed || audio.n == 0 || memcmp(clean, audio.p, audio.n) == 0);
        REQUIRE((f.findings & before) == 0 && f.findings >> LINE_FINDING_N == 0);
        hear_keys(e, pcm, f.n_pcm);
        limit_loud(pcm, f.n_pcm);
        comfort_hear(&e->comfort, pcm, f.n_pcm);
        convert(e, clean, audio.n);
    }
    free(clean);
    free(pcm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct line_stats stats;
    struct ear e = {.now_ms = 1000};
    if (size < 3 || size > 16384) {
        return 0;
    }
    e.format = (enum audio_format)(data[0] % AUDIO_FORMAT_N);
    size_t usual = (size_t)data[1] * 2 + 1;
    bool odd = data[2] & 1;
    place_init(&e.place);
    line_init(&e.line, e.format);
    comfort_init(&e.comfort, audio_rate_hz(e.format), e.room);
    dtmf_init(&e.dtmf);
    dtmf_init(&e.dtmf_cut);
    audio_conv_init(&e.conv, e.format, (enum audio_format)(data[2] / 2 % AUDIO_FORMAT_N));
    audio_conv_limit(&e.conv, LIMIT_CEILING);
    for (size_t at = 3; at < size;) {
        uint8_t order = data[at++];
        size_t n = MIN(odd ? (usual + order) % FRAME_MAX : usual, size - at);
        hear_frame(&e, span_from(data + at, n));
        e.now_ms += order / 16 * 10u;
        e.timestamp_ms += (uint32_t)(order % 16 < 14 ? n / audio_bytes_per_ms(e.format) : order % 16 * 7u - 100u);
        at += n;
    }
    line_stats(&e.line, &stats);
    REQUIRE(stats.zero_ms <= stats.media_ms && stats.clipped_ms <= stats.media_ms && stats.silent_ms <= stats.media_ms);
    return 0;
}
