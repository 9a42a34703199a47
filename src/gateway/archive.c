#include "gateway/archive.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "api/api_record.h"
#include "audio/line.h"
#include "base/err.h"
#include "base/log.h"
#include "gateway/records.h"
#include "gateway/spool.h"
#include "gateway/store_choice.h"
#include "gateway/trace_tree.h"

#define MAX_ARENA_BYTES (64u << 20)
#define PARTY_WIDTH     21

struct archive {
    struct config *cfg;
    const struct store_ops *ops;
    struct store *store;
    struct arena arena;
};

int archive_open(const struct config_source *source, struct buf *err, struct archive **ret)
{
    struct archive *a = calloc(1, sizeof(*a));
    if (!a) {
        return -ENOMEM;
    }
    arena_init(&a->arena, MAX_ARENA_BYTES);
    int e = config_load(source, err, &a->cfg);
    e = e < 0 ? e : store_choice_open(a->cfg, STORE_CHOICE_GUEST, err, &a->ops, &a->store);
    if (e < 0) {
        archive_close(a);
        return e;
    }
    *ret = a;
    return 0;
}

struct archive *archive_close(struct archive *a)
{
    if (a) {
        if (a->store) {
            a->ops->close(a->store);
        }
        arena_done(&a->arena);
        config_unref(a->cfg);
        free(a);
    }
    return NULL;
}

static void put_time(struct buf *out, uint64_t wall_us)
{
    char text[32] = "-";
    struct tm tm;
    time_t seconds = (time_t)(wall_us / 1000000);
    if (wall_us > 0 && gmtime_r(&seconds, &tm)) {
        ignore_result(strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm) == 0); /* it fits */
    }
    buf_printf(out, "%-19s", text);
}

/* What callers, carriers and models wrote, without what moves a terminal's cursor: C0, DEL, and C1 as UTF-8. */
static void put_plain(struct buf *out, struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        bool c1 = ch == 0xC2 && i + 1 < s.n && (unsigned char)s.p[i + 1] < 0xA0;
        i += c1;
        buf_putc(out, c1 || ch < 0x20 || ch == 0x7F ? ' ' : (char)ch);
    }
}

/* Whoever is at the other end. */
static void put_party(struct buf *out, const struct store_call *c)
{
    bool ours = c->direction == STORE_OUTBOUND;
    size_t at = out->len;
    buf_puts(out, ours ? "to   " : "from ");
    put_plain(out, ours ? c->called : c->caller);
    while (out->len - at < PARTY_WIDTH && out->err >= 0) {
        buf_putc(out, ' ');
    }
}

static void put_row(struct buf *out, const struct store_call *c)
{
    buf_printf(out, "%-36.*s  ", STR_ARG(c->id));
    put_time(out, c->started_us);
    buf_printf(out, "  %-11s  ", store_status_word(c->status));
    put_party(out, c);
    buf_printf(out, "  %7.1f  %5u  %s\n", (double)c->duration_ms / 1000.0, c->turn_count,
               c->reason == REASON_NONE ? "" : call_reason_name(c->reason));
}

int archive_list(struct archive *a, const struct store_filter *f, enum archive_form form, struct buf *out)
{
    struct store_page page = {0};
    int err = a->ops->call_list(a->store, f, &a->arena, &page);
    if (err < 0) {
        return err;
    }
    if (form == ARCHIVE_TEXT) {
        buf_printf(out, "%-36s  %-19s  %-11s  %-*s  %7s  %5s  %s\n", "CALL", "STARTED (UTC)", "STATUS", PARTY_WIDTH,
                   "WITH", "SECONDS", "TURNS", "REASON");
        for (uint32_t i = 0; i < page.n; i++) {
            put_row(out, &page.calls[i]);
        }
        return out->err;
    }
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_ki64(&w, "total", (int64_t)page.total);
    json_w_key(&w, "calls");
    json_w_array(&w);
    for (uint32_t i = 0; i < page.n; i++) {
        api_json_record(&w, &(struct api_record){.call = &page.calls[i]}, false);
    }
    json_w_end(&w);
    json_w_close(&w);
    return out->err;
}

/* By our id or the carrier's. */
static int get(struct archive *a, struct str id, struct store_call *ret)
{
    int err = a->ops->call_get(a->store, id, &a->arena, ret);
    if (err == -ENOENT && a->ops->call_find(a->store, id, &a->arena, &id) >= 0) {
        err = a->ops->call_get(a->store, id, &a->arena, ret);
    }
    return err;
}

static void put_oddities(struct buf *out, const struct call_line *l)
{
    const struct {
        uint32_t n;
        const char *what;
    } odd[] = {{l->gaps, "gaps"},
               {l->gap_ms, "ms missing"},
               {l->late, "frames late"},
               {l->doubled, "frames doubled"},
               {l->stalls, "stalls"},
               {l->stall_ms, "ms of stalls"},
               {l->odd_frames, "frames of odd size"},
               {l->clipped_ms, "ms clipped"},
               {l->zero_ms, "ms of zeros"},
               {l->linear_ms, "ms of linear samples"},
               {l->rate_hz, "Hz by the clock"}};
    const char *before = "line       ";
    for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
        if (odd[i].n > 0) {
            buf_printf(out, "%s%u %s", before, odd[i].n, odd[i].what);
            before = ", ";
        }
    }
    if (abs(l->dc_offset) >= LINE_DC_FINDING) {
        buf_printf(out, "%san offset of %d", before, l->dc_offset);
        before = ", ";
    }
    if (before[0] == ',') {
        buf_putc(out, '\n');
    }
}

