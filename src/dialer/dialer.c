#include "dialer/dialer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "dialer/attempt.h"
#include "net/crypto.h"
#include "net/loop.h"

#define REQUEST_BYTES (256u << 10) /* of all texts of a request */
#define RECENT_N      256          /* calls of the carrier that were ours */
#define RING_S        30
#define SLACK_US      (UINT64_C(10) * 1000000) /* a call of the list that is older than ours by more is another one */
#define UUID_VERSION  0x40
#define UUID_VARIANT  0x80

struct dialing {
    struct dialing *next;
    struct dialer *dialer;
    struct dialer_request req; /* texts in arena */
    struct arena arena;
    char id[CARRIER_ATTEMPT_MAX + 1];
    struct attempt attempt;
    struct carrier *carrier;
    const struct dialer_handler *handler; /* NULL: nobody listens */
    void *arg;
    bool has_call; /* open_call has made one */
    bool ready;    /* dialer_call_ready came */
    uint64_t asked_wall_us;
    uint64_t dial_id, find_id; /* requests under way, 0: none */
    char detail[256];
};

struct dialer {
    struct loop *loop;
    const struct dialer_port *port;
    void *arg;
    struct timer *timer;
    struct dialing *list;
    uint32_t n;
    char recent[RECENT_N][ATTEMPT_REF_MAX + 1];
    uint32_t recent_n;
};

/* ---- words ---- */

static const char *const outcome_words[] = {
#define X(name, word) [name] = (word),
    DIALER_OUTCOME_LIST(X)
#undef X
};

static const char *const event_words[] = {
#define X(name, word) [name] = (word),
    DIALER_EVENT_LIST(X)
#undef X
};

static const char *const machine_words[] = {"talk", "hangup", "voicemail"};

const char *dialer_outcome_word(enum dialer_outcome outcome)
{
    return outcome < DIALER_OUTCOME_N ? outcome_words[outcome] : "?";
}

const char *dialer_event_word(enum dialer_event_kind kind)
{
    return kind < DIALER_EVENT_N ? event_words[kind] : "?";
}

const char *dialer_machine_word(enum dialer_machine machine)
{
    return machine < DIALER_MACHINE_N ? machine_words[machine] : "?";
}

int dialer_machine_parse(struct str word, enum dialer_machine *ret)
{
    int i = str_index(word, machine_words, DIALER_MACHINE_N);
    if (i >= 0) {
        *ret = (enum dialer_machine)i;
    }
    return MIN(i, 0);
}

void dialer_id_new(char ret[CARRIER_ATTEMPT_MAX + 1])
{
    uint8_t b[16];
    char hex[33];
    crypto_random(b, sizeof(b));
    b[6] = (uint8_t)((b[6] & 0x0F) | UUID_VERSION);
    b[8] = (uint8_t)((b[8] & 0x3F) | UUID_VARIANT);
    crypto_hex(span_from(b, sizeof(b)), hex);
    ignore_result(snprintf(ret, CARRIER_ATTEMPT_MAX + 1, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16,
                           hex + 20) < 0); /* 36 characters fit */
}

/* ---- the list ---- */

static struct dialing *find(struct dialer *d, struct str id)
{
    struct dialing *g = d->list;
    while (g && !str_is(id, g->id)) {
        g = g->next;
    }
    return g;
}

static void unlink_dialing(struct dialing *g)
{
    struct dialing **at = &g->dialer->list;
    while (*at != g) {
        at = &(*at)->next;
    }
    *at = g->next;
    g->dialer->n--;
}

static void dialing_free(struct dialing *g)
{
    if (g->carrier && g->dial_id) {
        carrier_cancel(g->carrier, g->dial_id);
    }
    if (g->carrier && g->find_id) {
        carrier_cancel(g->carrier, g->find_id);
    }
    arena_done(&g->arena);
    free(g);
}

static void remember(struct dialer *d, const char *ref)
{
    if (ref[0]) {
        memcpy(d->recent[d->recent_n++ % RECENT_N], ref, strlen(ref) + 1);
    }
}

