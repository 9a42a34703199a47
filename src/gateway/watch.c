#include "gateway/watch.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/host_impl.h"
#include "gateway/session_json.h"

#define QUEUE_MAX_BYTES  ((size_t)512 << 10)
#define MASKED_MAX_BYTES ((size_t)128 << 10)
#define EVENT_MAX_BYTES  ((size_t)2 << 20) /* one event; the history in front is the largest */

struct watcher {
    struct watcher *next;
    struct host *host;
    struct http_exchange *x;
    struct watch_opts o;
    uint64_t sent, seq;
};

static void take_out(struct watcher *w)
{
    struct watcher **at = &w->host->watchers;
    while (*at && *at != w) {
        at = &(*at)->next;
    }
    if (*at) {
        *at = w->next;
        w->host->n_watchers--;
        metrics_set(w->host->worker->env.metrics, METRIC_WATCHERS, --w->host->worker->watchers);
    }
}

static void let_go(struct watcher *w)
{
    take_out(w);
    http_stream_end(w->x);
    free(w);
}

static void on_gone(struct http_exchange *x UNUSED, void *arg)
{
    let_go(arg);
}

static struct session_json settings(const struct watcher *w)
{
    const struct host *h = w->host;
    uint64_t now_us = loop_now_us(h->worker->env.loop);
    return (struct session_json){
        .opts = &h->opts,
        .seq = w->seq,
        .at_ms = (int64_t)((now_us - h->facts.begun_us) / 1000),
        .usage = &h->facts.usage,
        .audio = w->o.audio,
        .mask = h->snapshot->mask,
    };
}

static void put_frame(struct buf *out, const struct watcher *w, const char *type, const struct buf *json)
{
    const char *alias = w->o.alias ? session_json_alias(type) : NULL;
    buf_printf(out, "id: %llu\nevent: %s\ndata: ", (unsigned long long)w->seq, alias ? alias : type);
    buf_put_str(out, buf_str(json));
    buf_puts(out, "\n\n");
}

/* False: the watcher is gone. */
static bool send_event(struct watcher *w, const char *type, const struct buf *json)
{
    struct buf out;
    buf_init(&out, EVENT_MAX_BYTES);
    put_frame(&out, w, type, json);
    int err = json->err < 0 ? json->err : out.err;
    if (err == 0) {
        w->seq++;
        w->sent += out.len;
        err = http_stream_write(w->x, buf_span(&out));
    }
    buf_done(&out);
    if (err < 0 && w->host) {
        let_go(w);
    }
    return err == 0;
}

/* One that does not read is told so, behind what waits for it. */
static void drop_slow(struct watcher *w)
{
    struct buf json;
    buf_init(&json, 256);
    buf_puts(&json, "{\"type\":\"dropped\",\"reason\":\"slow_reader\"}");
    log_warn(&w->host->log, "watch.dropped", "queued_bytes=%zu sent_bytes=%llu", http_stream_queued(w->x),
             (unsigned long long)w->sent);
    metrics_add(w->host->worker->env.metrics, METRIC_WATCHERS_DROPPED, 1);
    if (send_event(w, "dropped", &json)) {
        let_go(w);
    }
    buf_done(&json);
}

typedef bool (*put_fn)(struct buf *out, const struct session_json *s, const void *what, const char **ret_type);

/* A watcher may go while it is told: the next one is looked up before. */
static void tell_all(struct host *h, bool raw, put_fn put, const void *what)
{
    struct watcher *next;
    for (struct watcher *w = h->watchers; w; w = next) {
        const char *type = "";
        next = w->next;
        if (raw && !w->o.raw) {
            continue;
        }
        struct buf json;
        buf_init(&json, EVENT_MAX_BYTES);
        struct session_json s = settings(w);
        if (put(&json, &s, what, &type) && send_event(w, type, &json) && http_stream_queued(w->x) > QUEUE_MAX_BYTES) {
            drop_slow(w);
        }
        buf_done(&json);
    }
}

static bool put_tap(struct buf *out, const struct session_json *s, const void *what, const char **ret_type)
{
    return session_json_put(out, s, what, ret_type);
}

static bool put_raw(struct buf *out, const struct session_json *s, const void *what, const char **ret_type)
{
    *ret_type = "raw_model_event";
    return session_json_put_raw(out, s, what);
}

/* The item whose words come, piece by piece, masked: what waits of one is told before anything of the next. */
static void tell_words(struct host *h, const struct call_signal *sig, struct str piece, bool final)
{
    struct call_action act = {.type = ACT_SIGNAL, .signal = *sig};
    struct buf out;
    buf_init(&out, MASKED_MAX_BYTES);
    guard_mask_more(h->snapshot->mask, &h->said, piece, final, &out);
    act.signal.kind = SIGNAL_TEXT;
    act.signal.item_id = str_from(h->said_item);
    act.signal.text = out.err < 0 ? STR("***") : buf_str(&out);
    if (act.signal.text.n > 0) {
        tell_all(h, false, put_tap, &(struct tap_event){.kind = TAP_SIGNAL, .call_id = h->call_id, .action = &act});
    }
    buf_done(&out);
}

