/*
 * A service ends its sessions: by its rule after an hour, by accident at any time. The call goes on: another session is
 * opened, told what was said, and takes over. While the old one lives the new one waits for a moment in which nobody
 * speaks and nothing is under way; shortly before the old one's end it takes over in any moment. When the old one is
 * lost, the new one takes over as soon as it is ready: what the caller said meanwhile was kept (uplink.c), what the
 * agent was about to say is asked for again, tools in flight answer to the new session.
 *
 *     IDLE ──due, asked, lost──▶ OPENING ──ready──▶ READY ──quiet, overdue, or none there──▶ takes over
 *                                 │   ▲
 *                          failed ▼   │ after a while, or the next provider
 *                                RESTING ──tried enough──▶ apology, hang-up
 *
 * Some services let a new session go on from what the old one knew, but not beside it (break before make): then the
 * quiet moment is waited for first (WAITING), the old one is closed in it, and the gap is as if it had been lost. What
 * such a session is told is only what came behind the last answer that the old one remembers.
 *
 * A session that is neither the current nor the prepared one is not listened to.
 */
#include "audio/codec.h"
#include "audio/tone.h"
#include "base/err.h"
#include "call/state.h"

#define REST_MAX_MS      10000 /* between two attempts */
#define FLAPPING_MS      10000 /* a session that is lost sooner and never answered is a failed attempt */
#define ASKED_LATEST_MS  30000 /* a renewal that somebody asked for waits so long for a quiet moment */
#define DRAIN_MS         1500
#define LEAVING_MS       10000 /* a service that goes away and does not say when */
#define LEAVING_SPARE_MS 7000  /* before its end the session is left, quiet or not */
#define WORDS_WAIT_MS    2000  /* the transcript of the caller's last turn is worth this wait */
#define FILLER_MS        200

/* ---- opening ---- */

/* One that can go on from what an earlier one knew, at the provider that it was of. */
static bool can_resume(const struct call *c)
{
    return c->renew.resumable && !c->renew.no_resume && c->renew.tried == 0 && !c->renew.switches;
}

static void open_session(struct call *c, enum call_renewal why)
{
    struct renewal *r = &c->renew;
    r->next = r->sessions++;
    r->resumes = c->model != MODEL_READY && can_resume(c);
    r->state = RENEW_OPENING;
    r->why = why;
    if (why != RENEWAL_FIRST) {
        call_remark(c, NOTE_RENEWAL, r->next, str_from(call_renewal_name(why)));
    }
    uint32_t told = c->persona_told;
    struct call_persona persona;
    agents_told(c, &persona);
    r->persona = c->persona_told;
    c->persona_told = c->model == MODEL_READY ? told : r->persona; /* the one there knows what it knew */
    struct call_action *act = call_emit(c, ACT_MODEL_OPEN);
    act->session = r->next;
    act->model_open.provider = r->provider;
    act->model_open.why = why;
    act->model_open.resume = r->resumes;
    act->model_open.from = r->resumes ? r->memory : 0;
    act->model_open.persona = persona;
    timer_off(c, TIMER_RENEW);
    if (c->o->renewal.on) {
        timer_set(c, TIMER_RENEW_OPEN, c->o->renewal.open_ms);
    }
}

void renew_begin(struct call *c)
{
    open_session(c, RENEWAL_FIRST);
}

static void close_session(struct call *c, uint32_t session)
{
    call_emit(c, ACT_MODEL_CLOSE)->session = session;
}

bool renew_awaited(const struct call *c)
{
    return c->model == MODEL_OPENING && c->renew.ever;
}

/* ---- the end of a session ---- */

/* A response was asked for or under way: its rest is owed, unless tools or the caller come before it. */
static void owe_response(struct call *c)
{
    struct renewal *r = &c->renew;
    bool expected = c->timers[TIMER_EXPECT] != UINT64_MAX;
    bool floor = c->caller == CALLER_SPEAKING || c->caller == CALLER_ENDING;
    bool asked = c->response == RESPONSE_REQUESTED || expected;
    bool broken = c->response == RESPONSE_GENERATING && !floor && !c->response_called;
    if (c->want || !(asked || broken)) {
        return;
    }
    seq_want_again(c);
    r->continues = c->want && (r->asked_rest || (broken && c->response_ms > 0));
}

