/*
 * One direction of a network: messages come out in order, each later than it went in by the delay plus a random share
 * of the jitter. Pure: time is given, the dice are seeded, so that a run can be repeated. Not here: loss of messages
 * (the carrier's socket is TCP; lost telephone frames are made by phone_dice_roll at the place where they are heard).
 */
#ifndef PEER_PHONE_LINK_H
#define PEER_PHONE_LINK_H

#include "base/str.h"

/* splitmix64: every stream of numbers has its own seed. */
struct phone_dice {
    uint64_t state;
};
uint64_t phone_dice_next(struct phone_dice *d);
/* Uniform in [0, n); 0 for n = 0. */
uint64_t phone_dice_below(struct phone_dice *d, uint64_t n);
bool phone_dice_roll(struct phone_dice *d, double percent);
/* Uniform in [0, 1). */
float phone_dice_unit(struct phone_dice *d);
/* Near enough to normal for noise: the sum of twelve uniform ones, mean 0, variance 1. */
float phone_dice_normal(struct phone_dice *d);

#define PHONE_LINK_PACKETS 65536u /* under way at once, then -ERR_LIMIT */

struct phone_packet {
    uint64_t due_us;
    int kind; /* the user's own; text, binary, close ... */
    char *data;
    size_t n;
};

struct phone_link {
    uint64_t delay_us, jitter_us, last_due_us;
    struct phone_dice dice;
    struct phone_packet *packets;
    size_t head, n, cap; /* ring */
    char *taken;
};

void phone_link_init(struct phone_link *l, uint32_t delay_ms, uint32_t jitter_ms, uint64_t seed);
void phone_link_done(struct phone_link *l);
/* No delay and nothing under way: the user may pass the message on at once. */
bool phone_link_direct(const struct phone_link *l);
/* Copies. -ENOMEM, -ERR_LIMIT */
MUST_USE int phone_link_put(struct phone_link *l, uint64_t now_us, int kind, struct str data);
/* The next message that has arrived by now; ret->data is lent until the next call. */
bool phone_link_take(struct phone_link *l, uint64_t now_us, struct phone_packet *ret);
/* When the next one arrives; false when nothing is under way. */
bool phone_link_next(const struct phone_link *l, uint64_t *ret_us);

#endif
