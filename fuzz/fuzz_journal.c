/* Any bytes as a journal: opened, read to its end and replayed through a call. */
#include "call/call.h"
#include "call/journal.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, (size_t)1 << 20);
    struct journal_reader r;
    struct call_opts opts;
    struct str build;
    struct call *call;
    if (journal_open(&r, span_from(data, size), &arena, &opts, &build) == 0 && call_new(&opts, &call) == 0) {
        struct call_actions actions;
        call_actions_init(&actions);
        struct call_event ev;
        uint64_t now_us;
        uint64_t digest;
        for (int n = 0; n < 5000 && journal_next(&r, &ev, &now_us, &digest) == 1; n++) {
            call_step(call, &ev, now_us, &actions);
        }
        call_actions_done(&actions);
        call_free(call);
    }
    arena_done(&arena);
    return 0;
}
