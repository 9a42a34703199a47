#include "peer/exchange/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/err.h"
#include "net/crypto.h"
#include "peer/exchange/exchange_impl.h"
#include "peer/phone/phone_url.h"
#include "peer/phone/phone_webhook.h"

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
    int i = str_index(word, callee_words, EXCHANGE_CALLEE_N);
    if (i >= 0) {
        *ret = (enum exchange_callee_kind)i;
    }
    return MIN(i, 0);
}

/* ---- what is told ---- */

struct phone_party exchange_party(const struct line *l)
{
    return (struct phone_party){.account_sid = l->e->o.account_sid,
                                .call_sid = str_from(l->view.sid),
                                .request_id = str_from(l->view.request_id),
                                .from = str_from(l->view.from),
                                .to = str_from(l->view.to),
                                .called = true};
}

/* Nothing is told once the account goes away, nor of a call that is to be silent. */
static void tell_status(struct line *l, const char *status)
{
    const struct exchange *e = l->e;
    uint32_t sequence = l->sequence++;
    if (e->closing || (e->o.faults & EXCHANGE_NO_CALLBACKS) || l->callee.kind == EXCHANGE_SILENT) {
        return;
    }
    for (int i = 0; i < (e->o.faults & EXCHANGE_TWICE ? 2 : 1); i++) {
        e->vendor->tell(l, status, sequence);
    }
}

/* ---- a call ---- */

/* The one who asked for the call has waited for its beginning. */
static void settle(struct line *l)
{
    struct http_exchange *x = l->owed;
    if (x) {
        l->owed = NULL;
        l->e->vendor->answer_dial(l->e, x, l);
    }
}

static void finish(struct line *l, const char *status, const struct phone_report *r)
{
    struct exchange *e = l->e;
    if (l->state == LINE_OVER) {
        return;
    }
    l->state = LINE_OVER;
    l->view.status = status;
    e->stats.live--;
    settle(l);
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
    l->by_callee = r->hangup == PHONE_SIDE_CALLER && !l->view.asked_to_end;
    l->view.duration_s = (uint32_t)((loop_now_us(l->e->loop) - l->answered_us + 999999) / 1000000);
    finish(l, "completed", r);
}

static const struct phone_handler phone_events = {.on_event = on_phone_event, .on_closed = on_phone_closed};

static bool is_machine(const struct line *l)
{
    return l->view.answered_by && str_starts(str_from(l->view.answered_by), STR("machine"));
}

/* What signatures name: the address as the gateway gave it, wherever the request is really delivered. */
static struct str signed_base(const struct line *l)
{
    struct phone_url u;
    if (l->e->o.sign_base.n > 0 || phone_url_parse(str_from(l->url), &u) < 0) {
        return l->e->o.sign_base;
    }
    return u.base;
}

/* An address of this machine that nobody listens at. */
#define NOWHERE "http://127.0.0.1:9"

static int put_answer_url(const struct line *l, struct buf *out)
{
    bool unheard = (l->e->o.faults & EXCHANGE_UNHEARD) != 0;
    return unheard ? phone_url_rebase(str_from(l->url), STR(NOWHERE), out)
                   : exchange_put_delivery(l->e, str_from(l->url), out);
}

