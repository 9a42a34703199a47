/*
 * The playout ledger: what was sent to the carrier and not yet acknowledged, and what the caller has heard of it.
 * Exact for sent; for heard an interval [low, high]:
 *   low   counts only from the last genuine mark: audio behind it plays on in real time, but no burst can have begun
 *         before its sending plus the shortest round trip seen. Without a genuine mark in a run nothing is certain.
 *   high  the carrier plays every byte as soon as it was sent, gaps closed.
 * Marks that come back because of our own clear are told apart by their number and never raise low.
 * Positions are bytes in the leg's format, bpm of them a millisecond. Pure; the caller gives the time.
 */
#ifndef CALL_LEDGER_H
#define CALL_LEDGER_H

#include "base/fifo.h"

#define LEDGER_MAX 64 /* bursts under way: 600 ms of lead in 20 ms bursts twice over */

struct ledger_burst {
    uint32_t mark;
    uint32_t item;  /* number of the item; 0: a mark without audio */
    uint32_t bytes; /* audio of the item */
    uint32_t pad;   /* silence behind it */
    uint64_t sent_us;
    uint64_t high_start_us; /* the earliest moment that its first byte can be heard */
};

struct ledger {
    uint32_t bpm;
    uint32_t next_mark;
    uint32_t cleared;   /* marks up to this number were outstanding at our last clear */
    uint32_t first, n;  /* of the ring */
    uint64_t anchor_us; /* arrival of the last genuine mark of this run; 0: none */
    uint64_t high_end_us;
    uint64_t rtt_us;   /* shortest round trip of a mark through an empty queue; 0: unknown */
    struct fifo audio; /* bytes of the bursts under way, for the recording */
    struct ledger_burst *ring;
    uint32_t cap; /* of the ring: as many as were under way at once, at most LEDGER_MAX */
};

void ledger_init(struct ledger *l, uint32_t bpm);
void ledger_done(struct ledger *l);
void ledger_prefetch(const struct ledger *l); /* the oldest burst under way: base/prefetch.h */
bool ledger_full(const struct ledger *l);
/* True when nothing with audio is under way. */
bool ledger_idle(const struct ledger *l);
/* Notes a mark without audio; returns its number, 0 on -ENOMEM. */
uint32_t ledger_mark(struct ledger *l, uint64_t now_us);
/* Notes a burst: item's bytes followed by pad bytes, all in audio. Returns the mark to send behind it, 0 on -ENOMEM. */
uint32_t ledger_send(struct ledger *l, uint32_t item, struct span audio, uint32_t pad, uint64_t now_us);
/* Audio that the carrier may still have to play, by the high reading; this is what paces us. */
uint32_t ledger_outstanding_ms(const struct ledger *l, uint64_t now_us);
/* Bytes sent and not acknowledged. */
uint32_t ledger_unacked(const struct ledger *l);
/* Of an item's bytes under way: how many were heard at least and at most. Adds to *low and *high. */
void ledger_heard(const struct ledger *l, uint32_t item, uint64_t now_us, uint32_t *low, uint32_t *high);
/* The same of the oldest burst alone: bytes heard of it. */
void ledger_heard_first(const struct ledger *l, uint64_t now_us, uint32_t *low, uint32_t *high);
/* The earliest moment at which the last burst sent is heard. */
uint64_t ledger_last_start_us(const struct ledger *l);
/*
 * A mark came back. Returns false when it is unknown or stems from a clear. Else takes bursts off one by one:
 * call ledger_settle until it returns false.
 */
bool ledger_returned(struct ledger *l, uint32_t mark, uint64_t now_us);
/* Takes the oldest burst if it lies before or at mark. */
bool ledger_settle(struct ledger *l, uint32_t mark, struct ledger_burst *ret);
/* Our clear: everything under way is flushed; its marks will not count. Leaves the bursts for ledger_drop. */
void ledger_cleared(struct ledger *l);
/* The oldest burst, which stays; NULL: none. */
const struct ledger_burst *ledger_oldest(const struct ledger *l);
/* The oldest burst, whatever its state; false when there is none. */
bool ledger_drop(struct ledger *l, struct ledger_burst *ret);
/* When the oldest burst's mark is overdue (its latest end plus the round trip plus 3 s); UINT64_MAX: none waits. */
uint64_t ledger_overdue_us(const struct ledger *l);
/* Sending time of the oldest burst with audio; UINT64_MAX when idle. */
uint64_t ledger_oldest_us(const struct ledger *l);

#endif
