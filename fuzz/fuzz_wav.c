/* WAV files: whatever parses can be read to its end, and its header written again says the same. */
#include "fuzz.h"

#include "audio/wav.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wav w, again;
    const char *reason = NULL;
    if (wav_parse(span_from(data, size), &w, &reason) < 0) {
        REQUIRE(reason);
        return 0;
    }
    REQUIRE(w.channels >= 1 && w.channels <= WAV_CHANNELS_MAX && w.rate_hz >= 1 && w.rate_hz <= WAV_RATE_MAX);
    REQUIRE(w.data.n <= size);
    int16_t pcm[257];
    size_t frames = 0;
    for (size_t n; (n = wav_read_mono(&w, frames, 257, pcm)) > 0;) {
        frames += n;
    }
    REQUIRE(frames == wav_frames(&w));
    uint8_t *file = malloc(WAV_HEADER_MAX + w.data.n);
    if (file) {
        size_t head = wav_header(file, &w, w.data.n);
        if (w.data.n) {
            memcpy(file + head, w.data.p, w.data.n);
        }
        REQUIRE(wav_parse(span_from(file, head + w.data.n), &again, NULL) == 0);
        REQUIRE(again.codec == w.codec && again.rate_hz == w.rate_hz && again.channels == w.channels);
        REQUIRE(again.data.n == w.data.n);
        free(file);
    }
    return 0;
}
