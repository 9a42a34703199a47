#include "gateway/recorder.h"

#include <stdlib.h>
#include <string.h>

#include "audio/g711.h"
#include "base/err.h"
#include "base/prefetch.h"

#define PAIR_BYTES   4
#define CHUNK_PAIRS  512
#define MAX_GAP_S    3600 /* a gap above it is a broken clock, not silence */
#define HEADER_EVERY 2    /* seconds of audio between two corrections of the header */

struct recorder {
    struct disk_file *file;
    const struct recorder_handler *handler;
    void *arg;
    enum audio_format format;
    uint32_t rate_hz;
    uint64_t samples;
    uint64_t header_samples; /* what the header on the disk says */
};

static void put_u16(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void put_u32(uint8_t *p, uint32_t v)
{
    put_u16(p, v & 0xFFFF);
    put_u16(p + 2, v >> 16);
}

void recorder_header(uint8_t out[RECORDER_HEADER_BYTES], uint32_t rate_hz, uint64_t samples)
{
    /* RIFF counts in 32 bits; 37 hours of 8 kHz stereo are the end of it, the audio behind stays readable. */
    uint64_t bytes = samples * PAIR_BYTES;
    uint32_t data = bytes > UINT32_MAX - 36 ? UINT32_MAX - 36 : (uint32_t)bytes;
    memcpy(out, "RIFF....WAVEfmt ", 16);
    put_u32(out + 4, 36 + data);
    put_u32(out + 16, 16);
    put_u16(out + 20, 1); /* PCM */
    put_u16(out + 22, 2);
    put_u32(out + 24, rate_hz);
    put_u32(out + 28, rate_hz * PAIR_BYTES);
    put_u16(out + 32, PAIR_BYTES);
    put_u16(out + 34, 16);
    memcpy(out + 36, "data", 4);
    put_u32(out + 40, data);
}

static void on_error(struct disk_file *f UNUSED, int err, void *arg)
{
    struct recorder *r = arg;
    r->handler->on_error(r, err, r->arg);
}

static void on_closed(struct disk_file *f UNUSED, uint64_t size, int err, void *arg)
{
    struct recorder *r = arg;
    r->handler->on_closed(r, size, err, r->arg);
    free(r);
}

static const struct disk_file_handler file_handler = {.on_error = on_error, .on_closed = on_closed};

int recorder_open(struct disk *disk, const char *path, enum audio_format format, const struct recorder_handler *h,
                  void *arg, struct recorder **ret)
{
    struct recorder *r = calloc(1, sizeof(*r));
    if (!r) {
        return -ENOMEM;
    }
    r->handler = h;
    r->arg = arg;
    r->format = format;
    r->rate_hz = audio_rate_hz(format);
    int err = disk_file_create(disk, path, false, &file_handler, r, &r->file);
    if (err < 0) {
        free(r);
        return err;
    }
    uint8_t header[RECORDER_HEADER_BYTES];
    recorder_header(header, r->rate_hz, 0);
    disk_file_append(r->file, span_from(header, sizeof(header)));
    *ret = r;
    return 0;
}

static void correct_header(struct recorder *r)
{
    uint8_t header[RECORDER_HEADER_BYTES];
    recorder_header(header, r->rate_hz, r->samples);
    disk_file_patch(r->file, 0, span_from(header, sizeof(header)));
    r->header_samples = r->samples;
}

static void put_silence(struct recorder *r, uint64_t samples)
{
    static const uint8_t zeros[CHUNK_PAIRS * PAIR_BYTES];
    r->samples += samples;
    while (samples > 0) {
        uint64_t n = MIN(samples, (uint64_t)CHUNK_PAIRS);
        disk_file_append(r->file, span_from(zeros, n * PAIR_BYTES));
        samples -= n;
    }
}

/* Eight-bit pairs: each byte is one sample, so the order caller, agent stays as it is. */
static void put_g711(struct recorder *r, const uint8_t *p, size_t pairs)
{
    int16_t out[CHUNK_PAIRS * 2]; /* little-endian in the file and here */
    while (pairs > 0) {
        size_t n = MIN(pairs, (size_t)CHUNK_PAIRS);
        if (r->format == AUDIO_PCMU) {
            g711_mulaw_decode(span_from(p, n * 2), out);
        } else {
            g711_alaw_decode(span_from(p, n * 2), out);
        }
        disk_file_append(r->file, span_from(out, n * PAIR_BYTES));
        p += n * 2;
        pairs -= n;
    }
}

void recorder_put(struct recorder *r, uint64_t at_samples, struct span pairs)
{
    bool companded = audio_sample_bytes(r->format) == 1;
    size_t pair = companded ? 2 : PAIR_BYTES;
    size_t n = pairs.n / pair;
    if (at_samples > r->samples && at_samples - r->samples <= (uint64_t)MAX_GAP_S * r->rate_hz) {
        put_silence(r, at_samples - r->samples);
    }
    if (at_samples < r->samples) {
        uint64_t skip = MIN(r->samples - at_samples, (uint64_t)n);
        pairs.p += skip * pair;
        n -= (size_t)skip;
    }
    if (companded) {
        put_g711(r, pairs.p, n);
    } else if (n > 0) {
        disk_file_append(r->file, span_from(pairs.p, n * PAIR_BYTES));
    }
    /* It brings tenths of seconds at once: waiting for more would hold memory that goes cold meanwhile. */
    disk_file_flush(r->file);
    r->samples += n;
    if (r->samples - r->header_samples >= (uint64_t)HEADER_EVERY * r->rate_hz) {
        correct_header(r);
    }
}

void recorder_prefetch(const struct recorder *r, unsigned depth)
{
    if (depth == 0) {
        prefetch(r, sizeof(*r));
    } else {
        disk_file_prefetch(r->file, depth - 1);
    }
}

uint64_t recorder_samples(const struct recorder *r)
{
    return r->samples;
}

void recorder_close(struct recorder *r)
{
    if (r->samples != r->header_samples) {
        correct_header(r);
    }
    disk_file_close(r->file);
}
