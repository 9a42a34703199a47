#include "peer/phone/phone_record.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "audio/g711.h"
#include "audio/wav.h"
#include "base/err.h"
#include "net/file.h"

#define MIX_BYTES 2u /* of the tape: left and right, mu-law */

struct phone_record {
    struct buf tape; /* left, right, left, right ... mu-law */
};

struct phone_record *phone_record_new(uint32_t max_ms)
{
    struct phone_record *r = calloc(1, sizeof(*r));
    if (r) {
        /* A little more than the limit of the call, which is hung up properly behind it. */
        buf_init(&r->tape, ((size_t)max_ms + 10000) * 8 * MIX_BYTES);
    }
    return r;
}

struct phone_record *phone_record_free(struct phone_record *r)
{
    if (r) {
        buf_done(&r->tape);
        free(r);
    }
    return NULL;
}

void phone_record_frame(struct phone_record *r, const uint8_t said[PHONE_FRAME_BYTES],
                        const uint8_t heard[PHONE_FRAME_BYTES])
{
    uint8_t *at = buf_room(&r->tape, PHONE_FRAME_BYTES * MIX_BYTES);
    if (!at) {
        return;
    }
    for (size_t i = 0; i < PHONE_FRAME_BYTES; i++) {
        at[2 * i] = said[i];
        at[2 * i + 1] = heard[i];
    }
    buf_added(&r->tape, PHONE_FRAME_BYTES * MIX_BYTES);
}

int phone_record_save(const struct phone_record *r, const char *path)
{
    static const struct wav format = {.codec = WAV_PCM16, .rate_hz = 8000, .channels = 2};
    size_t n = r->tape.len;
    uint8_t *file = malloc(WAV_HEADER_MAX + n * 2);
    if (!file) {
        return -ENOMEM;
    }
    size_t at = wav_header(file, &format, n * 2);
    const uint8_t *tape = buf_ptr(&r->tape);
    for (size_t i = 0; i < n; i++) {
        uint16_t sample = (uint16_t)g711_mulaw_decode1(tape[i]);
        file[at++] = (uint8_t)sample;
        file[at++] = (uint8_t)(sample >> 8);
    }
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    int err = fd < 0 ? -errno : file_write_all(fd, span_from(file, at));
    if (fd >= 0 && close(fd) < 0 && err == 0) {
        err = -errno;
    }
    free(file);
    return err;
}