static bool tell_masked(struct host *h, const struct call_signal *sig)
{
    bool ends = sig->kind == SIGNAL_TEXT_END || sig->kind == SIGNAL_AGENT_END;
    bool other = sig->kind == SIGNAL_TEXT && !str_is(sig->item_id, h->said_item);
    if (h->said.text.len > 0 && (ends || other)) {
        tell_words(h, sig, STR(""), true);
    }
    if (sig->kind != SIGNAL_TEXT) {
        return false;
    }
    if (other) {
        mask_stream_done(&h->said);
        mask_stream_init(&h->said);
        h->said_item[0] = '\0';
        ignore_result(str_copy(h->said_item, sizeof(h->said_item), sig->item_id)); /* ids of the core fit */
    }
    tell_words(h, sig, sig->text, false);
    return true;
}

void watch_tell(struct host *h, const struct tap_event *e)
{
    if (h->snapshot->mask && e->kind == TAP_SIGNAL && e->action->type == ACT_SIGNAL &&
        tell_masked(h, &e->action->signal)) {
        return;
    }
    tell_all(h, false, put_tap, e);
}

void watch_tell_raw(struct host *h, const struct call_event *ev)
{
    tell_all(h, true, put_raw, ev);
}

void watch_end_all(struct host *h)
{
    while (h->watchers) {
        let_go(h->watchers);
    }
}

/* How things are when somebody begins to watch. */
static void put_session(struct buf *out, const struct watcher *w)
{
    const struct host *h = w->host;
    struct session_json s = settings(w);
    struct call_view view;
    call_view(h->call, &view);
    struct json_w j = json_w(out);
    json_w_open(&j);
    json_w_kz(&j, "type", "session");
    json_w_ki64(&j, "seq", 0);
    json_w_ki64(&j, "at_ms", s.at_ms);
    json_w_kz(&j, "call_id", h->call_id);
    json_w_kz(&j, "phase", call_phase_name(view.phase));
    json_w_kstr(&j, "agent", call_opts_name(&h->opts, view.agent));
    json_w_key(&j, "history");
    session_json_history(&j, &s, call_history(h->call));
    json_w_close(&j);
}

int watch_begin(struct host *h, struct http_exchange *x, const struct watch_opts *opts)
{
    if (h->state != HOST_LIVE) {
        return -ERR_STATE;
    }
    struct watcher *w = h->n_watchers < WATCHERS_MAX ? calloc(1, sizeof(*w)) : NULL;
    if (!w) {
        return h->n_watchers < WATCHERS_MAX ? -ENOMEM : -ERR_LIMIT;
    }
    struct str headers = STR("Cache-Control: no-cache\r\nX-Accel-Buffering: no\r\n");
    if (http_stream_begin(x, 200, STR("text/event-stream"), headers, on_gone, w) < 0) {
        free(w);
        return 0; /* the exchange is gone, and so is who asked */
    }
    *w = (struct watcher){.next = h->watchers, .host = h, .x = x, .o = *opts};
    h->watchers = w;
    h->n_watchers++;
    metrics_set(h->worker->env.metrics, METRIC_WATCHERS, ++h->worker->watchers);
    struct buf json;
    buf_init(&json, EVENT_MAX_BYTES);
    put_session(&json, w);
    ignore_result(send_event(w, "session", &json));
    buf_done(&json);
    return 0;
}

static bool read_flag(struct str value, bool *ret)
{
    *ret = str_is(value, "1") || str_is(value, "true");
    return *ret || str_is(value, "0") || str_is(value, "false");
}

int watch_opts_read(struct str query, struct watch_opts *ret)
{
    struct str pair;
    *ret = (struct watch_opts){0};
    while (query.n > 0 && str_split(&query, '&', &pair)) {
        size_t eq = str_find(pair, '=');
        struct str name = {pair.p, eq};
        struct str value = eq < pair.n ? (struct str){pair.p + eq + 1, pair.n - eq - 1} : STR("1");
        bool known = str_is(name, "raw")     ? read_flag(value, &ret->raw)
                     : str_is(name, "audio") ? read_flag(value, &ret->audio)
                     : str_is(name, "names") ? str_is(value, "alias") || str_is(value, "canonical")
                                             : false;
        if (!known) {
            return -EINVAL;
        }
        ret->alias = ret->alias || str_is(value, "alias");
    }
    return 0;
}
