#include "gateway/outbound.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "gateway/gateway_impl.h"
#include "gateway/hook_events.h"
#include "gateway/host.h"
#include "gateway/sounds.h"

#define USUAL_PARAMETERS 4 /* besides the request's variables */
#define WORDS_MAX        (16u << 10)

/* A call that was opened for an attempt and is not over. */
struct outgoing {
    struct outgoing *next;
    struct outbound *outbound;
    char id[CARRIER_ATTEMPT_MAX + 1];
    bool written;  /* its rows are in the store */
    bool listens;  /* its model is ready */
    bool over;     /* the call is gone; only the store's answer is awaited */
    bool awaiting; /* of the store */
};

struct outbound {
    struct gateway *gw;
    struct dialer *dialer;
    struct outgoing *calls;
    uint32_t n_calls;
    struct buf words;     /* of the last question or goodbye */
    struct buf sound_url; /* likewise */
};

/* ---- the call behind an attempt ---- */

static void drop(struct outgoing *c)
{
    if (!c->over || c->awaiting) {
        return;
    }
    struct outgoing **at = &c->outbound->calls;
    while (*at != c) {
        at = &(*at)->next;
    }
    *at = c->next;
    free(c);
}

static void advance(struct outgoing *c)
{
    if (c->written && c->listens && !c->over && c->outbound->dialer) {
        dialer_call_ready(c->outbound->dialer, str_from(c->id));
    }
}

static void on_written(void *arg)
{
    struct outgoing *c = arg;
    c->awaiting = false;
    c->written = true;
    advance(c);
    drop(c);
}

static bool leaves_message(const struct tap_event *e)
{
    return e->kind == TAP_SIGNAL && e->action->type == ACT_LEG_HANGUP &&
           e->action->leg_hangup.reason == REASON_VOICEMAIL;
}

static void on_tap(const struct tap_event *e, void *arg)
{
    struct outgoing *c = arg;
    struct dialer *d = c->outbound->dialer;
    if (e->kind != TAP_END && !d) {
        return; /* shutting down */
    }
    if (e->kind == TAP_MODEL_READY) {
        c->listens = true;
        advance(c);
    } else if (e->kind == TAP_LEG_START) {
        dialer_call_media(d, str_from(c->id));
    } else if (leaves_message(e)) {
        dialer_message_left(d, str_from(c->id));
    } else if (e->kind == TAP_END) {
        c->over = true;
        c->outbound->n_calls--;
        if (d) {
            dialer_call_over(d, str_from(c->id), e->action->end.reason);
        }
        drop(c);
    }
}

static void put_dial(struct gateway *gw, const struct store_dial *dial)
{
    const struct store_op op = {.kind = STORE_DIAL_PUT, .at_us = (uint64_t)clock_wall_us(), .u.dial = dial};
    scribe_put(gw->scribe, &op);
}

/* The intent, before anything rings. */
static void put_intent(struct gateway *gw, const struct dialer_request *req)
{
    const struct store_dial row = {
        .call_id = req->id,
        .campaign = req->campaign,
        .opening_reason = req->opening_reason,
        .objective = req->objective,
        .context = req->context,
        .asked_us = (uint64_t)clock_wall_us(),
    };
    put_dial(gw, &row);
}

static uint32_t put_parameters(const struct dialer_request *req, struct when_pair *room)
{
    const struct when_pair usual[USUAL_PARAMETERS] = {
        {STR("opening_reason"), req->opening_reason},
        {STR("objective"), req->objective},
        {STR("context"), req->context},
        {STR("campaign_id"), req->campaign},
    };
    uint32_t n = 0;
    for (uint32_t i = 0; i < req->n_variables; i++) {
        room[n++] = (struct when_pair){req->variables[i].name, req->variables[i].value};
    }
    for (uint32_t i = 0; i < USUAL_PARAMETERS; i++) {
        if (usual[i].value.n > 0) {
            room[n++] = usual[i];
        }
    }
    return n;
}

/* The model listens from the beginning, so that whoever has accepted is not kept waiting; it hears nothing until then
 * (docs/outbound.md). */
static uint32_t question_ms(const struct question *q)
{
    return question_is_put(q) ? q->times * (uint32_t)(question_round_us(q) / 1000) : 0;
}

