/*
 * Any bytes as a journal: opened, read to its end and replayed through a call. Bytes that are no journal are records
 * behind a head of our own, whose first byte chooses what the call has: so the corpus outlives versions of the head.
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

static void put_head(uint8_t has, struct buf *out)
{
    struct journal_writer w;
    struct call_opts o;
    call_opts_init(&o);
    o.vad.on = has & 1;
    o.echo_guard = has & 2;
    o.dtmf_in_band = has & 4;
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