/* A call of the carrier that belongs, or belonged, to another attempt. */
static bool is_taken(const struct dialer *d, const struct dialing *by, const struct carrier_call_ref *ref)
{
    struct str id = ref->call_id.n ? ref->call_id : ref->request_id;
    for (uint32_t i = 0; i < MIN(d->recent_n, (uint32_t)RECENT_N); i++) {
        if (str_is(id, d->recent[i])) {
            return true;
        }
    }
    for (const struct dialing *g = d->list; g; g = g->next) {
        if (g != by && (str_is(id, g->attempt.call_id) || str_is(id, g->attempt.request_id))) {
            return true;
        }
    }
    return false;
}

static void arm(struct dialer *d)
{
    uint64_t due_us = UINT64_MAX;
    uint64_t now_us = loop_now_us(d->loop);
    for (const struct dialing *g = d->list; g; g = g->next) {
        due_us = MIN(due_us, g->attempt.deadline_us);
    }
    if (due_us == UINT64_MAX) {
        timer_stop(d->timer);
    } else {
        timer_start(d->timer, due_us > now_us ? due_us - now_us : 0, 0);
    }
}

/* ---- what is to be done ---- */

static void carry_out(struct dialing *g, const struct attempt_do *what);

static void say(struct dialing *g, enum dialer_event_kind kind)
{
    struct dialer *d = g->dialer;
    const struct attempt *a = &g->attempt;
    const struct dialer_event ev = {
        .kind = kind,
        .id = str_from(g->id),
        .to = g->req.to,
        .from = g->req.from,
        .campaign = g->req.campaign,
        .wall_us = (uint64_t)clock_wall_us(),
        .ref = attempt_ref(a),
        .answerer = a->answerer,
        .reply = a->reply,
        .outcome = kind == DIALER_ENDED ? a->outcome : DIALER_NONE,
        .dialled = a->may_have_rung,
        .duration_s = kind == DIALER_ENDED ? a->talk_s : -1,
        .cause = kind == DIALER_ENDED ? str_from(a->cause) : STR(""),
        .detail = kind == DIALER_ENDED ? str_from(g->detail) : STR(""),
    };
    const struct log_scope log = {.call_id = g->id, .worker = -1};
    log_info(&log, "dial",
             "event=%s state=%s carrier_call_id=%s answerer=%s consent=%s outcome=%s duration_s=%lld cause=%s",
             dialer_event_word(kind), attempt_state_word(a->state), a->call_id, carrier_answerer_word(ev.answerer),
             question_reply_word(ev.reply), dialer_outcome_word(ev.outcome), (long long)ev.duration_s,
             kind == DIALER_ENDED ? a->cause : "");
    if (d->port->on_event) {
        d->port->on_event(&ev, d->arg);
    }
    if (g->handler) {
        g->handler->on_event(&ev, g->arg);
    }
}

static void keep_detail(struct dialing *g, struct str text)
{
    struct str s = {text.p, MIN(text.n, sizeof(g->detail) - 1)};
    ignore_result(str_copy(g->detail, sizeof(g->detail), s)); /* it fits now */
}

static void on_dialled(const struct carrier_result *r, void *arg)
{
    struct dialing *g = arg;
    struct attempt_do what = {0};
    g->dial_id = 0;
    if (r->err < 0) {
        const struct log_scope log = {.call_id = g->id, .worker = -1};
        log_warn(&log, "dial.refused", "error=%s status=%d code=%lld unclear=%d message=\"" STR_FMT "\"",
                 err_name(r->err), r->status, (long long)r->code, r->unclear, STR_ARG(r->message));
        keep_detail(g, r->message.n ? r->message : str_from(err_text(r->err)));
    }
    attempt_reply(&g->attempt, r, loop_now_us(g->dialer->loop), &what);
    carry_out(g, &what);
}

/* Forbidden by its owner in the last moment: nothing rang. */
static bool may_still(struct dialing *g)
{
    return !g->handler || !g->handler->may_dial || g->handler->may_dial(str_from(g->id), g->arg);
}

static bool may_repeat(void *arg)
{
    struct dialing *g = arg;
    return may_still(g) && attempt_repeat(&g->attempt, loop_now_us(g->dialer->loop));
}

