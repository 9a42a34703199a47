#include "peer/phone/phone.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "net/crypto.h"
#include "peer/phone/phone_impl.h"
#include "peer/phone/phone_url.h"

#define QUIET_MS        700
#define MAX_MS          60000
#define TEST_ACCOUNT    "ACb0d7c1a5e5a94f6c8e2f3a4b5c6d7e8f"
#define ARENA_MAX_BYTES (1u << 20)
/* After the limit the call is hung up properly; if even that takes so long, it is torn down. */
#define LIMIT_GRACE_US 3000000

static const char *const state_names[PHONE_STATE_N] = {
    [PHONE_DIALLING] = "dialling",     [PHONE_CONNECTING] = "connecting", [PHONE_TALKING] = "talking",
    [PHONE_HANGING_UP] = "hanging-up", [PHONE_AFTER] = "after-stream",    [PHONE_LEAVING] = "leaving",
    [PHONE_ENDED] = "ended",
};

const char *phone_state_name(enum phone_state state)
{
    return state_names[state];
}

enum phone_state phone_state(const struct phone *p)
{
    return p->state;
}

uint32_t phone_now_ms(const struct phone *p)
{
    return p->frame * PHONE_FRAME_MS;
}

const struct phone_report *phone_report_now(const struct phone *p)
{
    return &p->report;
}

const char *phone_waits_for(const struct phone *p)
{
    return phone_script_waits_for(&p->script);
}

void phone_emit(struct phone *p, struct phone_event ev)
{
    if (p->h->on_event && !p->closing) {
        ev.state = p->state;
        ev.at_ms = ev.at_ms ? ev.at_ms : phone_now_ms(p);
        p->h->on_event(p, &ev, p->arg);
    }
}

void phone_set_state(struct phone *p, enum phone_state state)
{
    if (p->state != state) {
        p->state = state;
        phone_emit(p, (struct phone_event){.kind = PHONE_EVENT_STATE});
    }
}

void phone_warn(struct phone *p, uint32_t code, const char *text)
{
    phone_report_warn(&p->report, code, phone_now_ms(p), text);
    phone_emit(p, (struct phone_event){.kind = PHONE_EVENT_WARNING, .n = code, .text = str_from(text)});
}

/* ---- the end ---- */

static void phone_free(struct phone *p)
{
    phone_wheel_leave(&p->seat);
    timer_free(p->limit);
    timer_free(p->prompt);
    phone_wheel_free(p->own_wheel);
    http_client_free(p->own_http);
    tls_unref(p->tls);
    phone_script_done(&p->script);
    phone_playout_done(&p->playout);
    phone_line_done(&p->line);
    phone_packets_done(&p->packets);
    phone_record_free(p->record);
    phone_report_done(&p->report);
    buf_done(&p->scratch);
    phone_doc_drop(p);
    arena_done(&p->arena);
    free(p);
}

/* From the loop, so that nobody further up the stack still holds the phone. */
static void phone_gone(void *arg)
{
    struct phone *p = arg;
    phone_turns_finish(&p->report.turns);
    phone_truth_finish(&p->report.truth);
    if (p->report.turns.err < 0 || p->report.truth.err < 0) {
        p->report.err = MIN(p->report.turns.err, p->report.truth.err);
    }
    if (p->record && p->o.record_path && p->frame > 0) {
        int err = phone_record_save(p->record, p->o.record_path);
        if (err < 0) {
            p->report.err = err;
            phone_report_end(&p->report, PHONE_SIDE_ERROR, "the recording could not be written");
        }
    }
    p->h->on_closed(p, &p->report, p->arg);
    phone_free(p);
}

static void phone_end(struct phone *p)
{
    if (p->ended) {
        return;
    }
    p->ended = true;
    timer_stop(p->limit);
    phone_prompt_stop(p);
    phone_set_state(p, PHONE_ENDED);
    if (loop_post(p->loop, phone_gone, p) < 0) {
        phone_gone(p); /* out of memory: rather early than never */
    }
}

void phone_check_end(struct phone *p)
{
    if (p->state == PHONE_LEAVING && !phone_requests_pending(p)) {
        phone_end(p);
    }
}

void phone_leave(struct phone *p)
{
    if (p->state >= PHONE_LEAVING) {
        return;
    }
    phone_set_state(p, PHONE_LEAVING);
    if (!p->closing && p->o.status_callback.n > 0 && phone_request_status(p) < 0) {
        phone_warn(p, PHONE_ERR_FETCH, "the status callback could not be sent");
    }
    phone_check_end(p);
}

