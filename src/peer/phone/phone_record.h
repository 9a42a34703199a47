/*
 * The phone's stereo recording: left what the caller said, right what the caller heard, 8 kHz. Kept in memory as mu-law
 * (16 kB a second) and written as PCM16 WAV at the end. Not here: the gateway's own recorder.
 */
#ifndef PEER_PHONE_RECORD_H
#define PEER_PHONE_RECORD_H

#include "base/buf.h"
#include "peer/phone/phone_playout.h"

struct phone_record;

/* NULL when out of memory. max_ms bounds its memory; what comes later is dropped. */
struct phone_record *phone_record_new(uint32_t max_ms);
struct phone_record *phone_record_free(struct phone_record *r);
void phone_record_frame(struct phone_record *r, const uint8_t said[PHONE_FRAME_BYTES],
                        const uint8_t heard[PHONE_FRAME_BYTES]);
/* Blocking. Replaces the file. -errno, -ENOMEM */
MUST_USE int phone_record_save(const struct phone_record *r, const char *path);

#endif