static int ask_carrier(struct dialing *g)
{
    bool voicemail = g->req.machine == DIALER_MACHINE_VOICEMAIL;
    bool hangup = g->req.machine == DIALER_MACHINE_HANGUP;
    const struct carrier_dial dial = {
        .attempt = str_from(g->id),
        .to = g->req.to,
        .from = g->req.from,
        .ring_s = g->req.ring_s,
        .max_call_s = g->req.max_call_s,
        .amd = voicemail                                 ? CARRIER_AMD_MESSAGE_END
               : hangup && g->req.amd == CARRIER_AMD_OFF ? CARRIER_AMD_DETECT
                                                         : g->req.amd,
        .amd_timeout_ms = g->req.amd_timeout_ms,
        .asks = question_is_put(&g->req.question),
        .may_repeat = may_repeat,
    };
    return g->carrier ? carrier_dial(g->carrier, &dial, on_dialled, g, &g->dial_id) : -ERR_STATE;
}

static void send(struct dialing *g)
{
    g->asked_wall_us = (uint64_t)clock_wall_us();
    int err = ask_carrier(g);
    if (err < 0) {
        /* It never left us. */
        const struct carrier_result r = {.err = err};
        const char *why = g->carrier ? carrier_cannot(g->carrier, CARRIER_DIAL) : NULL;
        struct attempt_do what = {0};
        keep_detail(g, str_from(why ? why : err_text(err)));
        attempt_reply(&g->attempt, &r, loop_now_us(g->dialer->loop), &what);
        carry_out(g, &what);
    }
}

/* Of what the list holds, the one that may be this attempt's; by number, the oldest that is not older than it. */
static const struct carrier_call *pick(const struct dialing *g, const struct carrier_found *f, bool by_ref)
{
    const struct carrier_call *best = NULL;
    for (uint32_t i = 0; i < f->n; i++) {
        const struct carrier_call *c = &f->calls[i];
        if (by_ref || str_is(c->attempt, g->id)) {
            return c;
        }
        bool old = c->created_wall_us && c->created_wall_us + SLACK_US < g->asked_wall_us;
        if (!old && c->attempt.n == 0 && !is_taken(g->dialer, g, &c->ref)) {
            best = c; /* the newest come first */
        }
    }
    return best;
}

static void on_found(const struct carrier_found *found, void *arg)
{
    struct dialing *g = arg;
    struct carrier_call_ref ref = attempt_ref(&g->attempt);
    struct attempt_do what = {0};
    g->find_id = 0;
    const struct carrier_call *call = found->err < 0 ? NULL : pick(g, found, ref.call_id.n || ref.request_id.n);
    attempt_found(&g->attempt, call, found->err >= 0 && !found->more, loop_now_us(g->dialer->loop), &what);
    carry_out(g, &what);
}

static void look(struct dialing *g)
{
    const struct carrier_find what = {
        .ref = attempt_ref(&g->attempt),
        .to = g->req.to,
        .from = g->req.from,
        .since_wall_us = g->asked_wall_us,
    };
    int err = g->carrier ? carrier_find_calls(g->carrier, &what, on_found, g, &g->find_id) : -ERR_STATE;
    if (err < 0) {
        struct attempt_do nothing = {0};
        attempt_found(&g->attempt, NULL, false, loop_now_us(g->dialer->loop), &nothing);
    }
}

static void hang_up(struct dialing *g)
{
    const struct carrier_call_ref ref = attempt_ref(&g->attempt);
    uint64_t id;
    int err = g->carrier ? carrier_hangup(g->carrier, &ref, NULL, NULL, &id) : -ERR_STATE;
    if (err < 0) {
        const struct log_scope log = {.call_id = g->id, .worker = -1};
        log_warn(&log, "dial.hangup-failed", "error=%s", err_name(err));
    }
}

static void call_back(struct dialing *g)
{
    const struct carrier_call_ref ref = attempt_ref(&g->attempt);
    int err = g->carrier ? carrier_recall(g->carrier, &ref, str_from(g->id)) : -ERR_STATE;
    const struct log_scope log = {.call_id = g->id, .worker = -1};
    log_info(&log, "dial.recall", "error=%s", err_name(err));
}

static void end_dialing(struct dialing *g)
{
    struct dialer *d = g->dialer;
    unlink_dialing(g);
    remember(d, g->attempt.call_id);
    remember(d, g->attempt.request_id);
    say(g, DIALER_ENDED); /* may start others */
    dialing_free(g);
}