void phone_fail(struct phone *p, int err, const char *reason)
{
    p->report.err = err;
    phone_report_end(&p->report, PHONE_SIDE_ERROR, reason);
    phone_leave(p);
}

void phone_hang_up(struct phone *p, const char *reason)
{
    if (p->state == PHONE_HANGING_UP || p->state >= PHONE_LEAVING) {
        return;
    }
    phone_report_end(&p->report, PHONE_SIDE_CALLER, reason);
    if (p->stream) {
        phone_wheel_leave(&p->seat);
        phone_set_state(p, PHONE_HANGING_UP);
        phone_stream_hang_up(p->stream);
    } else if (phone_requests_pending(p)) {
        phone_requests_cancel(p); /* their answers lead to the end */
    } else {
        phone_leave(p);
    }
}

void phone_close(struct phone *p)
{
    if (p->closing) {
        return;
    }
    p->closing = true;
    phone_report_end(&p->report, PHONE_SIDE_CALLER, "closed");
    phone_wheel_leave(&p->seat);
    phone_requests_cancel(p);
    if (p->stream) {
        phone_stream_abort(p->stream);
    } else {
        phone_leave(p);
        phone_check_end(p);
    }
}

static void limit_reached(void *arg)
{
    struct phone *p = arg;
    if (p->report.hangup == PHONE_SIDE_LIMIT || p->state >= PHONE_HANGING_UP) {
        phone_close(p);
        return;
    }
    char reason[PHONE_TEXT_MAX];
    ignore_result(snprintf(reason, sizeof(reason), "not over after %u s; the caller was waiting for %s",
                           p->o.max_ms / 1000, phone_waits_for(p)) < 0);
    phone_report_end(&p->report, PHONE_SIDE_LIMIT, reason);
    timer_start(p->limit, LIMIT_GRACE_US, 0);
    phone_hang_up(p, reason);
}

int phone_say(struct phone *p, const struct phone_item *item)
{
    if (p->closing || p->state >= PHONE_HANGING_UP) {
        return -ERR_CLOSED;
    }
    return phone_script_add(&p->script, item);
}

void phone_say_no_more(struct phone *p)
{
    p->script.open_ended = false;
}

/* ---- the beginning ---- */

static int copy_str(struct phone *p, struct str *s, const char *fallback)
{
    struct str from = s->n > 0 ? *s : str_from(fallback);
    *s = arena_str(&p->arena, from);
    return s->p ? 0 : -ENOMEM;
}

static int copy_params(struct phone *p)
{
    if (p->o.n_params > PHONE_PARAMS_MAX) {
        return -ERR_LIMIT;
    }
    struct str_pair *copy = arena_alloc(&p->arena, (p->o.n_params + 1) * sizeof(*copy));
    if (!copy) {
        return -ENOMEM;
    }
    for (size_t i = 0; i < p->o.n_params; i++) {
        copy[i] = p->o.params[i];
        int err = copy_str(p, &copy[i].name, "");
        if (err < 0 || (err = copy_str(p, &copy[i].value, "")) < 0) {
            return err;
        }
    }
    p->o.params = copy;
    return 0;
}

/* An application tells of the end by itself, at an address beside that of the answer. */
static int add_hangup_url(struct phone *p)
{
    struct phone_url url;
    struct buf out;
    if (!p->o.as->hangup_path || p->o.called || p->o.status_callback.n > 0 || p->o.url.n == 0 ||
        phone_url_parse(p->o.url, &url) < 0) {
        return 0;
    }
    buf_init(&out, 4096);
    buf_put_str(&out, url.base);
    buf_puts(&out, p->o.as->hangup_path);
    p->o.status_callback = arena_str(&p->arena, buf_str(&out));
    int err = out.err ? out.err : p->o.status_callback.p ? 0 : -ENOMEM;
    buf_done(&out);
    return err;
}

static int copy_opts(struct phone *p)
{
    struct phone_opts *o = &p->o;
    struct {
        struct str *s;
        const char *fallback;
    } texts[] = {{&o->url, ""},
                 {&o->fallback_url, ""},
                 {&o->ws_url, ""},
                 {&o->stream_base, ""},
                 {&o->sign_base, ""},
                 {&o->auth_token, ""},
                 {&o->call_sid, p->call_sid},
                 {&o->account_sid, TEST_ACCOUNT},
                 {&o->from, "+15005550001"},
                 {&o->to, "+15005550002"},
                 {&o->request_id, ""},
                 {&o->machine, ""},
                 {&o->prompt_keys, ""},
                 {&o->status_callback, ""}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        int err = copy_str(p, texts[i].s, texts[i].fallback);
        if (err < 0) {
            return err;
        }
    }
    if (o->record_path) {
        o->record_path = arena_str(&p->arena, str_from(o->record_path)).p;
        if (!o->record_path) {
            return -ENOMEM;
        }
    }
    int err = add_hangup_url(p);
    if (err < 0) {
        return err;
    }
    o->quiet_ms = o->quiet_ms ? o->quiet_ms : QUIET_MS;
    o->max_ms = o->max_ms ? o->max_ms : MAX_MS;
    return copy_params(p);
}