/* The service judged who speaks; the next one will hear the begin of it again. */
static void forget_caller(struct call *c)
{
    bool judged_there = !c->o->vad.on && c->o->turn.kind != TURN_MANUAL;
    if (judged_there && c->caller != CALLER_SILENT) {
        c->renew.again = c->turn_open;
        c->caller = CALLER_SILENT;
    }
}

/* Nothing more comes of the current session. What came is played and heard as ever. */
static void abandon(struct call *c)
{
    owe_response(c);
    if (c->response == RESPONSE_REQUESTED || c->response == RESPONSE_GENERATING || c->response == RESPONSE_CANCELLING) {
        response_to(c, RE_LOST);
    }
    for (uint32_t i = 0; i < c->item_n; i++) {
        struct item *it = item_at(c, i);
        it->broken = !it->audio_done;
        it->audio_done = it->text_done = true;
    }
    guard_session_over(c);
    seq_reset(c);
    forget_caller(c);
    c->own_commits = 0;
    uplink_rewind(c);
}

static void close_old(struct call *c, uint32_t session, bool busy)
{
    struct renewal *r = &c->renew;
    if (r->drains) {
        close_session(c, r->draining);
    }
    r->drains = busy;
    r->draining = session;
    if (busy) {
        timer_set(c, TIMER_DRAIN, DRAIN_MS); /* it still tells what the broken response costs */
    } else {
        close_session(c, session);
    }
}

/* ---- taking over ---- */

static void arm_limit(struct call *c)
{
    const struct call_renewal_opts *o = &c->o->renewal;
    struct renewal *r = &c->renew;
    uint32_t rule_s = o->session_max_s[MIN(r->provider, (uint32_t)CALL_MAX_PROVIDERS - 1)];
    uint32_t told_s = r->told.lasts_s;
    uint32_t lasts_s = told_s && (rule_s == 0 || told_s < rule_s) ? told_s : rule_s;
    timer_off(c, TIMER_RENEW_LATEST);
    if (!o->on || lasts_s == 0) {
        return;
    }
    /* A short session is renewed at its half. */
    uint64_t lasts_ms = (uint64_t)lasts_s * 1000;
    uint64_t before_ms = MIN((uint64_t)o->before_s * 1000, lasts_ms / 2);
    uint64_t latest_ms = MIN((uint64_t)o->latest_s * 1000, before_ms / 2);
    c->timers[TIMER_RENEW] = c->now_us + (lasts_ms - before_ms) * 1000;
    c->timers[TIMER_RENEW_LATEST] = c->now_us + (lasts_ms - latest_ms) * 1000;
    r->loose_us = c->now_us + (lasts_ms - (before_ms + latest_ms) / 2) * 1000;
}

static void take_over(struct call *c, const char *moment)
{
    struct renewal *r = &c->renew;
    uint32_t old = r->session;
    uint64_t gap_us = r->lost_us ? c->now_us - r->lost_us : 0;
    bool first = !r->ever;
    if (c->model == MODEL_READY) {
        bool busy = c->response != RESPONSE_NONE && c->response != RESPONSE_DONE;
        seq_break(c);
        abandon(c);
        close_old(c, old, busy);
    }
    r->session = r->next;
    r->state = RENEW_IDLE;
    r->ever = true;
    r->proved = r->overdue = r->left = false;
    r->lost_us = r->quiet_us = 0;
    r->switches = false;
    if (!r->told.resumed) {
        r->resumable = false;
        r->mark_id[0] = '\0';
    }
    r->answered_id[0] = '\0';
    r->ready_us = c->now_us;
    c->model = MODEL_READY;
    c->model_in = r->told.in;
    c->model_out = r->told.out;
    c->model_interrupts = r->told.interrupts;
    c->model_creates = r->told.creates;
    c->model_no_truncate = r->told.no_truncate;
    c->model_no_update = r->told.no_update;
    c->conv_fresh = false;
    c->persona_told = r->persona;
    if (c->reason == REASON_NONE) {
        life_detail(c, STR("")); /* what the session before died of does not end the call */
    }
    agents_ready(c);
    timer_off(c, TIMER_GAP);
    arm_limit(c);
    if (!first) {
        r->renewals++;
        call_remark(c, NOTE_RENEWED, (int64_t)(gap_us / 1000), str_from(moment));
    }
    if (c->phase == PHASE_SETUP) {
        life_both_up(c);
    } else {
        uint32_t told = r->told.resumed ? replay_since(c, str_from(r->mark_id)) : replay_history(c);
        call_remark(c, NOTE_REPLAYED, told, r->told.resumed ? STR("resumed") : STR_NULL);
        uplink_handed_over(c);
    }
}