/* g is gone when it has ended. */
static void carry_out(struct dialing *g, const struct attempt_do *what)
{
    struct dialer *d = g->dialer;
    bool over = what->tell & (UINT32_C(1) << DIALER_ENDED);
    char id[CARRIER_ATTEMPT_MAX + 1];
    memcpy(id, g->id, sizeof(id));
    for (uint32_t kind = 0; kind < DIALER_ENDED; kind++) {
        if (what->tell & (UINT32_C(1) << kind)) {
            say(g, (enum dialer_event_kind)kind);
            if (find(d, str_from(id)) != g) {
                return; /* who was told has ended it */
            }
        }
    }
    if (what->hangup) {
        hang_up(g);
    }
    if (what->recall) {
        call_back(g);
    }
    if (what->leave_message || what->await_beep) {
        d->port->leave_message(&g->req, what->await_beep, d->arg);
    }
    if (what->end_call && g->has_call) {
        d->port->end_call(str_from(id), what->end_reason, d->arg);
    }
    g = find(d, str_from(id));
    if (!g) {
        return; /* its end came back to us at once */
    }
    if (over) {
        end_dialing(g);
    } else if (what->find) {
        look(g);
    } else if (what->send) {
        send(g);
    }
    arm(d);
}

static void on_timer(void *arg)
{
    struct dialer *d = arg;
    uint64_t now_us = loop_now_us(d->loop);
    bool again = true;
    while (again) { /* from the front after each one: what it does may change the list */
        again = false;
        for (struct dialing *g = d->list; g && !again; g = g->next) {
            if (g->attempt.deadline_us <= now_us) {
                struct attempt_do what = {0};
                attempt_tick(&g->attempt, now_us, &what);
                again = true;
                carry_out(g, &what);
            }
        }
    }
    arm(d);
}

/* ---- start ---- */

static bool is_id(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_')) {
            return false;
        }
    }
    return s.n <= CARRIER_ATTEMPT_MAX;
}

static bool is_number(struct str s)
{
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9') {
            return false;
        }
    }
    return s.n >= 4 && s.n <= 16 && s.p[0] == '+';
}

static int check(const struct dialer_request *r, struct buf *why)
{
    if (!is_id(r->id)) {
        buf_puts(why, "The id of an attempt has letters, digits, - and _, at most 64 of them.");
    } else if (!is_number(r->to)) {
        buf_printf(why, "\"" STR_FMT "\" is no telephone number with + and country code.", STR_ARG(r->to));
    } else if (r->from.n && !is_number(r->from)) {
        buf_printf(why, "The caller id \"" STR_FMT "\" is no telephone number with + and country code.",
                   STR_ARG(r->from));
    } else if (r->n_variables > DIALER_MAX_VARIABLES) {
        buf_printf(why, "There are more than %d variables.", DIALER_MAX_VARIABLES);
    } else if (r->machine >= DIALER_MACHINE_N) {
        buf_puts(why, "What is done about machines is not known.");
    } else if (r->machine == DIALER_MACHINE_VOICEMAIL && r->voicemail.n == 0 && r->voicemail_sound.n == 0) {
        buf_puts(why, "There is no text to leave on a machine.");
    } else {
        return 0;
    }
    return -EINVAL;
}

static int keep_request(struct dialing *g, const struct dialer_request *from)
{
    struct dialer_request *r = &g->req;
    *r = *from;
    struct dialer_variable *vars = arena_alloc(&g->arena, sizeof(*vars) * MAX(from->n_variables, 1u));
    struct str *const texts[] = {&r->to,        &r->from,           &r->carrier,   &r->agent,
                                 &r->campaign,  &r->opening_reason, &r->objective, &r->context,
                                 &r->voicemail, &r->voicemail_sound};
    bool ok = vars != NULL;
    for (size_t i = 0; i < ARRAY_LEN(texts) && ok; i++) {
        *texts[i] = texts[i]->n ? arena_str(&g->arena, *texts[i]) : STR("");
        ok = texts[i]->p != NULL;
    }
    for (uint32_t i = 0; i < from->n_variables && ok; i++) {
        vars[i].name = arena_str(&g->arena, from->variables[i].name);
        vars[i].value = from->variables[i].value.n ? arena_str(&g->arena, from->variables[i].value) : STR("");
        ok = vars[i].name.p && vars[i].value.p;
    }
    ok = ok && question_copy(&r->question, &g->arena) >= 0;
    r->variables = vars;
    r->id = str_from(g->id);
    r->ring_s = r->ring_s ? r->ring_s : RING_S;
    return ok ? 0 : -ERR_TOO_BIG;
}