static void put_field(struct buf *out, const char *name, struct str value)
{
    if (value.n > 0) {
        buf_printf(out, "%-11s", name);
        put_plain(out, value);
        buf_putc(out, '\n');
    }
}

/* A call that we made: what for, and what became of it. */
static void put_dial(struct buf *out, const struct store_dial *d)
{
    put_field(out, "campaign", d->campaign);
    put_field(out, "because", d->opening_reason);
    put_field(out, "objective", d->objective);
    put_field(out, "context", d->context);
    put_field(out, "answerer", d->answered_by);
    put_field(out, "cause", d->cause);
    put_field(out, "detail", d->detail);
}

/* Only what is worth telling: a clean line is no line of text. */
static void put_quality(struct buf *out, const struct store_call *c)
{
    const struct call_line *l = &c->line;
    if (l->echo) {
        buf_printf(out, "echo       %u.%u dB below the agent, %u ms later\n", l->echo_loss_cb / 10,
                   l->echo_loss_cb % 10, l->echo_delay_ms);
    }
    if (l->gate_closures > 0) {
        buf_printf(out, "echo guard closed %u times, %u.%u s in all\n", l->gate_closures, l->gated_ms / 1000,
                   l->gated_ms / 100 % 10);
    }
    put_oddities(out, l);
}

static void put_turn(struct buf *out, const struct call_turn *t)
{
    bool answered = t->number > 0 && t->speech_stop_ms >= 0 && t->first_sent_ms >= t->speech_stop_ms;
    if (!answered && !t->interrupted && t->pauses == 0) {
        return;
    }
    buf_printf(out, "turn %u", t->number);
    const char *glue = " ";
    if (answered) {
        buf_printf(out, "%sanswered after %d ms", glue, t->first_sent_ms - t->speech_stop_ms);
        glue = ", ";
    }
    if (answered && t->end_silence_ms > 0) {
        buf_printf(out, "%s%u ms of them silence counted", glue, t->end_silence_ms);
    }
    if (t->interrupted) {
        buf_printf(out, "%sinterrupted%s%s", glue, t->verdict == VERDICT_NONE ? "" : " by ",
                   t->verdict == VERDICT_NONE ? "" : call_verdict_name(t->verdict));
        glue = ", ";
    }
    if (t->pauses > 0) {
        char words[CALL_VERDICTS_MAX];
        struct str reasons = call_verdicts_words(t->paused_for, words);
        buf_printf(out, "%spaused %u %s for nothing, %u ms in all", glue, t->pauses, t->pauses == 1 ? "time" : "times",
                   t->paused_ms);
        if (reasons.n > 0) { /* not in records from before they were kept */
            buf_printf(out, " (" STR_FMT ")", STR_ARG(reasons));
        }
    }
    buf_putc(out, '\n');
}

static void put_text(struct buf *out, const struct api_record *r)
{
    const struct store_call *c = r->call;
    buf_printf(out, "call       " STR_FMT "\ncarrier    " STR_FMT " ", STR_ARG(c->id), STR_ARG(c->carrier));
    put_plain(out, c->carrier_call_id);
    buf_puts(out, "\nfrom       ");
    put_plain(out, c->caller);
    buf_puts(out, " to ");
    put_plain(out, c->called);
    buf_puts(out, c->direction == STORE_OUTBOUND ? ", by us\n" : "\n");
    buf_puts(out, "started    ");
    put_time(out, c->started_us);
    buf_printf(out, " UTC\nlength     %.1f s\nstatus     %s%s%s\n", (double)c->duration_ms / 1000.0,
               store_status_word(c->status), c->reason == REASON_NONE ? "" : ", ",
               c->reason == REASON_NONE ? "" : call_reason_text(c->reason));
    buf_printf(out, "model      " STR_FMT " by " STR_FMT ", %llu tokens\n", STR_ARG(c->model), STR_ARG(c->provider),
               (unsigned long long)cost_usage_total(&c->usage));
    if (c->cost_micro != STORE_NO_COST) {
        buf_printf(out, "cost       %.4f\n", (double)c->cost_micro / 1e6);
    }
    put_field(out, "outcome", c->outcome);
    put_field(out, "confirmed", c->confirmation);
    if (r->dial) {
        put_dial(out, r->dial);
    }
    put_quality(out, c);
    buf_printf(out, "recording  " STR_FMT "\njournal    " STR_FMT "\n", STR_ARG(c->recording), STR_ARG(c->journal));
    struct str speaks = c->agent;
    for (uint32_t i = 0; i < r->n_lines; i++) {
        const struct store_line *l = &r->lines[i];
        if (l->agent.n > 0 && !str_eq(l->agent, speaks)) { /* as a chat tells it */
            speaks = l->agent;
            buf_printf(out, "            [now with " STR_FMT "]\n", STR_ARG(speaks));
        }
        buf_printf(out, "%8.2f s  %-6s  ", (double)l->at_ms / 1000.0, call_party_name(l->who));
        put_plain(out, l->text);
        if (l->unheard.n > 0) {
            buf_puts(out, " [not heard: ");
            put_plain(out, l->unheard);
            buf_putc(out, ']');
        }
        buf_putc(out, '\n');
    }
    for (uint32_t i = 0; i < r->n_turns; i++) {
        put_turn(out, &r->turns[i].t);
    }
}

