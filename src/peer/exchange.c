#include "peer/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/err.h"
#include "net/crypto.h"
#include "peer/exchange_impl.h"
#include "peer/phone_url.h"
#include "peer/phone_webhook.h"

#define CALLBACK_MS 5000
#define BODY_MAX    65536u
#define RING_S      60

static const char *const callee_words[] = {
#define X(name, word) [name] = (word),
    EXCHANGE_CALLEE_LIST(X)
#undef X
};

const char *exchange_callee_word(enum exchange_callee_kind kind)
{
    return kind < EXCHANGE_CALLEE_N ? callee_words[kind] : "?";
}

int exchange_callee_parse(struct str word, enum exchange_callee_kind *ret)
{
    for (uint32_t i = 0; i < EXCHANGE_CALLEE_N; i++) {
        if (str_is(word, callee_words[i])) {
            *ret = (enum exchange_callee_kind)i;
            return 0;
        }
    }
    return -EINVAL;
}

/* ---- callbacks ---- */

struct callback {
    struct line *line;
};

static void on_callback_reply(const struct http_reply *reply, void *arg)
{
    struct callback *c = arg;
    struct line *l = c->line;
    l->pending--;
    if (reply->err < 0 || reply->status / 100 != 2) {
        l->e->stats.callbacks_failed++;
    }
    free(c);
}

static int put_headers(const struct exchange *e, struct str url, const struct phone_form *form, struct buf *out)
{
    char signature[PHONE_SIGNATURE_BYTES];
    struct buf named;
    buf_init(&named, EXCHANGE_URL_MAX);
    int err = phone_url_rebase(url, e->o.sign_base, &named);
    err = err < 0 ? err : phone_sign(e->o.auth_token, buf_str(&named), form, signature);
    buf_done(&named);
    buf_puts(out, "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\nUser-Agent: TwilioProxy/1.1\r\n");
    if (err >= 0) {
        buf_printf(out, "X-Twilio-Signature: %s\r\n", signature);
    }
    return err < 0 ? err : out->err;
}

/* Where it really goes: the name in a callback's URL may be none that this machine can reach. */
static int put_delivery(const struct exchange *e, struct str url, struct buf *out)
{
    return phone_url_rebase(url, e->o.deliver_base, out);
}

static void post(struct line *l, struct str url, const struct phone_form *form)
{
    struct exchange *e = l->e;
    struct buf headers, body, target;
    struct callback *c = calloc(1, sizeof(*c));
    buf_init(&headers, BODY_MAX);
    buf_init(&body, BODY_MAX);
    buf_init(&target, EXCHANGE_URL_MAX);
    phone_form_encode(form, &body);
    int err = c ? put_headers(e, url, form, &headers) : -ENOMEM;
    err = err < 0 ? err : put_delivery(e, url, &target);
    err = err < 0 ? err : body.err;
    if (err >= 0) {
        const struct http_call_opts call = {.method = "POST",
                                            .url = buf_str(&target),
                                            .headers = buf_str(&headers),
                                            .body = buf_span(&body),
                                            .deadline_ms = CALLBACK_MS};
        c->line = l;
        e->stats.callbacks++;
        err = http_call(e->o.http, &call, on_callback_reply, c, NULL);
    }
    if (err < 0) {
        e->stats.callbacks_failed++;
        free(c);
    } else {
        l->pending++;
    }
    buf_done(&headers);
    buf_done(&body);
    buf_done(&target);
}

static struct phone_party party_of(const struct line *l)
{
    return (struct phone_party){.account_sid = l->e->o.account_sid,
                                .call_sid = str_from(l->view.sid),
                                .from = str_from(l->view.from),
                                .to = str_from(l->view.to),
                                .called = true};
}

static const char *sip_code(const char *status)
{
    static const struct {
        const char *status, *code;
    } codes[] = {{"completed", "200"}, {"busy", "486"}, {"no-answer", "480"}, {"canceled", "487"}, {"failed", "404"}};
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (str_is(str_from(status), codes[i].status)) {
            return codes[i].code;
        }
    }
    return NULL;
}

