/*
 * What the carrier does with the audio that it is sent: a queue that plays in real time, 20 ms at a step, with marks
 * between the bytes. Pure: the caller of phone_playout_step is the clock. Not here: sockets, speech detection.
 *
 *     received ... | queued audio, marks at positions | pulled: the frame in the ear right now | heard
 *
 * A mark is due once everything received before it has been heard, that is at the step after its last frame was
 * pulled; on an empty queue it is due at once. clear drops what is queued and makes every mark due, in order.
 * Source: protocols of Twilio Media Streams, "mark" and "clear" (bidirectional streams).
 */
#ifndef PEER_PHONE_PLAYOUT_H
#define PEER_PHONE_PLAYOUT_H

#include "base/buf.h"

#define PHONE_FRAME_BYTES   160 /* mu-law, 8 kHz */
#define PHONE_FRAME_MS      20
#define PHONE_FRAME_US      20000
#define PHONE_SILENCE_BYTE  0xFF
#define PHONE_PLAYOUT_BYTES (600u * 8000u) /* ten minutes of queue, then -ERR_LIMIT */
#define PHONE_PLAYOUT_MARKS 4096u

struct phone_mark {
    uint64_t pos; /* due when heard_bytes reaches it */
    char *name;
    size_t n;
};

struct phone_playout {
    struct buf queue;
    uint64_t received_bytes; /* accepted since the start */
    uint64_t pulled_bytes;   /* left the queue, played or cleared */
    uint64_t heard_bytes;    /* as pulled_bytes was at the last step */
    struct phone_mark *marks;
    size_t mark_head, mark_n, mark_cap;
    char *taken; /* the mark lent by the last phone_playout_due */
};

void phone_playout_init(struct phone_playout *p);
void phone_playout_done(struct phone_playout *p);
/* Copies mu-law bytes behind what is queued. -ERR_LIMIT (nothing taken), -ENOMEM */
MUST_USE int phone_playout_audio(struct phone_playout *p, struct span mulaw);
/* Puts a mark behind what is queued. -ERR_LIMIT, -ENOMEM */
MUST_USE int phone_playout_mark(struct phone_playout *p, struct str name);
/* Drops the queue; all marks are due. Returns the bytes dropped. */
size_t phone_playout_clear(struct phone_playout *p);
/* The marks that wait never come back; returns how many. */
size_t phone_playout_forget(struct phone_playout *p);
/* Takes the next mark that is due; *ret_name is lent until the next call. False when there is none. */
bool phone_playout_due(struct phone_playout *p, struct str *ret_name);
/* One 20 ms step: the frame pulled before has now been heard, the next one is pulled into out (silence where the
 * queue ends). Returns the bytes of real audio in it, 0 to 160. */
size_t phone_playout_step(struct phone_playout *p, uint8_t out[PHONE_FRAME_BYTES]);

static inline size_t phone_playout_queued(const struct phone_playout *p)
{
    return p->queue.len;
}

static inline size_t phone_playout_marks(const struct phone_playout *p)
{
    return p->mark_n;
}

#endif
