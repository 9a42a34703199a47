/*
 * The built-in tools: their definitions for the model, and the execution of those that work on the store (the others
 * are wishes, wish.h). Running one BLOCKS (database): job threads only. end_call only words its result here; that the
 * phone leg is hung up after the goodbye is the call core's work (CALL_TOOL_END).
 */
#ifndef TOOLS_BUILTIN_BUILTIN_H
#define TOOLS_BUILTIN_BUILTIN_H

#include "call/opts.h"
#include "call/store.h"
#include "tools/builtin/reservation.h"

#define BUILTIN_MAX_ARGS_BYTES 16384
#define BUILTIN_MAX_TEXT_BYTES 1000 /* one argument; longer is refused with an error text */

struct builtin_ctx {
    const struct store_ops *ops;
    struct store *store;
    struct str call_id;
    uint64_t wall_us;                          /* now */
    const struct builtin_concierge *concierge; /* of find_restaurant and initiate_reservation_call; NULL: none */
    uint64_t random;                           /* makes confirmation numbers; given, so that a replay can repeat it */
};

/* All of them, in the order of the table. */
uint32_t builtin_tool_count(void);
/* NULL past the end. name, description, parameters (JSON Schema, one object), kind; static texts. */
const struct call_tool *builtin_tool(uint32_t index);
/* NULL: no such tool. */
const struct call_tool *builtin_tool_find(struct str name);

/*
 * Appends the JSON result for the model. Arguments that are no JSON object count as {}. An unknown name gives
 * {"error":"Unknown function: <name>"}. Returns 0 also when the text is an error for the model (*ret_failed says so);
 * -ENOMEM, -ERR_TOO_BIG when ret_output is full, or the store's error (the output is then an error text as well).
 */
MUST_USE int builtin_tool_run(const struct builtin_ctx *ctx, struct str name, struct str args_json,
                              struct buf *ret_output, bool *ret_failed);

#endif