static struct dialing *dialing_new(struct dialer *d, const struct dialer_request *req)
{
    struct dialing *g = calloc(1, sizeof(*g));
    if (!g) {
        return NULL;
    }
    g->dialer = d;
    arena_init(&g->arena, REQUEST_BYTES);
    if (req->id.n) {
        ignore_result(str_copy(g->id, sizeof(g->id), req->id)); /* checked before */
    } else {
        dialer_id_new(g->id);
    }
    if (keep_request(g, req) < 0) {
        dialing_free(g);
        return NULL;
    }
    return g;
}

/* What was asked before a restart, on the clocks of today. */
static void begin_attempt(struct dialing *g)
{
    struct dialer *d = g->dialer;
    uint64_t now_us = loop_now_us(d->loop);
    uint64_t wall_us = (uint64_t)clock_wall_us();
    uint64_t ago_us = g->req.settle_only && wall_us > g->req.since_wall_us ? wall_us - g->req.since_wall_us : 0;
    g->asked_wall_us = g->req.settle_only ? g->req.since_wall_us : wall_us;
    attempt_init(&g->attempt, &g->req, now_us, now_us > ago_us ? now_us - ago_us : 1);
    g->attempt.call_over = g->req.settle_only; /* there is none until somebody answers */
    g->next = d->list;
    d->list = g;
    d->n++;
    arm(d);
}

int dialer_start(struct dialer *d, const struct dialer_request *req, const struct dialer_handler *handler, void *arg,
                 char ret_id[CARRIER_ATTEMPT_MAX + 1], struct buf *ret_why)
{
    int err = check(req, ret_why);
    if (err < 0) {
        return err;
    }
    if (req->id.n && find(d, req->id)) {
        buf_printf(ret_why, "A call with the id " STR_FMT " is under way already.", STR_ARG(req->id));
        return -EEXIST;
    }
    struct carrier *carrier = d->port->carrier(req->carrier, d->arg);
    const char *cannot = carrier ? carrier_cannot(carrier, CARRIER_DIAL) : "There is no such carrier configured.";
    if (cannot && !req->settle_only) {
        buf_puts(ret_why, cannot);
        return -ERR_STATE;
    }
    struct dialing *g = dialing_new(d, req);
    if (!g) {
        buf_puts(ret_why, "The texts of the request are too long.");
        return -ERR_TOO_BIG;
    }
    g->carrier = carrier;
    g->handler = handler;
    g->arg = arg;
    begin_attempt(g);
    if (!req->settle_only) {
        g->has_call = true;
        err = d->port->open_call(&g->req, ret_why, d->arg);
        if (err < 0) {
            unlink_dialing(g);
            dialing_free(g);
            arm(d);
            return err;
        }
    }
    if (ret_id) {
        memcpy(ret_id, g->id, sizeof(g->id));
    }
    return 0;
}

void dialer_forget(struct dialer *d, struct str id)
{
    struct dialing *g = find(d, id);
    if (g) {
        g->handler = NULL;
    }
}

bool dialer_knows(const struct dialer *d, struct str id)
{
    const struct dialing *g = d->list;
    while (g && !str_is(id, g->id)) {
        g = g->next;
    }
    return g != NULL;
}

uint32_t dialer_count(const struct dialer *d)
{
    return d->n;
}

/* ---- what the gateway tells ---- */

void dialer_call_ready(struct dialer *d, struct str id)
{
    struct dialing *g = find(d, id);
    struct attempt_do what = {0};
    if (!g || g->ready) {
        return;
    }
    g->ready = true;
    if (may_still(g)) {
        attempt_ready(&g->attempt, loop_now_us(d->loop), &what);
    } else {
        attempt_forbid(&g->attempt, DIALER_CANCELED, "forbidden", &what);
    }
    carry_out(g, &what);
}

void dialer_call_over(struct dialer *d, struct str id, enum call_reason reason)
{
    struct dialing *g = find(d, id);
    struct attempt_do what = {0};
    if (g) {
        attempt_call_over(&g->attempt, reason, loop_now_us(d->loop), &what);
        carry_out(g, &what);
    }
}

void dialer_message_left(struct dialer *d, struct str id)
{
    struct dialing *g = find(d, id);
    if (g) {
        attempt_message_left(&g->attempt);
    }
}