/* How loud this caller speaks: what the noise is measured against. */
static float speech_rms(const struct phone_opts *o)
{
    struct phone_level level = {0};
    for (size_t i = 0; i < o->n_items; i++) {
        if (o->items[i].kind == PHONE_SAY && !o->items[i].wordless) {
            phone_level_add(&level, o->items[i].mulaw);
        }
    }
    return phone_level_rms(&level);
}

static int open_line(struct phone *p, const struct phone_opts *opts)
{
    int err = phone_line_init(&p->line, &p->o.line, speech_rms(opts), p->o.seed + 3);
    return err < 0 ? err : phone_packets_init(&p->packets, &p->o.packets, p->o.seed + 4);
}

static int open_parts(struct phone *p)
{
    int err = 0;
    if (!p->o.wheel) {
        err = phone_wheel_new(p->loop, &p->own_wheel);
        p->o.wheel = p->own_wheel;
    }
    if (err == 0 && !p->o.http) {
        err = http_client_new(p->loop, &p->own_http);
        p->o.http = p->own_http;
    }
    if (err == 0 && p->o.ca_file) {
        err = tls_client_new(p->o.ca_file, NULL, &p->tls);
    }
    if (err == 0 && p->o.record_path) {
        p->record = phone_record_new(p->o.max_ms);
        err = p->record ? 0 : -ENOMEM;
    }
    if (err == 0) {
        err = timer_new(p->loop, limit_reached, p, &p->limit);
    }
    return err;
}

/* The items' audio is taken only when all went well: until then a failure must leave it to the caller. */
static int take_items(struct phone *p, const struct phone_opts *opts)
{
    for (size_t i = 0; i < opts->n_items; i++) {
        int err = phone_script_add(&p->script, &opts->items[i]);
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

static void drop_items(struct phone *p)
{
    for (size_t i = 0; i < p->script.n; i++) {
        p->script.items[i].owned = NULL;
    }
}

static int phone_setup(struct phone *p, const struct phone_opts *opts)
{
    uint8_t raw[16];
    char hex[33];
    crypto_random(raw, sizeof(raw));
    crypto_hex(span_from(raw, sizeof(raw)), hex);
    p->o.as->new_call_id(hex, p->call_sid);
    int err = copy_opts(p);
    if (err < 0) {
        return err;
    }
    err = str_copy(p->report.call_sid, sizeof(p->report.call_sid), p->o.call_sid);
    if (err < 0) {
        return err;
    }
    p->report.url = str_dup(p->o.url.n ? p->o.url : p->o.ws_url);
    err = p->report.url ? open_parts(p) : -ENOMEM;
    if (err == 0) {
        err = open_line(p, opts);
    }
    return err < 0 ? err : take_items(p, opts);
}

int phone_open(struct loop *loop, const struct phone_opts *opts, const struct phone_handler *h, void *arg,
               struct phone **ret)
{
    if ((opts->url.n > 0) == (opts->ws_url.n > 0)) {
        return -EINVAL;
    }
    struct phone *p = calloc(1, sizeof(*p));
    if (!p) {
        return -ENOMEM;
    }
    p->loop = loop;
    p->o = *opts;
    p->o.as = opts->as ? opts->as : &phone_twilio;
    p->h = h;
    p->arg = arg;
    p->dice = (struct phone_dice){opts->seed};
    arena_init(&p->arena, ARENA_MAX_BYTES);
    buf_init(&p->scratch, 4u << 20);
    phone_playout_init(&p->playout);
    phone_script_init(&p->script, opts->hangup);
    p->script.open_ended = opts->open_ended;
    phone_report_init(&p->report, opts->quiet_ms ? opts->quiet_ms : QUIET_MS);
    p->report.has_truth = opts->truth;
    int err = phone_setup(p, opts);
    if (err == 0) {
        err = p->o.url.n > 0 ? phone_dial(p) : phone_connect_direct(p);
    }
    if (err < 0) {
        drop_items(p);
        phone_free(p);
        return err;
    }
    timer_start(p->limit, (uint64_t)p->o.max_ms * 1000, 0);
    *ret = p;
    return 0;
}
