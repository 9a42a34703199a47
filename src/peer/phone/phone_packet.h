/*
 * What may happen to the caller's frames between the telephone and the carrier's socket: packets of another size or
 * sampling rate, doubled, overtaken by later ones, missing for a while, held up and then sent at once. Frames go in
 * every 20 ms, packets come out with the timestamp that belongs to their content. Pure and seeded. Not here: delay and
 * jitter in order (phone_link.h).
 */
#ifndef PEER_PHONE_PACKET_H
#define PEER_PHONE_PACKET_H

#include "base/buf.h"
#include "peer/phone/phone_link.h"
#include "peer/phone/phone_playout.h"

#define PHONE_PACKET_MIN_BYTES 40u
#define PHONE_PACKET_MAX_BYTES 4000u
#define PHONE_DROPS_MAX        8
#define PHONE_LATE_MAX         5 /* packets that overtake one, and packets that wait at once */

struct phone_drop {
    uint32_t at_ms, ms; /* of the media clock: nothing is sent; timestamps go on */
};

struct phone_packet_opts {
    uint32_t bytes;        /* of a packet; 0: a frame of 20 ms */
    uint32_t rate_hz;      /* what is really sent while 8000 is announced, 4000 to 48000; 0: 8000 */
    double double_percent; /* of the packets come twice */
    double late_percent;   /* of the packets are overtaken by one to PHONE_LATE_MAX others */
    struct phone_drop drops[PHONE_DROPS_MAX];
    size_t n_drops;
    struct phone_drop stalls[PHONE_DROPS_MAX]; /* nothing is sent for so long, then all of it at once */
    size_t n_stalls;
};

struct phone_media {
    uint64_t offset_ms; /* of its first sample, since the start */
    uint64_t chunk;     /* from 1, in the order of the content */
    struct span audio;
};
typedef void (*phone_media_fn)(const struct phone_media *m, void *arg); /* m is lent */

struct phone_held {
    uint32_t wait; /* packets that go first; 0: free */
    struct phone_media m;
    uint8_t bytes[PHONE_PACKET_MAX_BYTES];
};

struct phone_packets {
    struct phone_packet_opts o;
    struct phone_dice dice;
    uint64_t made_bytes; /* in packets so far, sent or not */
    uint64_t chunk;
    size_t n; /* bytes of the next packet that wait */
    uint8_t bytes[PHONE_PACKET_MAX_BYTES];
    int16_t last;            /* sample before the frame, for resampling */
    uint64_t in_n, out_n;    /* samples, for resampling */
    struct phone_held *held; /* PHONE_LATE_MAX; NULL without late_percent */
    struct buf stalled;      /* struct phone_media and its bytes, one after the other */
    uint32_t dropped, doubled, late, stalls;
};

/* -EINVAL (out of range), -ENOMEM */
MUST_USE int phone_packets_init(struct phone_packets *p, const struct phone_packet_opts *o, uint64_t seed);
void phone_packets_done(struct phone_packets *p);
/* A new stream: offsets and chunks start over, what waits is dropped. */
void phone_packets_restart(struct phone_packets *p);
/* One frame goes in; fn gets what leaves, in this order. */
void phone_packets_push(struct phone_packets *p, const uint8_t frame[PHONE_FRAME_BYTES], phone_media_fn fn, void *arg);

#endif
