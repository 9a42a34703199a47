/*
 * One visitor describes the fields of every struct that a journal holds; writing, reading and digesting are three modes
 * of it, so that they cannot drift apart. The order of fields is the format: a change of it is a new JOURNAL_VERSION.
 * Pure, and the journal's own: others include call/journal.h.
 *
 *     visit.c           numbers, enums, texts          visit_opts.c      call_opts, once per journal
 *     visit_event.c     what goes into a call          visit_action.c    what comes out; digested, never read
 *
 * Numbers are LEB128 varints (signed ones zigzag), texts and audio are length-prefixed. The first error sticks; behind
 * it reading gives zeros.
 */
#ifndef CALL_VISIT_H
#define CALL_VISIT_H

#include "base/arena.h"
#include "base/buf.h"
#include "call/action.h"
#include "call/event.h"
#include "call/opts.h"

enum visit_mode { VISIT_WRITE, VISIT_READ, VISIT_DIGEST };

struct visit {
    enum visit_mode mode;
    int err;
    struct buf *out;        /* writing */
    struct span in;         /* reading: what is left */
    struct arena *arena;    /* reading: copies texts when not NULL */
    struct call_item *item; /* reading: room for the one of an event */
    uint64_t hash;          /* digesting */
};

/* Keeps the first error. */
void visit_fail(struct visit *v, int err);

void visit_u64(struct visit *v, uint64_t *x);
void visit_u32(struct visit *v, uint32_t *x);
void visit_i64(struct visit *v, int64_t *x);
void visit_i32(struct visit *v, int32_t *x);
void visit_int(struct visit *v, int *x);
void visit_bool(struct visit *v, bool *x);
/* To a millionth. */
void visit_f64(struct visit *v, double *x);
/* An enum below limit, through its unsigned value; read, anything else is -ERR_CORRUPT and 0. */
uint32_t visit_enum(struct visit *v, uint32_t x, uint32_t limit);
#define VISIT_ENUM(v, field, limit) (field) = (__typeof__(field))visit_enum((v), (uint32_t)(field), (limit))
void visit_span(struct visit *v, struct span *s);
void visit_str(struct visit *v, struct str *s);
/* A text that may be absent (p NULL), which is not the same as empty. */
void visit_opt_str(struct visit *v, struct str *s);

/* Writing and digesting do not touch what is lent; reading lends v->item. */
void visit_item_ref(struct visit *v, const struct call_item **ref);
void visit_usage(struct visit *v, struct call_usage *u);
void visit_event(struct visit *v, struct call_event *e);
void visit_opts(struct visit *v, struct call_opts *o);
void visit_action(struct visit *v, struct call_action *a);

#endif