static int open_phone(struct line *l)
{
    struct exchange *e = l->e;
    struct buf url;
    struct buf fallback;
    struct buf base;
    buf_init(&url, EXCHANGE_URL_MAX);
    buf_init(&fallback, EXCHANGE_URL_MAX);
    buf_init(&base, EXCHANGE_URL_MAX);
    int err = l->incoming[0] ? 0 : put_answer_url(l, &url);
    if (err >= 0 && l->fallback_url[0] && !l->incoming[0]) {
        err = exchange_put_delivery(e, str_from(l->fallback_url), &fallback);
    }
    if (err >= 0 && e->o.deliver_base.n > 0) { /* the media, too */
        buf_puts(&base, "ws");
        buf_put_str(&base, (struct str){e->o.deliver_base.p + 4, e->o.deliver_base.n - 4});
    }
    uint32_t max_ms = l->callee.max_ms;
    struct phone_opts o = {
        .as = e->vendor->phone,
        .variants = e->o.variants,
        .url = buf_str(&url),
        .fallback_url = buf_str(&fallback),
        .stream_base = buf_str(&base),
        .sign_base = signed_base(l),
        .auth_token = e->o.auth_token,
        .account_sid = e->o.account_sid,
        .call_sid = str_from(l->view.sid),
        .request_id = str_from(l->view.request_id),
        .machine = !l->amd_before  ? STR("")
                   : is_machine(l) ? STR("true")
                                   : STR("false"),
        .from = str_from(l->view.from),
        .to = str_from(l->view.to),
        .called = true,
        .items = l->callee.items,
        .n_items = l->callee.n_items,
        .hangup = l->callee.hangup,
        .prompt_keys = l->callee.keys,
        .prompt_wait_ms = l->callee.key_wait_ms,
        .press_ms = l->callee.press_ms,
        .max_ms = l->max_ms && (!max_ms || l->max_ms < max_ms) ? l->max_ms : max_ms,
        .wheel = e->o.wheel,
        .http = e->o.http,
    };
    if (err >= 0 && l->incoming[0]) {
        err = exchange_incoming_open(l, &o, &url);
    }
    err = err < 0 ? err : phone_open(e->loop, &o, &phone_events, l, &l->phone);
    buf_done(&url);
    buf_done(&fallback);
    buf_done(&base);
    return err;
}

/* A copy of the question for a document, as a network that repeats itself delivers it; nobody reads the answer. */
static void ask_again(struct line *l)
{
    struct phone_form form = {.n = 0};
    struct phone_party who = exchange_party(l);
    if ((l->e->o.faults & EXCHANGE_ASK_TWICE) && !l->incoming[0]) {
        l->e->vendor->phone->call_form(&form, &who, "in-progress");
        exchange_post(l, str_from(l->url), &form);
    }
}

/* The callee has the receiver at the ear: the answer URL is asked. */
static void talk(struct line *l)
{
    if (open_phone(l) < 0) {
        finish(l, "failed", NULL);
        return;
    }
    if (l->incoming[0]) {
        exchange_incoming_begin(l);
    }
    ask_again(l);
    settle(l);
}

static const char *verdict_of(const struct line *l)
{
    if (l->callee.answered_by) {
        return l->callee.answered_by;
    }
    return l->callee.kind != EXCHANGE_MACHINE ? "human" : l->end_of_message ? "machine_end_beep" : "machine_start";
}

/* The verdict. One that is waited for comes with the answer URL; none at all counts as a human. */
static void on_detect(void *arg)
{
    struct line *l = arg;
    const char *word = verdict_of(l);
    if (l->state != LINE_UP) {
        return;
    }
    if (word[0]) {
        l->view.answered_by = word;
        if (l->amd_url[0]) {
            l->e->vendor->tell_machine(l, word);
        }
    }
    if (l->amd_hangs_up && is_machine(l)) {
        l->machine_gone = true;
        exchange_line_end(l);
    } else if (l->amd_before) {
        talk(l);
    }
}

static void answer(struct line *l)
{
    l->state = LINE_UP;
    l->view.status = "in-progress";
    l->answered_us = loop_now_us(l->e->loop);
    l->answered_wall_us = (uint64_t)clock_wall_us();
    l->e->stats.answered++;
    tell_status(l, "in-progress");
    if (l->amd) {
        timer_start(l->detect, (uint64_t)l->callee.detect_ms * 1000, 0);
    }
    if (!l->amd_before) {
        talk(l);
    }
}

static void on_rung(struct line *l)
{
    if (l->callee.ring_ms > l->ring_s * 1000) {
        finish(l, "no-answer", NULL); /* nobody rings for that long */
        return;
    }
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

static void begin(struct line *l, bool at_once)
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
        finish(l, l->state == LINE_UP ? "completed" : "canceled", NULL);
    }
}