void renew_ready(struct call *c, const struct call_event *ev)
{
    struct renewal *r = &c->renew;
    if (r->state != RENEW_OPENING || ev->session != r->next || c->model == MODEL_GONE) {
        return;
    }
    timer_off(c, TIMER_RENEW_OPEN);
    r->state = RENEW_READY;
    r->told.in = ev->model_ready.in;
    r->told.out = ev->model_ready.out;
    r->told.interrupts = ev->model_ready.interrupts;
    r->told.creates = ev->model_ready.creates;
    r->told.no_truncate = ev->model_ready.no_truncate;
    r->told.no_update = ev->model_ready.no_update;
    r->told.resumed = ev->model_ready.resumed && r->resumes;
    r->told.lasts_s = ev->model_ready.lasts_s;
    if (c->model != MODEL_READY) {
        take_over(c, !r->ever ? "first" : r->left && r->fails == 0 ? "left" : "lost");
    } else if (r->overdue) {
        take_over(c, "deadline");
    }
}

/* ---- failures ---- */

static bool may_renew(const struct call *c)
{
    return c->o->renewal.on && !call_leaving(c) && c->phase != PHASE_ENDED;
}

static bool next_provider(struct call *c)
{
    struct renewal *r = &c->renew;
    uint32_t n = MAX(c->o->renewal.n_providers, 1u);
    if (++r->tried >= n) {
        return false;
    }
    r->provider = (r->provider + 1) % n;
    r->fails = 0;
    call_remark(c, NOTE_FAILOVER, r->provider, STR_NULL);
    return true;
}

/* An attempt came to nothing. settled: another one at the same provider would come to nothing too. */
static void attempt_failed(struct call *c, bool settled, struct str code)
{
    struct renewal *r = &c->renew;
    const struct call_renewal_opts *o = &c->o->renewal;
    r->state = RENEW_IDLE;
    r->fails++;
    timer_off(c, TIMER_RENEW_OPEN);
    if (o->on) {
        call_remark(c, NOTE_RENEWAL_FAILED, r->fails, code);
    }
    uint32_t rest_ms = MIN(o->backoff_ms << MIN(r->fails - 1, 8u), (uint32_t)REST_MAX_MS);
    bool anew = r->resumes && !settled;
    r->no_resume = r->no_resume || r->resumes;
    r->resumes = false;
    if (r->switches && c->model == MODEL_READY && (settled || r->fails >= o->attempts)) {
        r->switches = false; /* who speaks now goes on */
        r->fails = 0;
        agents_not_switched(c, code);
    } else if (c->model == MODEL_READY) {
        r->state = RENEW_RESTING; /* the old one still serves: patience costs nothing */
        timer_set(c, TIMER_RENEW, rest_ms);
    } else if (!may_renew(c)) {
        life_model_gone(c);
    } else if (anew) {
        open_session(c, RENEWAL_FAILED); /* what it could not remember it is told */
    } else if (!settled && r->fails < o->attempts) {
        r->state = RENEW_RESTING;
        timer_set(c, TIMER_RENEW, rest_ms);
    } else if (next_provider(c)) {
        open_session(c, RENEWAL_FAILED);
    } else {
        life_model_gone(c);
    }
}

/* There is no session any more. */
static void lost(struct call *c, enum call_renewal why)
{
    struct renewal *r = &c->renew;
    bool flapping = !r->proved && c->now_us - r->ready_us < ms_us(FLAPPING_MS);
    abandon(c);
    c->model = MODEL_OPENING;
    r->lost_us = c->now_us;
    r->why = why;
    r->switches = false; /* whoever comes next is told who speaks */
    timer_off(c, TIMER_RENEW_LATEST);
    timer_set(c, TIMER_GAP, c->o->renewal.gap_ms);
    if (r->state == RENEW_READY) {
        take_over(c, "lost");
    } else if (r->state == RENEW_OPENING) {
        return;
    } else if (flapping) {
        r->resumes = r->told.resumed;
        attempt_failed(c, false, STR("lost-at-once"));
    } else {
        r->fails = r->tried = 0;
        open_session(c, why);
    }
}