static void tell_status(struct line *l, const char *status)
{
    const struct exchange *e = l->e;
    struct phone_form form = {.n = 0};
    struct phone_party who = party_of(l);
    char sequence[16];
    char duration[16];
    const char *code = sip_code(status);
    ignore_result(snprintf(sequence, sizeof(sequence), "%u", l->sequence++) < 0);
    ignore_result(snprintf(duration, sizeof(duration), "%u", l->view.duration_s) < 0);
    if (e->closing || !l->status_url[0] || (e->o.faults & EXCHANGE_NO_CALLBACKS) || l->callee.kind == EXCHANGE_SILENT) {
        return;
    }
    phone_form_call(&form, &who, status);
    phone_form_add(&form, "CallbackSource", STR("call-progress-events"));
    phone_form_add(&form, "SequenceNumber", str_from(sequence));
    if (code) {
        phone_form_add(&form, "CallDuration", str_from(duration));
        phone_form_add(&form, "SipResponseCode", str_from(code));
    }
    if (l->view.answered_by) {
        phone_form_add(&form, "AnsweredBy", str_from(l->view.answered_by));
    }
    post(l, str_from(l->status_url), &form);
    if (e->o.faults & EXCHANGE_TWICE) {
        post(l, str_from(l->status_url), &form);
    }
}

/* ---- a call ---- */

static void finish(struct line *l, const char *status, const struct phone_report *r)
{
    struct exchange *e = l->e;
    if (l->state == LINE_OVER) {
        return;
    }
    l->state = LINE_OVER;
    l->view.status = status;
    e->stats.live--;
    timer_stop(l->timer);
    timer_stop(l->detect);
    tell_status(l, status);
    if (!e->closing && e->h->on_ended) {
        e->h->on_ended(e, &l->view, r, e->arg);
    }
}

static void on_phone_event(struct phone *p UNUSED, const struct phone_event *ev, void *arg)
{
    struct line *l = arg;
    if (!l->e->closing && l->e->h->on_phone_event) {
        l->e->h->on_phone_event(l->e, &l->view, ev, l->e->arg);
    }
}

static void on_phone_closed(struct phone *p UNUSED, const struct phone_report *r, void *arg)
{
    struct line *l = arg;
    l->phone = NULL;
    l->view.duration_s = (uint32_t)((loop_now_us(l->e->loop) - l->answered_us + 999999) / 1000000);
    finish(l, "completed", r);
}

static const struct phone_handler phone_events = {.on_event = on_phone_event, .on_closed = on_phone_closed};

static int open_phone(struct line *l)
{
    struct exchange *e = l->e;
    struct buf url;
    struct buf base;
    buf_init(&url, EXCHANGE_URL_MAX);
    buf_init(&base, EXCHANGE_URL_MAX);
    int err = put_delivery(e, str_from(l->url), &url);
    if (err >= 0 && e->o.deliver_base.n > 0) { /* the media, too */
        buf_puts(&base, "ws");
        buf_put_str(&base, (struct str){e->o.deliver_base.p + 4, e->o.deliver_base.n - 4});
    }
    const struct phone_opts o = {
        .url = buf_str(&url),
        .stream_base = buf_str(&base),
        .sign_base = e->o.sign_base,
        .auth_token = e->o.auth_token,
        .account_sid = e->o.account_sid,
        .call_sid = str_from(l->view.sid),
        .from = str_from(l->view.from),
        .to = str_from(l->view.to),
        .called = true,
        .items = l->callee.items,
        .n_items = l->callee.n_items,
        .hangup = l->callee.hangup,
        .max_ms = l->callee.max_ms,
        .wheel = e->o.wheel,
        .http = e->o.http,
    };
    err = err < 0 ? err : phone_open(e->loop, &o, &phone_events, l, &l->phone);
    buf_done(&url);
    buf_done(&base);
    return err;
}

static const char *verdict_of(const struct line *l)
{
    if (l->callee.answered_by) {
        return l->callee.answered_by;
    }
    return l->callee.kind != EXCHANGE_MACHINE ? "human" : l->end_of_message ? "machine_end_beep" : "machine_start";
}

static void on_detect(void *arg)
{
    struct line *l = arg;
    struct phone_form form = {.n = 0};
    const char *word = verdict_of(l);
    if (l->state != LINE_UP || !word[0]) {
        return;
    }
    l->view.answered_by = word;
    phone_form_add(&form, "AccountSid", l->e->o.account_sid);
    phone_form_add(&form, "AnsweredBy", str_from(word));
    phone_form_add(&form, "CallSid", str_from(l->view.sid));
    phone_form_add(&form, "MachineDetectionDuration", STR("2400"));
    if (l->amd_url[0]) {
        post(l, str_from(l->amd_url), &form);
    }
}