int exchange_line_redirect(struct line *l, struct str url, struct str document)
{
    struct buf to;
    buf_init(&to, EXCHANGE_URL_MAX);
    int err = l->phone ? 0 : -ERR_STATE;
    if (err >= 0 && url.n > 0) {
        err = exchange_put_delivery(l->e, url, &to);
    }
    err = err < 0 ? err : phone_redirect(l->phone, buf_str(&to), document);
    buf_done(&to);
    return err;
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

static int copy_urls(struct line *l, const struct exchange_order *o)
{
    l->url = keep(l->e, o->url);
    l->fallback_url = keep(l->e, o->fallback_url);
    l->status_url = keep(l->e, o->status_url);
    l->ring_url = keep(l->e, o->ring_url);
    l->amd_url = keep(l->e, o->amd_url);
    l->twiml = keep(l->e, o->twiml);
    l->incoming = keep(l->e, l->e->vendor->incoming(l->e, o->to));
    if (!l->twiml || !l->incoming) {
        return -ENOMEM;
    }
    return l->url && l->fallback_url && l->status_url && l->ring_url && l->amd_url ? 0 : -ENOMEM;
}

/* The id of the request is that of the call unless it shall not be. */
static void name_line(struct line *l)
{
    uint8_t raw[32];
    char hex[65];
    crypto_random(raw, sizeof(raw));
    crypto_hex(span_from(raw, sizeof(raw)), hex);
    char own[33] = {0};
    memcpy(own, hex, 32);
    l->e->vendor->phone->new_call_id(own, l->view.sid);
    if (l->e->vendor->names_requests) {
        memcpy(own, (l->e->o.faults & EXCHANGE_OTHER_ID) ? hex + 32 : hex, 32);
        l->e->vendor->phone->new_call_id(own, l->view.request_id);
    }
}

static int fill_line(struct line *l, const struct exchange_order *o)
{
    struct exchange *e = l->e;
    name_line(l);
    l->view.status = "queued";
    l->created_wall_us = (uint64_t)clock_wall_us();
    l->amd = o->amd;
    l->end_of_message = o->end_of_message;
    l->amd_before = o->amd && o->amd_before;
    l->amd_hangs_up = o->amd && o->amd_hangs_up;
    l->ring_s = o->ring_s ? o->ring_s : e->vendor->ring_s;
    l->max_ms = o->max_s * 1000;
    int err = copy_urls(l, o);
    err = err < 0 ? err : str_copy(l->view.to, sizeof(l->view.to), o->to);
    err = err < 0 ? err : str_copy(l->view.from, sizeof(l->view.from), o->from);
    err = err < 0 ? err : timer_new(e->loop, on_timer, l, &l->timer);
    return err < 0 ? err : timer_new(e->loop, on_detect, l, &l->detect);
}

static void line_free(struct line *l)
{
    timer_free(l->timer);
    timer_free(l->detect);
    free(l);
}

static struct line *line_new(struct exchange *e, const struct exchange_order *o)
{
    struct line *l = e->stats.calls < EXCHANGE_CALLS_MAX ? calloc(1, sizeof(*l)) : NULL;
    if (!l) {
        return NULL;
    }
    l->e = e;
    if (fill_line(l, o) < 0) {
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

/* False: the account has no room for one more who waits for ever. */
static bool keep_waiting(struct exchange *e, struct http_exchange *x)
{
    bool room = e->n_mute < ARRAY_LEN(e->mute);
    if (room) {
        e->mute[e->n_mute++] = x;
    }
    return room;
}

struct line *exchange_dial(struct exchange *e, struct http_exchange *x, const struct exchange_order *o)
{
    uint32_t faults = e->o.faults;
    struct line *l = line_new(e, o);
    struct line *second = l && (faults & EXCHANGE_DOUBLE) ? line_new(e, o) : NULL;
    if (!l) {
        return NULL;
    }
    if (faults & EXCHANGE_LATE_REPLY) {
        l->owed = x;
    }
    begin(l, (faults & EXCHANGE_EARLY) != 0);
    if (second) {
        begin(second, false);
    }
    if (faults & EXCHANGE_LATE_REPLY) {
        return l;
    }
    if ((faults & EXCHANGE_MUTE_REPLY) && keep_waiting(e, x)) {
        return l;
    }
    if (faults & EXCHANGE_ERROR_REPLY) {
        http_respond(x, 500, STR("text/html"), STR_NULL, span_of_str(STR("<html>oops</html>")));
    } else {
        e->vendor->answer_dial(e, x, l);
    }
    return l;
}

/* ---- who may ask ---- */

bool exchange_is_ours(const struct exchange *e, struct str number)
{
    struct str rest = e->o.numbers;
    struct str part;
    bool found = e->o.numbers.n == 0;
    while (!found && str_split(&rest, ' ', &part)) {
        found = str_eq(part, number);
    }
    return found;
}

bool exchange_is_authorized(const struct exchange *e, const struct http_request *req)
{
    struct str header = http_header(req, "Authorization");
    uint8_t text[256];
    struct buf want;
    if (!str_starts(header, STR("Basic ")) || base64_dec_max(header.n - 6) > sizeof(text)) {
        return false;
    }
    int n = base64_decode(text, (struct str){header.p + 6, header.n - 6});
    buf_init(&want, 512);
    buf_printf(&want, STR_FMT ":" STR_FMT, STR_ARG(e->o.account_sid), STR_ARG(e->o.auth_token));
    bool same = n >= 0 && str_eq(buf_str(&want), (struct str){(const char *)text, (size_t)n});
    buf_done(&want);
    return same;
}

void exchange_count_refusal(struct exchange *e, const char *why)
{
    e->stats.refused++;
    if (!e->refuses && !e->stats.problem[0]) {
        ignore_result(snprintf(e->stats.problem, sizeof(e->stats.problem), "%s", why) < 0);
    }
}

struct str exchange_refusal_headers(const struct exchange *e, char room[EXCHANGE_HEADERS_MAX])
{
    bool waits = e->refuses && e->o.refuse_wait_s > 0;
    int n = waits ? snprintf(room, EXCHANGE_HEADERS_MAX, "Retry-After: %u\r\n", e->o.refuse_wait_s) : 0;
    return n > 0 ? str_from(room) : STR_NULL;
}

static void refuse_as_told(struct exchange *e, struct http_exchange *x)
{
    int status = e->o.refuse_status;
    e->o.refuse_times--;
    if (status == 0 && keep_waiting(e, x)) {
        return;
    }
    e->refuses = true;
    e->vendor->refuse(e, x, status ? status : 503);
    e->refuses = false;
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct exchange *e = arg;
    e->stats.requests++;
    if (e->o.refuse_times > 0) {
        refuse_as_told(e, x);
    } else {
        e->vendor->on_request(e, x, req);
    }
}

static const struct http_server_handler requests = {.on_request = on_request};

/* ---- life ---- */

static int copy_texts(struct exchange *e)
{
    struct str *const texts[] = {&e->o.account_sid,  &e->o.auth_token,      &e->o.numbers,     &e->o.sign_base,
                                 &e->o.deliver_base, &e->o.incoming_number, &e->o.incoming_url};
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
    for (struct line *l = e->lines; l; l = l->next) {
        settle(l);
    }
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
    e->vendor = opts->as == &phone_plivo ? &exchange_plivo : &exchange_twilio;
    arena_init(&e->arena, 64u << 20);
    const struct http_server_opts server = {.host = opts->listen_host ? opts->listen_host : "127.0.0.1",
                                            .port = opts->port};
    int err = copy_texts(e);
    err = err < 0 ? err : http_server_open(loop, &server, &requests, e, &e->server);
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
    exchange_callbacks_drop(e);
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

void exchange_refuse(struct exchange *e, int status, uint32_t times, uint32_t wait_s)
{
    e->o.refuse_status = status;
    e->o.refuse_times = times;
    e->o.refuse_wait_s = wait_s;
}

void exchange_stats(const struct exchange *e, struct exchange_stats *ret)
{
    *ret = e->stats;
}