static int open_host(struct outgoing *c, const struct dialer_request *req, struct buf *why)
{
    struct gateway *gw = c->outbound->gw;
    struct when_pair parameters[DIALER_MAX_VARIABLES + USUAL_PARAMETERS];
    struct carrier *carrier = carriers_dialling(gw, req->carrier);
    enum admission_cause cause = ADMISSION_OTHER;
    struct host *h = NULL;
    struct host_birth birth = {
        .call_id = req->id,
        .caller = req->from,
        .called = req->to,
        .direction = STORE_OUTBOUND,
        .carrier = carrier ? str_from(carrier_kind(carrier)) : STR(""),
        .agent = req->agent,
        .ring_ms = req->ring_s * 1000 + question_ms(&req->question),
        .parameters = parameters,
        .n_parameters = put_parameters(req, parameters),
        .watch = {.fn = on_tap, .arg = c},
    };
    int err = host_new(gw->worker, &birth, &cause, &h);
    if (err < 0) {
        metrics_add_word(gw->metrics, METRIC_CALLS_REFUSED, str_from(admission_cause_word(cause)), 1);
        buf_printf(why, err == -ERR_LIMIT ? "No more calls can be made now: %s." : "The call cannot be opened: %s.",
                   err == -ERR_LIMIT ? admission_cause_word(cause) : err_text(err));
        return err;
    }
    put_intent(gw, req);
    host_start(h); /* opens the model */
    return 0;
}

static int open_call(const struct dialer_request *req, struct buf *ret_why, void *arg)
{
    struct outbound *o = arg;
    struct outgoing *c = calloc(1, sizeof(*c));
    int err = c ? str_copy(c->id, sizeof(c->id), req->id) : -ENOMEM;
    if (err >= 0) {
        c->outbound = o;
        c->next = o->calls;
        o->calls = c;
        o->n_calls++;
        c->awaiting = true; /* nothing frees it before we are through */
        err = open_host(c, req, ret_why);
        if (err < 0) {
            o->n_calls--;
            c->over = true;
        }
    }
    if (!c || (err < 0 && !c->outbound)) {
        free(c);
        return err;
    }
    if (err < 0 || scribe_after(o->gw->scribe, on_written, c) < 0) {
        c->awaiting = false; /* without memory for the answer nothing is dialled: not-ready */
        drop(c);
    }
    return err;
}

static void end_call(struct str id, enum call_reason reason, void *arg)
{
    struct outbound *o = arg;
    struct host *h = worker_by_call_id(o->gw->worker, id);
    if (h) {
        host_hangup(h, reason);
    }
}

static void leave_message(const struct dialer_request *req, bool after_beep, void *arg)
{
    struct outbound *o = arg;
    struct host *h = worker_by_call_id(o->gw->worker, req->id);
    if (h) {
        host_voicemail(h, req->voicemail, req->voicemail_sound, after_beep);
    }
}

/* ---- what became of it ---- */

static void count(struct metrics *m, const struct dialer_event *ev)
{
    if (ev->kind == DIALER_ENDED) {
        metrics_add_word(m, METRIC_DIALS, str_from(dialer_outcome_word(ev->outcome)), 1);
    } else if (ev->kind == DIALER_ANSWERER) {
        metrics_add_word(m, METRIC_ANSWERERS, str_from(carrier_answerer_word(ev->answerer)), 1);
    } else if (ev->kind == DIALER_CONSENT) {
        metrics_add_word(m, METRIC_CONSENTS, str_from(question_reply_word(ev->reply)), 1);
    }
}

static void on_event(const struct dialer_event *ev, void *arg)
{
    struct outbound *o = arg;
    struct host *h = worker_by_call_id(o->gw->worker, ev->id);
    struct store_dial row = {.call_id = ev->id, .request_id = ev->ref.request_id};
    if (h) {
        host_learn_carrier_id(h, ev->ref.call_id);
    }
    if (ev->answerer != CARRIER_ANSWERER_NONE) {
        row.answered_by = str_from(carrier_answerer_word(ev->answerer));
    }
    row.ringing_us = ev->kind == DIALER_RINGING ? ev->wall_us : 0;
    row.answered_us = ev->kind == DIALER_PICKED_UP ? ev->wall_us : 0;
    if (ev->kind == DIALER_ENDED) {
        row.ended_us = ev->wall_us;
        row.outcome = str_from(dialer_outcome_word(ev->outcome));
        row.cause = ev->cause;
        row.detail = ev->detail;
        row.talk_s = (uint64_t)MAX(ev->duration_s, 0);
    }
    put_dial(o->gw, &row);
    count(o->gw->metrics, ev);
    hook_events_dial(o->gw, ev);
}