void dialer_call_media(struct dialer *d, struct str id)
{
    struct dialing *g = find(d, id);
    struct attempt_do what = {0};
    if (g) {
        attempt_media(&g->attempt, loop_now_us(d->loop), &what);
        carry_out(g, &what);
    }
}

/* ---- what the carrier tells ---- */

/* The carrier has made two calls of one attempt: the second one is not wanted. */
static void drop_double(struct dialing *g, struct carrier *carrier, const struct carrier_call_ref *ref)
{
    const struct log_scope log = {.call_id = g->id, .worker = -1};
    uint64_t id;
    int err = carrier_hangup(carrier, ref, NULL, NULL, &id);
    log_warn(&log, "dial.double", "carrier_call_id=" STR_FMT " ours=%s hangup=%s", STR_ARG(ref->call_id),
             g->attempt.call_id, err < 0 ? err_name(err) : "asked");
}

bool dialer_on_progress(struct dialer *d, struct carrier *carrier, const struct carrier_progress *p)
{
    struct dialing *g = find(d, p->attempt);
    struct attempt_do what = {0};
    if (!g) {
        return false;
    }
    if (!attempt_is(&g->attempt, p->ref.call_id)) {
        if (p->stage != CARRIER_STAGE_ENDED && p->stage != CARRIER_STAGE_UNKNOWN) {
            drop_double(g, carrier, &p->ref);
        }
        return true;
    }
    attempt_progress(&g->attempt, p, loop_now_us(d->loop), &what);
    carry_out(g, &what);
    return true;
}

/* Answered after a restart: the call begins now. */
static bool open_late(struct dialing *g)
{
    struct dialer *d = g->dialer;
    struct buf why;
    buf_init(&why, 1024);
    int err = d->port->open_call(&g->req, &why, d->arg);
    if (err < 0) {
        const struct log_scope log = {.call_id = g->id, .worker = -1};
        log_error(&log, "dial.no-call", "error=%s why=\"" STR_FMT "\"", err_name(err), STR_ARG(buf_str(&why)));
    }
    g->has_call = err >= 0;
    g->attempt.call_over = err < 0;
    buf_done(&why);
    return err >= 0;
}

enum dialer_answer dialer_on_answer(struct dialer *d, const struct dialer_caller *who,
                                    const struct question **ret_question, uint32_t *ret_round)
{
    static const enum dialer_answer answers[] = {[ATTEMPT_TALK] = DIALER_ANSWER_TALK,
                                                 [ATTEMPT_ASK] = DIALER_ANSWER_ASK,
                                                 [ATTEMPT_GOODBYE] = DIALER_ANSWER_GOODBYE,
                                                 [ATTEMPT_HANGUP] = DIALER_ANSWER_HANGUP};
    struct dialing *g = find(d, who->attempt);
    struct attempt_do what = {0};
    if (!g) {
        return DIALER_ANSWER_UNKNOWN;
    }
    bool ours = attempt_is(&g->attempt, who->carrier_call_id);
    bool wanted = g->attempt.state != ATTEMPT_ENDING && !g->attempt.media;
    if (ours && wanted && !g->has_call && !open_late(g)) {
        return DIALER_ANSWER_HANGUP;
    }
    enum attempt_word word = attempt_picked_up(&g->attempt, who, loop_now_us(d->loop), &what);
    carry_out(g, &what);
    g = find(d, who->attempt);
    if (!g) {
        return DIALER_ANSWER_HANGUP; /* it has ended meanwhile */
    }
    *ret_question = &g->req.question;
    *ret_round = g->attempt.round;
    return answers[word];
}

/* ---- life ---- */

int dialer_new(struct loop *loop, const struct dialer_port *port, void *arg, struct dialer **ret)
{
    struct dialer *d = calloc(1, sizeof(*d));
    if (!d) {
        return -ENOMEM;
    }
    d->loop = loop;
    d->port = port;
    d->arg = arg;
    int err = timer_new(loop, on_timer, d, &d->timer);
    if (err < 0) {
        free(d);
        return err;
    }
    *ret = d;
    return 0;
}

struct dialer *dialer_free(struct dialer *d)
{
    if (d) {
        while (d->list) {
            struct dialing *g = d->list;
            d->list = g->next;
            dialing_free(g);
        }
        timer_free(d->timer);
        free(d);
    }
    return NULL;
}