static void answer(struct line *l)
{
    l->state = LINE_UP;
    l->view.status = "in-progress";
    l->answered_us = loop_now_us(l->e->loop);
    l->e->stats.answered++;
    tell_status(l, "in-progress");
    if (l->amd) {
        timer_start(l->detect, (uint64_t)l->callee.detect_ms * 1000, 0);
    }
    if (open_phone(l) < 0) {
        finish(l, "failed", NULL);
    }
}

static void on_rung(struct line *l)
{
    switch (l->callee.kind) {
    case EXCHANGE_HUMAN:
    case EXCHANGE_MACHINE:
        answer(l);
        break;
    case EXCHANGE_BUSY:
        finish(l, "busy", NULL);
        break;
    case EXCHANGE_FAIL:
        finish(l, "failed", NULL);
        break;
    case EXCHANGE_NO_ANSWER:
    case EXCHANGE_SILENT:
    case EXCHANGE_CALLEE_N:
        finish(l, "no-answer", NULL);
        break;
    }
}

/* Queued, then ringing, then what becomes of it. Who does not exist does not ring. */
static void on_timer(void *arg)
{
    struct line *l = arg;
    if (l->state == LINE_RINGING) {
        on_rung(l);
        return;
    }
    bool rings = l->callee.kind != EXCHANGE_FAIL && l->callee.kind != EXCHANGE_BUSY;
    bool waits = l->callee.kind == EXCHANGE_NO_ANSWER || l->callee.kind == EXCHANGE_SILENT;
    uint32_t limit_ms = l->ring_s * 1000;
    uint32_t ring_ms = waits && l->callee.ring_ms == 0 ? limit_ms : MIN(l->callee.ring_ms, limit_ms);
    l->state = LINE_RINGING;
    tell_status(l, "initiated");
    if (rings) {
        l->view.status = "ringing";
        tell_status(l, "ringing");
    }
    timer_start(l->timer, (uint64_t)ring_ms * 1000, 0);
}

void exchange_line_begin(struct line *l, bool at_once)
{
    if (at_once) {
        on_timer(l);
    } else {
        timer_start(l->timer, 0, 0);
    }
}

void exchange_line_end(struct line *l)
{
    l->view.asked_to_end = true;
    if (l->phone) {
        phone_hang_up(l->phone, "the account ended the call");
    } else {
        finish(l, "canceled", NULL);
    }
}

struct line *exchange_line(struct exchange *e, struct str sid)
{
    struct line *l = e->lines;
    while (l && !str_is(sid, l->view.sid)) {
        l = l->next;
    }
    return l;
}

static char *keep(struct exchange *e, struct str s)
{
    struct str kept = arena_str(&e->arena, s.p ? s : STR(""));
    if (!kept.p) {
        return NULL;
    }
    char *text = arena_alloc(&e->arena, kept.n + 1);
    if (text) {
        memcpy(text, kept.n ? kept.p : "", kept.n);
        text[kept.n] = '\0';
    }
    return text;
}

static int fill_line(struct line *l, const struct form *f)
{
    struct exchange *e = l->e;
    uint8_t raw[16];
    char hex[33];
    int64_t ring_s = RING_S;
    crypto_random(raw, sizeof(raw));
    crypto_hex(span_from(raw, sizeof(raw)), hex);
    ignore_result(snprintf(l->view.sid, sizeof(l->view.sid), "CA%s", hex) < 0);
    l->view.status = "queued";
    l->created_wall_us = (uint64_t)clock_wall_us();
    l->url = keep(e, form_get(f, "Url"));
    l->status_url = keep(e, form_get(f, "StatusCallback"));
    l->amd_url = keep(e, form_get(f, "AsyncAmdStatusCallback"));
    l->amd = form_has(f, "MachineDetection");
    l->end_of_message = l->amd && str_is(form_get(f, "MachineDetection"), "DetectMessageEnd");
    ignore_result(form_has(f, "Timeout") && str_to_i64(form_get(f, "Timeout"), &ring_s) < 0); /* checked before */
    l->ring_s = (uint32_t)ring_s;
    int err = l->url && l->status_url && l->amd_url ? 0 : -ENOMEM;
    err = err < 0 ? err : str_copy(l->view.to, sizeof(l->view.to), form_get(f, "To"));
    err = err < 0 ? err : str_copy(l->view.from, sizeof(l->view.from), form_get(f, "From"));
    err = err < 0 ? err : timer_new(e->loop, on_timer, l, &l->timer);
    return err < 0 ? err : timer_new(e->loop, on_detect, l, &l->detect);
}

