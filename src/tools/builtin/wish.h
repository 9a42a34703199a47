/*
 * Built-in tools that neither a database nor the core alone can carry out: they ask the host for something of the
 * carrier. What they ask is read here, and the model's answer is worded here; doing it is the host's work.
 *
 *     send_sms       a text message            carrier.h
 *     transfer_call  the caller handed over    EV_CONTROL_TRANSFER, whose end the core tells the model
 *     send_dtmf      keys pressed              EV_CONTROL_KEYS, likewise
 *
 * Pure. Thread: any.
 */
#ifndef TOOLS_BUILTIN_WISH_H
#define TOOLS_BUILTIN_WISH_H

#include "base/arena.h"
#include "base/buf.h"
#include "call/carrier.h"

enum builtin_wish_kind { BUILTIN_WISH_NONE, BUILTIN_WISH_SMS, BUILTIN_WISH_TRANSFER, BUILTIN_WISH_KEYS };

/* Where a transfer may go. */
struct builtin_department {
    struct str name;   /* "support" */
    struct str number; /* "+15551234567" or "sip:..." */
};

struct builtin_wish_ctx {
    const struct builtin_department *departments;
    uint32_t n_departments;
    struct str country; /* of numbers without +: "US" */
};

struct builtin_wish {
    enum builtin_wish_kind kind;
    struct str to;   /* SMS: E.164; transfer: as the department has it */
    struct str name; /* transfer: the department's */
    struct str text; /* SMS; keys: what to press */
};

/* BUILTIN_WISH_NONE: another tool. */
enum builtin_wish_kind builtin_wish_kind(struct str tool);
/*
 * What the tool wants with these arguments; texts live in a or in ctx. -EINVAL: nothing that can be done, and
 * ret_refusal got the model's answer; -ENOMEM.
 */
MUST_USE int builtin_wish_read(const struct builtin_wish_ctx *ctx, struct str tool, struct str args_json,
                               struct arena *a, struct builtin_wish *ret, struct buf *ret_refusal);
/* Appends {"status":"error","message":why}. */
void builtin_put_refusal(struct buf *out, struct str why);
/* What became of a text message, for the model. False: it was not sent. */
bool builtin_put_sms_result(struct buf *out, const struct builtin_wish *wish, const struct carrier_result *r);
/* The parameters of transfer_call (JSON Schema) with the departments named in them. */
void builtin_put_transfer_parameters(struct buf *out, const struct builtin_wish_ctx *ctx);
/* "sales, support or billing", for descriptions and errors; "none" without any. */
void builtin_put_departments(struct buf *out, const struct builtin_wish_ctx *ctx);

#endif