void renew_failed(struct call *c, const struct call_event *ev)
{
    struct renewal *r = &c->renew;
    bool prepared = (r->state == RENEW_OPENING || r->state == RENEW_READY) && ev->session == r->next;
    bool current = c->model == MODEL_READY && ev->session == r->session;
    if (c->model == MODEL_GONE || (!prepared && !current)) {
        return;
    }
    struct str code = ev->model_failed.code.n ? ev->model_failed.code : str_from(err_name(ev->model_failed.err));
    if (current || c->model != MODEL_READY) {
        life_model_why(c, ev, code);
    }
    if (prepared) {
        int err = ev->model_failed.err;
        bool refused = ev->model_failed.code.n && (err == -ERR_AUTH || err == -ERR_CONFIG);
        bool slow = (err == -ETIMEDOUT || err == -ERR_LIMIT) && c->o->renewal.n_providers > 1;
        attempt_failed(c, refused || slow, code);
    } else if (may_renew(c)) {
        lost(c, str_is(code, "session_expired") ? RENEWAL_LIMIT : RENEWAL_CLOSED);
    } else {
        life_model_gone(c);
    }
}

bool renew_useless(struct call *c)
{
    struct renewal *r = &c->renew;
    uint32_t n = MAX(c->o->renewal.n_providers, 1u);
    if (!may_renew(c) || c->model != MODEL_READY || c->phase == PHASE_SETUP || r->errors >= n) {
        return false;
    }
    r->errors++;
    seq_want_again(c);
    close_session(c, r->session);
    r->proved = true; /* it is no failed attempt: it was given up */
    if (n > 1 && r->state != RENEW_READY && r->state != RENEW_OPENING) {
        r->provider = (r->provider + 1) % n;
        call_remark(c, NOTE_FAILOVER, r->provider, STR_NULL);
    }
    lost(c, RENEWAL_ERROR);
    return true;
}

/* ---- wishes and moments ---- */

/* Beside the current one, or, when it shall go on from that, behind it. */
static void prepare(struct call *c, enum call_renewal why)
{
    struct renewal *r = &c->renew;
    if (c->model == MODEL_READY && can_resume(c)) {
        r->state = RENEW_WAITING;
        r->why = why;
        timer_off(c, TIMER_RENEW);
    } else {
        open_session(c, why);
    }
}

/* The moment has come: the old one is closed, and from here on it is as if it had been lost. */
static void leave(struct call *c)
{
    struct renewal *r = &c->renew;
    r->state = RENEW_IDLE;
    r->proved = true; /* nobody failed */
    r->left = true;
    seq_break(c);
    close_session(c, r->session);
    lost(c, r->why);
}

void renew_asked(struct call *c)
{
    struct renewal *r = &c->renew;
    if (!may_renew(c) || c->model != MODEL_READY) {
        return;
    }
    if (r->state == RENEW_IDLE || r->state == RENEW_RESTING) {
        prepare(c, RENEWAL_ASKED);
    }
    r->loose_us = MIN(r->loose_us ? r->loose_us : UINT64_MAX, c->now_us + ms_us(ASKED_LATEST_MS / 2));
    c->timers[TIMER_RENEW_LATEST] = MIN(c->timers[TIMER_RENEW_LATEST], c->now_us + ms_us(ASKED_LATEST_MS));
}

void renew_persona(struct call *c, bool at_once)
{
    struct renewal *r = &c->renew;
    if (call_leaving(c) || c->model != MODEL_READY) {
        return; /* the next one is told */
    }
    if (r->state == RENEW_OPENING || r->state == RENEW_READY) {
        close_session(c, r->next); /* it was told of somebody else */
    }
    r->state = RENEW_IDLE;
    r->fails = 0;
    r->switches = r->switches || at_once;
    open_session(c, RENEWAL_AGENT);
}

bool renew_switches(const struct call *c)
{
    return c->renew.switches && c->model == MODEL_READY;
}