static void line_free(struct line *l)
{
    timer_free(l->timer);
    timer_free(l->detect);
    free(l);
}

struct line *exchange_line_new(struct exchange *e, const struct form *f)
{
    struct line *l = e->stats.calls < EXCHANGE_CALLS_MAX ? calloc(1, sizeof(*l)) : NULL;
    if (!l) {
        return NULL;
    }
    l->e = e;
    if (fill_line(l, f) < 0) {
        line_free(l);
        return NULL;
    }
    l->callee = (struct exchange_callee){.kind = EXCHANGE_HUMAN, .hangup = {.kind = PHONE_WHEN_AGENT_STOPS, .ms = 700}};
    e->h->on_dial(e, &l->view, &l->callee, e->arg);
    l->next = e->lines;
    e->lines = l;
    e->stats.calls++;
    e->stats.live++;
    return l;
}

/* ---- life ---- */

static int copy_texts(struct exchange *e)
{
    struct str *const texts[] = {&e->o.account_sid, &e->o.auth_token, &e->o.numbers, &e->o.sign_base,
                                 &e->o.deliver_base};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = texts[i]->n ? arena_str(&e->arena, *texts[i]) : STR("");
        if (!texts[i]->p) {
            return -ENOMEM;
        }
    }
    return 0;
}

/* They have waited long enough: the account goes away. */
static void end_mute(struct exchange *e)
{
    while (e->n_mute > 0) {
        http_respond(e->mute[--e->n_mute], 503, STR("text/plain"), STR_NULL, span_of_str(STR("gone\n")));
    }
}

int exchange_open(struct loop *loop, const struct exchange_opts *opts, const struct exchange_handler *h, void *arg,
                  struct exchange **ret)
{
    struct exchange *e = calloc(1, sizeof(*e));
    if (!e) {
        return -ENOMEM;
    }
    e->loop = loop;
    e->o = *opts;
    e->h = h;
    e->arg = arg;
    arena_init(&e->arena, 64u << 20);
    const struct http_server_opts server = {.host = opts->listen_host ? opts->listen_host : "127.0.0.1",
                                            .port = opts->port};
    int err = copy_texts(e);
    err = err < 0 ? err : http_server_open(loop, &server, &exchange_rest, e, &e->server);
    if (err < 0) {
        exchange_free(e);
        return err;
    }
    *ret = e;
    return 0;
}

void exchange_stop(struct exchange *e)
{
    e->closing = true;
    end_mute(e);
    e->server = http_server_free(e->server);
    for (struct line *l = e->lines; l; l = l->next) {
        timer_stop(l->timer);
        timer_stop(l->detect);
        if (l->phone) {
            phone_close(l->phone);
        }
    }
}

bool exchange_idle(const struct exchange *e)
{
    for (const struct line *l = e->lines; l; l = l->next) {
        if (l->phone || l->pending > 0) {
            return false;
        }
    }
    return true;
}

struct exchange *exchange_free(struct exchange *e)
{
    if (!e) {
        return NULL;
    }
    end_mute(e);
    http_server_free(e->server);
    while (e->lines) {
        struct line *l = e->lines;
        e->lines = l->next;
        line_free(l);
    }
    arena_done(&e->arena);
    free(e);
    return NULL;
}

uint16_t exchange_port(const struct exchange *e)
{
    return http_server_port(e->server);
}

void exchange_deliver(struct exchange *e, const char *base)
{
    e->o.deliver_base = arena_str(&e->arena, str_from(base));
}

void exchange_set_faults(struct exchange *e, uint32_t faults)
{
    e->o.faults = faults;
}

void exchange_refuse(struct exchange *e, int status, uint32_t times)
{
    e->o.refuse_status = status;
    e->o.refuse_times = times;
}

void exchange_stats(const struct exchange *e, struct exchange_stats *ret)
{
    *ret = e->stats;
}
