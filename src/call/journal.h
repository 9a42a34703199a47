/*
 * The journal of a call: format version, build, opts, then every input with its time and a digest of the actions it
 * caused. Pure: bytes to and from structs; the host owns the file. A torn tail (kill -9) is the normal end of a
 * journal.
 *
 *     header   "RTJ1" u8 version, str build, opts
 *     record   u8 0x01, uvar delta_us, event fields, u64 digest of the actions (little-endian)
 *
 * Numbers are LEB128 varints, texts and audio are length-prefixed.
 */
#ifndef CALL_JOURNAL_H
#define CALL_JOURNAL_H

#include "base/arena.h"
#include "base/buf.h"
#include "call/action.h"
#include "call/opts.h"

#define JOURNAL_VERSION 7

struct journal_writer {
    uint64_t last_us;
};

/* Appends the header; opts without secrets by construction. The buffer's sticky error tells. */
void journal_begin(struct journal_writer *w, struct buf *out, const struct call_opts *opts, uint64_t now_us);
/* Appends one record: event, time, digest of what call_step answered. */
void journal_put(struct journal_writer *w, struct buf *out, const struct call_event *ev, uint64_t now_us,
                 const struct call_actions *actions);

struct journal_reader {
    struct span rest;
    uint64_t now_us;
    uint64_t records;
    struct call_item item; /* of the event read last */
};

/* opts' texts and lists lie in arena. -ERR_CORRUPT, -ERR_RANGE (another version), -ENOMEM */
MUST_USE int journal_open(struct journal_reader *r, struct span file, struct arena *arena, struct call_opts *ret_opts,
                          struct str *ret_build);
/* 1: one record; 0: end or torn tail (r->rest.n tells how many bytes are left); -ERR_CORRUPT. Slices lie in the
 * file; an item lies in the reader: both until the next call. */
MUST_USE int journal_next(struct journal_reader *r, struct call_event *ret, uint64_t *ret_now_us, uint64_t *ret_digest);

/* Order-sensitive digest over every field of every action. */
uint64_t actions_digest(const struct call_actions *actions);
/* One readable line per action, stable text, audio as length and digest: what `ringtrip replay --print` shows. */
void actions_print(const struct call_actions *actions, struct buf *out);
void event_print(const struct call_event *ev, struct buf *out);

#endif
