/*
 * The converter and what it is made of: any bytes between any two formats, cut anywhere, give what one block gives.
 * Bytes 0 and 1 choose the formats, byte 2 the cuts.
 */
#include "fuzz.h"

#include "audio/convert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct audio_conv whole, cut;
    if (size < 3 || size > 8192) {
        return 0;
    }
    enum audio_format from = (enum audio_format)(data[0] % AUDIO_FORMAT_N);
    enum audio_format to = (enum audio_format)(data[1] % AUDIO_FORMAT_N);
    struct span in = span_from(data + 3, size - 3);
    size_t step = data[2] + 1u;
    audio_conv_init(&whole, from, to);
    audio_conv_init(&cut, from, to);
    size_t cap = audio_conv_max(&whole, in.n);
    uint8_t *a = malloc(cap + 1);
    uint8_t *b = malloc(cap + 1);
    size_t n_a = 0, n_b = 0;
    if (a && b) {
        REQUIRE(audio_conv_run(&whole, in, a, cap, &n_a) == 0);
        for (size_t at = 0; at < in.n; at += step) {
            struct span part = {in.p + at, MIN(step, in.n - at)};
            size_t room = audio_conv_max(&cut, part.n);
            size_t n = 0;
            uint8_t *exact = malloc(room + 1); /* so that a write past the promise is seen */
            REQUIRE(exact && audio_conv_run(&cut, part, exact, room, &n) == 0 && n <= room && n_b + n <= cap);
            memcpy(b + n_b, exact, n);
            free(exact);
            n_b += n;
        }
        REQUIRE(n_a == n_b && memcmp(a, b, n_a) == 0);
    }
    free(a);
    free(b);
    return 0;
}
