#include "gateway/replay.h"

#include "base/err.h"
#include "call/call.h"
#include "call/journal.h"
#include "gateway/mapped.h"

#define OPTS_MAX_BYTES  (4u << 20)
#define PRINT_MAX_BYTES (4u << 20)

struct replay {
    struct journal_reader reader;
    struct arena arena; /* of opts */
    struct call_opts opts;
    struct call *call;
    struct call_actions actions;
    struct buf text;
    struct replay_opts o;
    struct replay_vad vad;
    uint64_t begin_us;
    struct replay_report *report;
};

static void print_lines(struct replay *r)
{
    struct str rest = buf_str(&r->text);
    struct str line;
    while (rest.n > 0 && str_split(&rest, '\n', &line)) {
        char text[4096];
        line.n = MIN(line.n, sizeof(text) - 1); /* for people: the tail of a very long line is left out */
        if (line.n > 0 && str_copy(text, sizeof(text), line) >= 0) {
            r->o.print(text, r->o.arg);
        }
    }
}

static void print_record(struct replay *r, const struct call_event *ev, uint64_t now_us, bool same)
{
    buf_clear(&r->text);
    buf_printf(&r->text, "%s#%llu %llu.%03llu ms  ", same ? "" : "DIFFERS ", (unsigned long long)r->report->records,
               (unsigned long long)((now_us - r->begin_us) / 1000),
               (unsigned long long)((now_us - r->begin_us) % 1000));
    event_print(ev, &r->text);
    buf_putc(&r->text, '\n');
    actions_print(&r->actions, &r->text);
    print_lines(r);
}

static int run_records(struct replay *r)
{
    struct call_event ev;
    uint64_t now_us = 0;
    uint64_t digest = 0;
    int got;
    while ((got = journal_next(&r->reader, &ev, &now_us, &digest)) > 0) {
        if (r->o.vad && ev.type == EV_VAD) {
            replay_vad_answer(&r->vad, ev.vad.chunk, ev.vad.ppm);
        }
        call_step(r->call, &ev, now_us, &r->actions);
        if (r->o.vad) {
            replay_vad_run(&r->vad, &r->actions);
        }
        r->report->records++;
        r->report->actions += r->actions.n;
        bool same = actions_digest(&r->actions) == digest;
        if (!same && r->report->first_diff == 0) {
            r->report->first_diff = r->report->records;
        }
        if (r->o.print) {
            print_record(r, &ev, now_us, same);
        }
    }
    replay_vad_done(&r->vad);
    r->report->torn_tail = got == 0 && r->reader.rest.n > 0;
    return got;
}

static int run_journal(struct replay *r, struct span file)
{
    struct str build;
    int err = journal_open(&r->reader, file, &r->arena, &r->opts, &build);
    if (err < 0) {
        return err;
    }
    r->begin_us = r->reader.now_us;
    replay_vad_init(&r->vad, r->o.vad, &r->opts.vad, &r->report->vad);
    err = call_new(&r->opts, &r->call);
    return err < 0 ? err : run_records(r);
}

int replay_run(const char *file, const struct replay_opts *opts, struct replay_report *ret)
{
    struct replay r = {.o = opts ? *opts : (struct replay_opts){0}, .report = ret};
    struct span bytes;
    int err = mapped_open(file, &bytes);
    if (err < 0) {
        return err;
    }
    *ret = (struct replay_report){0};
    arena_init(&r.arena, OPTS_MAX_BYTES);
    buf_init(&r.text, PRINT_MAX_BYTES);
    call_actions_init(&r.actions);
    err = run_journal(&r, bytes);
    call_free(r.call);
    call_actions_done(&r.actions);
    buf_done(&r.text);
    arena_done(&r.arena);
    mapped_close(bytes);
    return err < 0 ? err : 0;
}
