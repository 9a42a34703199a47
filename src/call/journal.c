#include "call/journal.h"

#include "base/err.h"
#include "call/visit.h"

uint64_t actions_digest(const struct call_actions *actions)
{
    struct visit v = {.mode = VISIT_DIGEST, .hash = actions->n};
    for (uint32_t i = 0; i < actions->n; i++) {
        struct call_action copy = actions->list[i]; /* the visitor writes back what it visits */
        visit_action(&v, &copy);
    }
    return v.hash;
}

void journal_begin(struct journal_writer *w, struct buf *out, const struct call_opts *opts, uint64_t now_us)
{
    w->last_us = now_us;
    buf_put(out, "RTJ1", 4);
    struct visit v = {.mode = VISIT_WRITE, .out = out};
    uint32_t version = JOURNAL_VERSION;
    struct str build = STR(RINGTRIP_VERSION);
    visit_u32(&v, &version);
    visit_str(&v, &build);
    visit_u64(&v, &now_us);
    struct call_opts_room room;
    struct call_opts copy = *opts; /* the visitor writes back what it visits */
    call_opts_lend(&copy, &room);
    visit_opts(&v, &copy);
}

void journal_put(struct journal_writer *w, struct buf *out, const struct call_event *ev, uint64_t now_us,
                 const struct call_actions *actions)
{
    uint64_t delta = now_us > w->last_us ? now_us - w->last_us : 0;
    w->last_us = MAX(w->last_us, now_us);
    buf_putc(out, 1);
    struct visit v = {.mode = VISIT_WRITE, .out = out};
    visit_u64(&v, &delta);
    struct call_event copy = *ev;
    visit_event(&v, &copy);
    uint64_t digest = actions_digest(actions);
    uint8_t le[8];
    for (int i = 0; i < 8; i++) {
        le[i] = (uint8_t)(digest >> (8 * i));
    }
    buf_put(out, le, sizeof(le));
}

int journal_open(struct journal_reader *r, struct span file, struct arena *arena, struct call_opts *ret_opts,
                 struct str *ret_build)
{
    if (file.n < 6 || memcmp(file.p, "RTJ1", 4) != 0) {
        return -ERR_CORRUPT;
    }
    struct visit v = {.mode = VISIT_READ, .in = {file.p + 4, file.n - 4}, .arena = arena};
    uint32_t version = 0;
    struct str build = STR_NULL;
    uint64_t start_us = 0;
    struct call_opts_room *room = ARENA_NEW(arena, struct call_opts_room);
    struct call_opts opts;
    if (!room) {
        return -ENOMEM;
    }
    call_opts_init(&opts);
    call_opts_lend(&opts, room);
    visit_u32(&v, &version);
    if (!v.err && version != JOURNAL_VERSION) {
        return -ERR_RANGE;
    }
    visit_str(&v, &build);
    visit_u64(&v, &start_us);
    visit_opts(&v, &opts);
    if (v.err) {
        return v.err == -ENOMEM ? -ENOMEM : -ERR_CORRUPT;
    }
    *r = (struct journal_reader){.rest = v.in, .now_us = start_us};
    *ret_opts = opts;
    *ret_build = build;
    return 0;
}

int journal_next(struct journal_reader *r, struct call_event *ret, uint64_t *ret_now_us, uint64_t *ret_digest)
{
    struct visit v = {.mode = VISIT_READ, .in = r->rest, .item = &r->item};
    if (v.in.n == 0) {
        return 0;
    }
    if (*v.in.p != 1) {
        return -ERR_CORRUPT;
    }
    v.in.p++;
    v.in.n--;
    uint64_t delta = 0;
    struct call_event ev;
    memset(&ev, 0, sizeof(ev));
    visit_u64(&v, &delta);
    visit_event(&v, &ev);
    if (v.err == -ENODATA || (!v.err && v.in.n < 8)) {
        return 0; /* the process died while it wrote this one */
    }
    if (v.err || delta > UINT64_C(86400000000) * 30) {
        return -ERR_CORRUPT;
    }
    uint64_t digest = 0;
    for (int i = 0; i < 8; i++) {
        digest |= (uint64_t)v.in.p[i] << (8 * i);
    }
    r->rest = (struct span){v.in.p + 8, v.in.n - 8};
    r->now_us += delta;
    r->records++;
    *ret = ev;
    *ret_now_us = r->now_us;
    *ret_digest = digest;
    return 1;
}