static struct carrier *find_carrier(struct str kind, void *arg)
{
    struct outbound *o = arg;
    return carriers_dialling(o->gw, kind.n ? kind : o->gw->snapshot->cfg->outbound.carrier);
}

static const struct dialer_port port = {
    .open_call = open_call,
    .end_call = end_call,
    .leave_message = leave_message,
    .on_event = on_event,
    .carrier = find_carrier,
};

/* ---- what we are asked ---- */

static int refuse(const struct outbound *o, const struct dialer_request *req, struct buf *why)
{
    const struct config *cfg = o->gw->snapshot->cfg;
    if (cfg->mode == CONFIG_MODE_INBOUND) {
        buf_puts(why, "This gateway does not dial: its mode is inbound.");
        return -ERR_STATE;
    }
    if (req->agent.n > 0 && config_find_agent(cfg, req->agent) == CONFIG_NONE) {
        buf_printf(why, "There is no agent \"" STR_FMT "\".", STR_ARG(req->agent));
        return -ENOENT;
    }
    const struct str named[] = {req->voicemail_sound, req->question.sound, req->question.goodbye_sound};
    for (size_t i = 0; i < ARRAY_LEN(named) && !req->settle_only; i++) {
        if (named[i].n > 0 && !sounds_find(o->gw->snapshot->sounds, named[i])) {
            sounds_put_unknown(o->gw->snapshot->sounds, named[i], why);
            return -ERR_CONFIG;
        }
    }
    if (cfg->outbound.max_calls > 0 && o->n_calls >= cfg->outbound.max_calls && !req->settle_only) {
        buf_printf(why, "No more calls can be made now: outbound.max_calls is %u.", cfg->outbound.max_calls);
        return -ERR_LIMIT;
    }
    return 0;
}

int outbound_dial(struct outbound *o, const struct dialer_request *req, const struct dialer_handler *handler, void *arg,
                  char ret_id[CARRIER_ATTEMPT_MAX + 1], struct buf *ret_why)
{
    const struct config *cfg = o->gw->snapshot->cfg;
    struct dialer_request full = *req;
    int err = refuse(o, req, ret_why);
    if (err < 0) {
        return err;
    }
    full.ring_s = req->ring_s ? req->ring_s : cfg->outbound.ring_s;
    full.max_call_s = req->max_call_s ? req->max_call_s : cfg->outbound.max_call_s;
    full.amd_timeout_ms = cfg->outbound.machine_detection_s * 1000;
    full.voicemail = req->voicemail.n ? req->voicemail : cfg->outbound.voicemail;
    if (req->voicemail.n == 0 && req->voicemail_sound.n == 0) {
        full.voicemail_sound = cfg->outbound.voicemail_sound;
    }
    if (question_is_put(&req->question)) {
        const struct sound *s = sounds_find(o->gw->snapshot->sounds, req->question.sound);
        full.question.sound_ms = s ? s->ms : 0;
    }
    struct carrier *c = find_carrier(req->carrier, o);
    full.from = req->from.n || !c ? req->from : carrier_number(c);
    full.carrier = c ? str_from(carrier_kind(c)) : req->carrier;
    return dialer_start(o->dialer, &full, handler, arg, ret_id, ret_why);
}

enum dialer_machine outbound_on_machine(const struct outbound *o)
{
    enum dialer_machine m = DIALER_MACHINE_TALK;
    ignore_result(dialer_machine_parse(o->gw->snapshot->cfg->outbound.on_machine, &m)); /* one of the option's words */
    return m;
}

bool outbound_lives(const struct outbound *o, struct str id)
{
    const struct outgoing *c = o->calls;
    while (c && (c->over || !str_is(id, c->id))) {
        c = c->next;
    }
    return c != NULL;
}

bool outbound_follows(const struct outbound *o, struct str id)
{
    return o && o->dialer && dialer_knows(o->dialer, id);
}

