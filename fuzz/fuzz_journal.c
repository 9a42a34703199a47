/*
 * Any bytes as a journal: opened, read to its end and replayed through a call. Bytes that are no journal are records
 * behind a head of our own, whose first byte chooses what the call has (a bit each: detector, echo guard, keys in the
 * audio, turns of our own, renewal, tools, guardrails, outgoing): so the corpus outlives versions of the head.
 */
#include <stdlib.h>

#include "call/call.h"
#include "call/journal.h"
#include "fuzz.h"

#define RECORDS_MAX 5000

static void replay(struct journal_reader *r, const struct call_opts *opts)
{
    struct call *call;
    struct call_actions actions;
    struct call_event ev;
    uint64_t now_us;
    uint64_t digest;
    if (call_new(opts, &call) < 0) {
        return;
    }
    call_actions_init(&actions);
    for (int n = 0; n < RECORDS_MAX && journal_next(r, &ev, &now_us, &digest) == 1; n++) {
        call_step(call, &ev, now_us, &actions);
    }
    call_actions_done(&actions);
    call_free(call);
}

/* Short names, which a mutation finds. */
static void put_tools(struct call_opts *o)
{
    static const enum approval_kind kinds[] = {APPROVAL_NEVER, APPROVAL_WHEN, APPROVAL_SPOKEN, APPROVAL_NEVER};
    static const char *const names[] = {"a", "b", "c", "d"};
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        struct call_tool *t = &o->tools[o->n_tools++];
        *t = (struct call_tool){.name = str_from(names[i])};
        tool_rules_init(&t->rules);
        t->rules.approval.kind = kinds[i];
        t->rules.mode = i == 0 ? TOOL_SEQUENTIAL : TOOL_PARALLEL;
        t->rules.background = i == 1;
    }
    o->tools[3].kind = CALL_TOOL_END;
}

static void put_guards(struct call_opts *o)
{
    for (uint32_t i = 0; i < 2; i++) {
        o->guards.list[i] = (struct call_guard){
            .name = STR("g"), .sides = 1u << GUARD_INPUT | 1u << GUARD_OUTPUT, .local = i == 0, .holds = true};
    }
    o->guards.n_list = 2;
    o->guards.everywhere = 3;
    o->guards.hold_back = true;
}

static void put_head(uint8_t has, struct buf *out)
{
    struct journal_writer w;
    struct call_opts_room room;
    struct call_opts o;
    call_opts_init(&o);
    call_opts_lend(&o, &room);
    o.vad.on = has & 1;
    o.echo_guard = has & 2;
    o.dtmf_in_band = has & 4;
    o.turn.kind = has & 8 ? TURN_LOCAL : TURN_SERVER_VAD;
    o.renewal.on = has & 16;
    o.outgoing = has & 128;
    if (has & 32) {
        put_tools(&o);
    }
    if (has & 64) {
        put_guards(&o);
    }
    journal_begin(&w, out, &o, 1000000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    struct journal_reader r;
    struct call_opts opts;
    struct str build;
    struct buf own;
    struct span file = span_from(data, size);
    bool whole = size >= 4 && memcmp(data, "RTJ1", 4) == 0;
    arena_init(&arena, (size_t)1 << 20);
    buf_init(&own, ((size_t)4 << 20) + size);
    if (!whole && size > 0) {
        put_head(data[0], &own);
        buf_put(&own, data + 1, size - 1);
        file = span_from(own.data, own.len);
    }
    int err = journal_open(&r, file, &arena, &opts, &build);
    if (err == 0) {
        replay(&r, &opts);
    } else if (!whole && size > 0 && own.err == 0) {
        abort(); /* a head that we have just written */
    }
    buf_done(&own);
    arena_done(&arena);
    return 0;
}