int archive_show(struct archive *a, struct str id, enum archive_form form, struct buf *out)
{
    struct api_record_room room = {0};
    struct api_record r = {0};
    int err = get(a, id, &room.call);
    err = err < 0 ? err : api_record_read(a->ops, a->store, &a->arena, &room, &r);
    if (err < 0) {
        return err;
    }
    if (form == ARCHIVE_TEXT) {
        put_text(out, &r);
    } else {
        struct json_w w = json_w(out);
        api_json_record(&w, &r, true);
    }
    return out->err;
}

int archive_trace(struct archive *a, struct str id, enum archive_form form, struct buf *out)
{
    struct store_call call;
    struct store_span *spans = NULL;
    uint32_t n = 0;
    int err = get(a, id, &call);
    if (err >= 0) {
        err = a->ops->span_list(a->store, call.id, &a->arena, &spans, &n);
    }
    if (err < 0) {
        return err;
    }
    if (form == ARCHIVE_JSON) {
        struct json_w w = json_w(out);
        api_json_trace(&w, call.id, spans, n);
        return out->err;
    }
    if (n == 0) {
        buf_puts(out, "no trace was kept of this call (tracing.enabled, tracing.local)\n");
        return out->err;
    }
    return trace_tree_print(spans, n, out);
}

int archive_delete(struct archive *a, struct str id)
{
    struct store_call call;
    struct store_paths paths = {0};
    int err = get(a, id, &call);
    if (err >= 0 && call.reason == REASON_NONE) {
        return -EBUSY;
    }
    if (err >= 0) {
        err = a->ops->call_delete(a->store, call.id, &a->arena, &paths);
    }
    char spool[RECORDS_PATH_MAX];
    int forgotten = err < 0 ? err : spool_path(a->cfg->records.dir, spool, sizeof(spool));
    if (forgotten >= 0) {
        forgotten = spool_forget(spool, call.id);
    }
    for (uint32_t i = 0; err >= 0 && i < paths.n; i++) {
        if (unlink(paths.paths[i].p) < 0 && errno != ENOENT) {
            return -errno; /* the row is gone; the caller names the file's trouble */
        }
    }
    return MIN(forgotten, 0);
}

/* ---- callbacks ---- */

static void put_callback(struct buf *out, const struct store_callback *c)
{
    buf_printf(out, "%-9.*s  ", STR_ARG(c->id));
    put_time(out, c->created_us);
    buf_printf(out, "  %-6s  %-16.*s  ", c->closed_us ? "closed" : "open", STR_ARG(c->phone));
    put_plain(out, c->department);
    buf_puts(out, ": ");
    put_plain(out, c->reason);
    buf_puts(out, " (");
    put_plain(out, c->scheduled);
    buf_puts(out, c->note.n ? "), " : ")");
    put_plain(out, c->note);
    buf_putc(out, '\n');
}

int archive_callbacks(struct archive *a, const struct store_callback_filter *f, enum archive_form form, struct buf *out)
{
    struct store_callbacks page;
    int err = a->ops->callback_list(a->store, f, &a->arena, &page);
    if (err < 0) {
        return err;
    }
    if (form == ARCHIVE_JSON) {
        struct json_w w = json_w(out);
        api_json_callbacks(&w, &page);
        return out->err;
    }
    for (uint32_t i = 0; i < page.n; i++) {
        put_callback(out, &page.list[i]);
    }
    buf_printf(out, "%u of %llu\n", page.n, (unsigned long long)page.total);
    return out->err;
}

int archive_callback_close(struct archive *a, struct str id, struct str note, enum archive_form form, struct buf *out)
{
    struct store_callback c = {.id = id, .note = note};
    const struct store_op op = {.kind = STORE_CALLBACK_CLOSE, .at_us = (uint64_t)clock_wall_us(), .u.callback = &c};
    int err = a->ops->write(a->store, &op, 1, NULL);
    if (err >= 0) {
        err = a->ops->callback_get(a->store, id, &a->arena, &c);
    }
    if (err < 0) {
        return err;
    }
    if (form == ARCHIVE_JSON) {
        struct json_w w = json_w(out);
        api_json_callback(&w, &c);
    } else {
        put_callback(out, &c);
    }
    return out->err;
}