void renew_leaving(struct call *c, const struct call_event *ev)
{
    struct renewal *r = &c->renew;
    uint32_t left_ms = ev->model_leaving.left_ms ? ev->model_leaving.left_ms : LEAVING_MS;
    uint32_t latest_ms = left_ms > 2 * LEAVING_SPARE_MS ? left_ms - LEAVING_SPARE_MS : left_ms / 2;
    call_remark(c, NOTE_LEAVING, left_ms, STR_NULL);
    if (!may_renew(c)) {
        return;
    }
    if (r->state == RENEW_IDLE || r->state == RENEW_RESTING) {
        prepare(c, RENEWAL_LIMIT);
    }
    r->loose_us = MIN(r->loose_us ? r->loose_us : UINT64_MAX, c->now_us + ms_us(latest_ms / 2));
    c->timers[TIMER_RENEW_LATEST] = MIN(c->timers[TIMER_RENEW_LATEST], c->now_us + ms_us(latest_ms));
}

void renew_resumable(struct call *c, const struct call_event *ev)
{
    struct renewal *r = &c->renew;
    r->resumable = true;
    r->no_resume = false;
    r->memory = ev->session;
    if (r->answered_id[0]) {
        memcpy(r->mark_id, r->answered_id, sizeof(r->mark_id));
    }
}

/* Nothing is under way that a change of sessions could touch. */
static bool is_quiet(const struct call *c)
{
    const struct renewal *r = &c->renew;
    if (c->leg == LEG_NONE) {
        return true;
    }
    bool caller = c->caller == CALLER_SILENT && c->sound == SOUND_NONE && !c->gate_open && !c->keys[0] && !c->shelved;
    bool owed = c->want || c->tools_owe_reply || c->timers[TIMER_EXPECT] != UINT64_MAX || c->own_commits;
    bool generating = c->response != RESPONSE_NONE && c->response != RESPONSE_DONE;
    bool played = c->playout == PLAYOUT_EMPTY || (c->now_us >= r->loose_us && c->response == RESPONSE_DONE);
    bool words = !hold_owes(&c->kept) || (c->kept_until_us && c->now_us + ms_us(WORDS_WAIT_MS) >= c->kept_until_us);
    return c->phase == PHASE_CONVERSATION && c->leg == LEG_UP && caller && !owed && !generating && played && words;
}

/* The handle stands for a moment behind the last answer: little has to be told again. */
static bool remembers_all(const struct call *c)
{
    const struct renewal *r = &c->renew;
    return strcmp(r->mark_id, r->answered_id) == 0 || !r->answered_id[0] || c->now_us >= r->loose_us;
}

/* The caller hears that the line is alive. */
static void play_filler(struct call *c)
{
    struct span sound = c->o->renewal.filler;
    uint8_t mulaw[FILLER_MS * 8];
    if (sound.n == 0) {
        static const struct tone_spec soft = {.hz = {440}, .level_cb = {-280}, .on_ms = {FILLER_MS}, .times = 1};
        int16_t pcm[ARRAY_LEN(mulaw)];
        struct tone tone;
        size_t n = tone_init(&tone, 8000, &soft) < 0 ? 0 : tone_run(&tone, pcm, ARRAY_LEN(pcm));
        sound = span_from(mulaw, codec_encode(AUDIO_PCMU, pcm, n, mulaw));
    }
    call_remark(c, NOTE_FILLER, (int64_t)((c->now_us - c->renew.quiet_us) / 1000), STR_NULL);
    playout_sound(c, sound);
}

static void fill_gap(struct call *c)
{
    struct renewal *r = &c->renew;
    bool silent = renew_awaited(c) && c->o->renewal.filler_ms && c->leg == LEG_UP && !call_leaving(c) &&
                  c->caller == CALLER_SILENT && c->playout == PLAYOUT_EMPTY;
    if (!silent) {
        r->quiet_us = 0;
        timer_off(c, TIMER_GAP_FILLER);
        return;
    }
    r->quiet_us = r->quiet_us ? r->quiet_us : c->now_us;
    uint64_t due = r->quiet_us + ms_us(c->o->renewal.filler_ms);
    if (c->now_us >= due) {
        play_filler(c);
        r->quiet_us = 0;
    } else {
        c->timers[TIMER_GAP_FILLER] = due;
    }
}

