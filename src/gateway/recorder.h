/*
 * The stereo recording of one call: settled pairs of both sides (ACT_RECORD) become a WAV file, 16-bit PCM, left the
 * caller, right the agent as heard. The header is put right about once a second, so that the file is valid after
 * kill -9. Loop thread only; writing is net/disk's. Not here: what is settled (the call), where files lie (records.h).
 */
#ifndef GATEWAY_RECORDER_H
#define GATEWAY_RECORDER_H

#include "audio/format.h"
#include "net/disk.h"

struct recorder;

struct recorder_handler {
    /* The file cannot be written any more; what follows is dropped. At most once. */
    void (*on_error)(struct recorder *r, int err, void *arg);
    /* Last; r is gone after it returns. */
    void (*on_closed)(struct recorder *r, uint64_t bytes, int err, void *arg);
};

/* format: of the pairs. -EINVAL (a format that is not 8-bit or 16-bit), -ENOMEM, results of disk_file_create. */
MUST_USE int recorder_open(struct disk *disk, const char *path, enum audio_format format,
                           const struct recorder_handler *h, void *arg, struct recorder **ret);
/* Appends pairs that begin at_samples after the start; a gap is filled with silence, what overlaps is left out. */
void recorder_put(struct recorder *r, uint64_t at_samples, struct span pairs);
/* Samples per channel so far. */
uint64_t recorder_samples(const struct recorder *r);
void recorder_close(struct recorder *r);
void recorder_prefetch(const struct recorder *r, unsigned depth); /* base/prefetch.h */

#define RECORDER_HEADER_BYTES 44
/* The header of a file that holds so many samples per channel. Pure. */
void recorder_header(uint8_t out[RECORDER_HEADER_BYTES], uint32_t rate_hz, uint64_t samples);

#endif