uint32_t outbound_under_way(const struct outbound *o)
{
    return o && o->dialer ? dialer_count(o->dialer) : 0;
}

/* The last word on a call whose attempt was lost with an earlier process: its row still learns it. */
static void put_late_word(struct outbound *o, const struct carrier_progress *p)
{
    if (p->stage != CARRIER_STAGE_ENDED || p->attempt.n == 0) {
        return;
    }
    enum dialer_outcome outcome = p->outcome == CARRIER_OUTCOME_COMPLETED   ? DIALER_ANSWERED
                                  : p->outcome == CARRIER_OUTCOME_BUSY      ? DIALER_BUSY
                                  : p->outcome == CARRIER_OUTCOME_NO_ANSWER ? DIALER_NO_ANSWER
                                  : p->outcome == CARRIER_OUTCOME_CANCELED  ? DIALER_CANCELED
                                                                            : DIALER_FAILED;
    const struct store_dial row = {
        .call_id = p->attempt,
        .outcome = str_from(dialer_outcome_word(outcome)),
        .cause = p->cause,
        .ended_us = (uint64_t)clock_wall_us(),
        .talk_s = (uint64_t)MAX(p->duration_s, 0),
    };
    put_dial(o->gw, &row);
}

void outbound_on_progress(struct outbound *o, struct carrier *c, const struct carrier_progress *p)
{
    if (!dialer_on_progress(o->dialer, c, p) && !p->stale) {
        put_late_word(o, p);
    }
}

void outbound_on_answer(struct outbound *o, const struct dialer_caller *who, struct outbound_answer *ret)
{
    const struct question *q = NULL;
    *ret = (struct outbound_answer){.text = STR("")};
    ret->kind = dialer_on_answer(o->dialer, who, &q, &ret->round);
    if (ret->kind == DIALER_ANSWER_UNKNOWN && who->asks) {
        /* Of an earlier process: nobody knows what was asked, and nobody is talked to who was not. */
        const struct question unknown = {.prompt = STR("")};
        ret->kind = DIALER_ANSWER_GOODBYE;
        ret->text = question_goodbye(&unknown);
    } else if (ret->kind == DIALER_ANSWER_ASK || ret->kind == DIALER_ANSWER_GOODBYE) {
        const struct host *h = worker_by_call_id(o->gw->worker, who->attempt);
        bool asks = ret->kind == DIALER_ANSWER_ASK;
        struct str text = asks ? q->prompt : question_goodbye(q);
        const struct sound *s = sounds_find(o->gw->snapshot->sounds, asks ? q->sound : q->goodbye_sound);
        buf_clear(&o->sound_url);
        if (s) {
            buf_printf(&o->sound_url, STR_FMT "%s", STR_ARG(o->gw->snapshot->api.public_url), s->path);
        }
        ret->sound = buf_str(&o->sound_url);
        buf_clear(&o->words);
        if (h) {
            host_put_text(h, text, &o->words);
        } else {
            buf_put_str(&o->words, text);
        }
        ret->text = o->words.err < 0 ? text : buf_str(&o->words);
        ret->wait_s = q->wait_s;
    }
}

struct dialer *outbound_dialer(struct outbound *o)
{
    return o->dialer;
}

/* ---- life ---- */

int outbound_new(struct gateway *gw, struct outbound **ret)
{
    struct outbound *o = calloc(1, sizeof(*o));
    if (!o) {
        return -ENOMEM;
    }
    o->gw = gw;
    buf_init(&o->words, WORDS_MAX);
    buf_init(&o->sound_url, WORDS_MAX);
    int err = dialer_new(gw->loop, &port, o, &o->dialer);
    if (err < 0) {
        free(o);
        return err;
    }
    *ret = o;
    return 0;
}

void outbound_stop(struct outbound *o)
{
    if (o) {
        o->dialer = dialer_free(o->dialer);
    }
}

struct outbound *outbound_free(struct outbound *o)
{
    if (o) {
        outbound_stop(o);
        while (o->calls) {
            struct outgoing *c = o->calls;
            o->calls = c->next;
            free(c);
        }
        buf_done(&o->words);
        buf_done(&o->sound_url);
        free(o);
    }
    return NULL;
}