void renew_progress(struct call *c)
{
    const struct renewal *r = &c->renew;
    bool generating = c->response != RESPONSE_NONE && c->response != RESPONSE_DONE;
    if (c->model != MODEL_READY) {
        fill_gap(c);
        return;
    }
    if (r->state == RENEW_READY && r->switches && !generating) {
        take_over(c, "agent");
    } else if (r->state == RENEW_READY && is_quiet(c)) {
        take_over(c, "quiet");
    } else if (r->state == RENEW_WAITING && !may_renew(c)) {
        c->renew.state = RENEW_IDLE;
    } else if (r->state == RENEW_WAITING && is_quiet(c) && remembers_all(c)) {
        leave(c);
    }
    fill_gap(c);
}

static void opening_expired(struct call *c)
{
    struct renewal *r = &c->renew;
    if (r->state == RENEW_OPENING) {
        close_session(c, r->next);
        attempt_failed(c, c->o->renewal.n_providers > 1, STR("timeout"));
    }
}

static void latest(struct call *c)
{
    struct renewal *r = &c->renew;
    if (!may_renew(c)) {
        return;
    }
    if (r->state == RENEW_READY && c->model == MODEL_READY) {
        take_over(c, "deadline");
    } else if (r->state == RENEW_WAITING && c->model == MODEL_READY) {
        leave(c);
    } else {
        r->overdue = true;
    }
}

void renew_timer(struct call *c, int timer)
{
    struct renewal *r = &c->renew;
    switch (timer) {
    case TIMER_RENEW:
        if (may_renew(c) && (r->state == RENEW_IDLE || r->state == RENEW_RESTING)) {
            prepare(c, r->state == RENEW_RESTING ? RENEWAL_FAILED : RENEWAL_LIMIT);
        } else if (c->model == MODEL_OPENING && r->state == RENEW_RESTING) {
            life_model_gone(c);
        }
        break;
    case TIMER_RENEW_OPEN:
        opening_expired(c);
        break;
    case TIMER_RENEW_LATEST:
        latest(c);
        break;
    case TIMER_GAP:
        if (c->model == MODEL_OPENING) {
            life_model_gone(c);
        }
        break;
    case TIMER_DRAIN:
        if (r->drains) {
            r->drains = false;
            close_session(c, r->draining);
        }
        break;
    default: /* TIMER_GAP_FILLER: looked after behind every event */
        break;
    }
}

void renew_end(struct call *c)
{
    struct renewal *r = &c->renew;
    if (r->state == RENEW_OPENING || r->state == RENEW_READY) {
        close_session(c, r->next);
    }
    if (r->drains) {
        close_session(c, r->draining);
    }
    r->state = RENEW_IDLE;
    r->drains = false;
}

/* ---- what others ask and tell ---- */

bool renew_hears(struct call *c, const struct call_event *ev)
{
    struct renewal *r = &c->renew;
    if (c->model == MODEL_READY && ev->session == r->session) {
        return true;
    }
    if (r->drains && ev->session == r->draining && ev->type == EV_MODEL_RESPONSE_DONE) {
        call_emit(c, ACT_USAGE)->usage = ev->model_done.usage;
        c->timers[TIMER_DRAIN] = c->now_us; /* that was all */
    }
    return false;
}

void renew_proved(struct call *c, bool heard)
{
    struct renewal *r = &c->renew;
    r->proved = true;
    uint32_t n = items_count(&c->history);
    call_copy_id(r->answered_id, n ? items_at(&c->history, n - 1)->id : STR(""));
    if (r->state == RENEW_IDLE) {
        r->fails = r->tried = 0;
    }
    r->errors = heard ? 0 : r->errors;
}

void renew_moved_on(struct call *c)
{
    if (c->renew.continues) {
        c->renew.continues = c->renew.asked_rest = false;
        c->want = false;
    }
}

void renew_put_words(struct call *c, struct buf *out, struct str base)
{
    if (!c->renew.continues) {
        buf_put_str(out, base);
        return;
    }
    buf_put_str(out, base.n ? base : c->o->instructions);
    buf_puts(out, out->len ? "\n\n" : "");
    buf_puts(out, "Your last message broke off in the middle of what you were saying. Go on exactly where it stops. Do "
                  "not repeat what you said, do not apologise and do not mention the break.");
}
