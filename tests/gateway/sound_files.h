/* WAV files that tests write: tones, as people record their messages. */
#ifndef TESTS_GATEWAY_SOUND_FILES_H
#define TESTS_GATEWAY_SOUND_FILES_H

#include "test.h"

#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audio/wav.h"
#include "base/err.h"

static inline UNUSED void write_bytes(const char *dir, const char *name, const void *data, size_t n)
{
    char path[256];
    ignore_result(snprintf(path, sizeof(path), "%s/%s", dir, name) < 0);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

/* So many milliseconds of a tone, PCM16. */
static inline UNUSED void write_tone(const char *dir, const char *name, uint32_t rate_hz, uint32_t channels,
                                     uint32_t ms)
{
    const struct wav head = {.codec = WAV_PCM16, .rate_hz = rate_hz, .channels = channels};
    size_t frames = (size_t)rate_hz * ms / 1000;
    size_t bytes = frames * channels * 2;
    uint8_t *file = malloc(WAV_HEADER_MAX + bytes);
    assert_non_null(file);
    size_t at = wav_header(file, &head, bytes);
    for (size_t i = 0; i < frames; i++) {
        double t = (double)i / rate_hz;
        int16_t v = (int16_t)(8000 * sin(2 * M_PI * (400 + 200 * t) * t)); /* it rises: no part is like another */
        for (uint32_t c = 0; c < channels; c++) {
            file[at++] = (uint8_t)((uint16_t)v & 0xFF);
            file[at++] = (uint8_t)((uint16_t)v >> 8);
        }
    }
    write_bytes(dir, name, file, at);
    free(file);
}

static inline UNUSED void remove_sounds(const char *dir, const char *const *names, size_t n)
{
    char path[256];
    for (size_t i = 0; i < n; i++) {
        ignore_result(snprintf(path, sizeof(path), "%s/%s", dir, names[i]) < 0);
        ignore_result(unlink(path));
    }
    assert_int_equal(rmdir(dir), 0);
}

#endif
