/*
 * From set-up to the closed record: both sides come up, greeting, conversation, goodbye, hang-up, end. Every wait has a
 * deadline; whatever happens first, the phone leg is taken down and ACT_END is the last word.
 *
 *     setup ─▶ greeting ─▶ conversation ─▶ farewell ─▶ (leg down) ─▶ ended
 */
#include "base/err.h"
#include "call/state.h"

#define FAREWELL_PLAY_MS  CALL_LAST_WORDS_MAX_MS
#define MAX_CALL_AGAIN_MS 5000

void life_begin(struct call *c)
{
    renew_begin(c);
    timer_set(c, TIMER_LEG_START, c->o->deadlines.leg_start_ms);
}

/* Instructions of a response replace the session's: these words and nothing else. */
static void put_exactly(struct buf *text, struct str words)
{
    buf_init(text, CALL_WANT_MAX);
    buf_puts(text, "Say exactly: \"");
    for (size_t i = 0; i < words.n; i++) {
        buf_putc(text, words.p[i] == '"' ? '\'' : words.p[i]); /* a quote inside would end the sentence */
    }
    buf_puts(text, "\" Say nothing else.");
}

static void ask_exactly(struct call *c, struct str words)
{
    struct buf text;
    put_exactly(&text, words);
    seq_request(c, buf_str(&text), true);
    buf_done(&text);
}

void life_fill(struct call *c, struct str words)
{
    struct buf text;
    put_exactly(&text, words);
    seq_fill(c, buf_str(&text));
    buf_done(&text);
}

void life_say(struct call *c, struct str words)
{
    ask_exactly(c, words);
}

/* What is asked for once, by the agent as it is: its own instructions stand before. */
void life_ask(struct call *c, struct str wish, bool no_tools)
{
    struct buf text;
    buf_init(&text, CALL_WANT_MAX);
    buf_put_str(&text, c->persona.instructions);
    buf_puts(&text, c->persona.instructions.n ? "\n\n" : "");
    buf_put_str(&text, wish);
    seq_request(c, buf_str(&text), no_tools);
    buf_done(&text);
}

static void greet(struct call *c)
{
    call_remark(c, NOTE_ANSWERED, call_since_ms(c), STR_NULL);
    if (c->o->greeting.kind == GREETING_NONE || c->greeted) {
        phase_to(c, PH_CONVERSE);
        uplink_open(c);
        return;
    }
    phase_to(c, PH_GREET);
    c->greeted = true;
    if (c->o->greeting.protect && !c->gated) {
        hold_clear(&c->waiting);
    }
    uplink_open(c);
    turn_begin(c);
    timer_set(c, TIMER_GREETING, c->o->greeting.fallback_ms);
    if (c->o->greeting.kind == GREETING_TEXT) {
        ask_exactly(c, c->o->greeting.text);
    } else if (c->o->greeting.text.n) {
        life_ask(c, c->o->greeting.text, false);
    } else {
        seq_request(c, STR_NULL, false);
    }
}

void life_both_up(struct call *c)
{
    if (c->leg == LEG_UP && c->model == MODEL_READY && c->phase == PHASE_SETUP) {
        timer_off(c, TIMER_MODEL_READY);
        greet(c);
    }
}

void life_leg_start(struct call *c, const struct call_event *ev)
{
    if (c->leg != LEG_NONE) {
        return; /* the carrier's adapter refuses a second start; a journal may still hold one */
    }
    c->leg = LEG_UP;
    c->leg_start_us = c->now_us;
    c->leg_format = ev->leg_start.format;
    ledger_done(&c->ledger);
    ledger_init(&c->ledger, audio_bytes_per_ms(c->leg_format));
    track_done(&c->track);
    track_init(&c->track, c->leg_format);
    intake_init(c);
    turn_init(c);
    timer_off(c, TIMER_LEG_START);
    if (!c->o->text_only) {
        timer_set(c, TIMER_MEDIA, c->o->deadlines.media_ms);
    }
    if (c->o->limits.max_call_s) {
        c->timers[TIMER_MAX_CALL] = c->now_us + (uint64_t)c->o->limits.max_call_s * 1000000;
    }
    /* Through an empty queue and back at once: the first measure of the way to the caller's ear. */
    if (!c->o->text_only) {
        playout_open_mark(c);
    }
    if (c->model == MODEL_GONE && !voicemail_has_sound(c)) {
        life_hangup(c, c->reason, true);
        return;
    }
    voicemail_leg_up(c);
    if (c->model == MODEL_READY) {
        life_both_up(c);
    } else if (!voicemail_on(c)) { /* the machine's greeting bounds the wait */
        timer_set(c, TIMER_MODEL_READY, c->o->deadlines.model_ready_ms);
    }
}

void life_detail(struct call *c, struct str why)
{
    size_t n = MIN(why.n, sizeof(c->detail) - 1);
    memcpy(c->detail, why.p ? why.p : "", n);
    c->detail[n] = '\0';
}

static void set_reason(struct call *c, enum call_reason reason)
{
    if (c->reason == REASON_NONE) {
        c->reason = reason;
    }
}

void life_model_why(struct call *c, const struct call_event *ev, struct str code)
{
    life_detail(c, code);
    c->model_reason = ev->model_failed.was_ready || c->renew.ever ? REASON_MODEL_CLOSED
                      : ev->model_failed.code.n                   ? REASON_MODEL_REFUSED
                                                                  : REASON_MODEL_UNREACHABLE;
}

void life_model_gone(struct call *c)
{
    c->model = MODEL_GONE;
    set_reason(c, c->model_reason);
    renew_end(c);
    tools_cancel_all(c);
    timer_off(c, TIMER_GAP);
    timer_off(c, TIMER_RENEW);
    timer_off(c, TIMER_RENEW_OPEN);
    timer_off(c, TIMER_RENEW_LATEST);
    c->want = false;
    timer_off(c, TIMER_RESPONSE);
    timer_off(c, TIMER_EXPECT);
    if (c->response != RESPONSE_NONE) {
        c->response = RESPONSE_NONE; /* the other side of the machine is gone with its session */
    }
    for (uint32_t i = 0; i < c->item_n; i++) {
        struct item *it = item_at(c, i);
        it->audio_done = it->text_done = true;
    }
    guard_session_over(c);
    if (c->leg == LEG_NONE) {
        if (c->o->outgoing && !voicemail_has_sound(c)) {
            life_end(c); /* nobody is called to hear an apology */
        }
        return; /* told to the caller when the leg comes up; TIMER_LEG_START bounds that */
    }
    if (c->phase == PHASE_TRANSFERRING) {
        transfer_model_gone(c);
        return;
    }
    if (voicemail_has_sound(c)) {
        return; /* a recorded message is left without it */
    }
    /* What the agent had said is played to its end, then the caller is told and the leg goes down. */
    if (c->farewell == FAREWELL_NONE) {
        c->apologise = true;
    }
    c->farewell = FAREWELL_PLAYING;
    if (c->phase != PHASE_FAREWELL) {
        phase_to(c, PH_FAREWELL);
    }
    timer_set(c, TIMER_FAREWELL, FAREWELL_PLAY_MS);
}

void life_hangup(struct call *c, enum call_reason reason, bool apologise)
{
    set_reason(c, reason);
    if (c->leg == LEG_NONE) {
        life_end(c);
        return;
    }
    if (c->leg != LEG_UP) {
        return;
    }
    if (c->phase != PHASE_FAREWELL) {
        phase_to(c, PH_FAREWELL);
    }
    transfer_drop(c);
    c->leg = LEG_HANGING_UP;
    struct call_action *act = call_emit(c, ACT_LEG_HANGUP);
    act->leg_hangup.reason = c->reason;
    act->leg_hangup.apologise = apologise;
    timer_off(c, TIMER_FAREWELL);
    timer_set(c, TIMER_HANGUP, c->o->deadlines.hangup_ms);
}

void life_goodbye(struct call *c, struct str response_id)
{
    if (c->farewell != FAREWELL_NONE || call_leaving(c)) {
        return; /* a transfer under way has precedence */
    }
    phase_to(c, PH_FAREWELL);
    set_reason(c, REASON_AGENT_HANGUP);
    c->farewell = FAREWELL_CALLED;
    call_copy_id(c->farewell_response, response_id);
    timer_set(c, TIMER_FAREWELL, c->o->deadlines.stall_ms);
}

static void ask_goodbye(struct call *c)
{
    c->farewell = FAREWELL_ASKED;
    timer_set(c, TIMER_FAREWELL, c->o->deadlines.farewell_ms);
    struct str words = c->farewell_words.n ? c->farewell_words : c->o->farewell.text;
    if (words.n) {
        ask_exactly(c, words);
    } else {
        life_ask(c, STR("The call is ending. Say goodbye to the caller in one short sentence."), true);
    }
}

void life_play_out(struct call *c, uint32_t max_ms)
{
    c->farewell = FAREWELL_PLAYING;
    timer_set(c, TIMER_FAREWELL, max_ms);
}

void life_last_words(struct call *c, struct str words)
{
    c->farewell_words = words;
    ask_goodbye(c);
}

/* The response that called end_call is over: was its speech the goodbye, or is one still owed? */
static void farewell_progress(struct call *c)
{
    bool over = c->response == RESPONSE_NONE || c->response == RESPONSE_DONE;
    switch (c->farewell) {
    case FAREWELL_CALLED:
        if (over) {
            if (playout_known_ms(c, c->farewell_response) >= CALL_LAST_WORDS_MS || c->response_wrote) {
                c->farewell = FAREWELL_PLAYING;
                timer_set(c, TIMER_FAREWELL, FAREWELL_PLAY_MS);
            } else {
                ask_goodbye(c);
            }
        }
        break;
    case FAREWELL_ASKED:
        if (c->playout != PLAYOUT_EMPTY && c->response != RESPONSE_REQUESTED) {
            c->farewell = FAREWELL_PLAYING;
            timer_set(c, TIMER_FAREWELL, FAREWELL_PLAY_MS);
        } else if (over && !c->want && c->playout == PLAYOUT_EMPTY) {
            call_remark(c, NOTE_FAREWELL, 0, c->response_wrote ? STR("played") : STR("no-audio"));
            voicemail_broken(c);
            life_hangup(c, c->reason, false);
        }
        break;
    case FAREWELL_PLAYING:
        if (over && c->playout == PLAYOUT_EMPTY) {
            call_remark(c, NOTE_FAREWELL, 0, STR("played"));
            life_hangup(c, c->reason, c->apologise);
        }
        break;
    case FAREWELL_NONE:
        break;
    }
}

void life_progress(struct call *c)
{
    if (c->phase == PHASE_GREETING && c->playout == PLAYOUT_EMPTY && c->response == RESPONSE_NONE && !c->want &&
        c->turn_open && c->turn.first_audio_ms >= 0) {
        call_remark(c, NOTE_GREETING_DONE, c->turn.heard_ms, STR_NULL);
        timer_off(c, TIMER_GREETING);
        phase_to(c, PH_CONVERSE);
    }
    if (c->phase == PHASE_FAREWELL && c->leg == LEG_UP) {
        farewell_progress(c);
    } else if (c->phase == PHASE_TRANSFERRING && c->leg == LEG_UP) {
        transfer_progress(c);
    }
}

void life_leg_over(struct call *c, enum call_reason reason)
{
    if (transfer_done(c)) {
        c->reason = REASON_TRANSFERRED; /* whatever it began with: a model that failed, a goodbye */
    }
    if (c->leg == LEG_UP) {
        voicemail_broken(c);
    }
    set_reason(c, reason);
    if (c->leg == LEG_NONE && c->leg_start_us == 0) {
        life_end(c); /* hung up while it still rang */
        return;
    }
    c->leg = LEG_DOWN;
    life_end(c);
}

void life_end(struct call *c)
{
    if (c->leg_start_us) {
        keys_drop(c);
        if (c->item_n || !ledger_idle(&c->ledger)) {
            enum model_state model = c->model;
            c->model = MODEL_GONE; /* nothing more goes to the model: no truncation of a session that ends */
            enum response_state response = c->response;
            c->response = RESPONSE_NONE;
            cut_agent(c, WE_CANCEL);
            c->model = model;
            c->response = response;
        }
        turn_close(c);
    }
    transfer_drop(c);
    tools_cancel_all(c);
    for (uint64_t base = c->track.base;; base = c->track.base) {
        playout_record(c, true);
        if (c->track.base == base) {
            break;
        }
    }
    call_emit(c, ACT_MODEL_CLOSE);
    renew_end(c);
    phase_to(c, PH_END);
    struct str detail = call_keep(c, str_from(c->detail));
    struct call_action *act = call_emit(c, ACT_END);
    act->end.reason = c->reason;
    act->end.detail = detail;
    act->end.duration_ms = c->leg_start_us ? (uint32_t)((c->now_us - c->leg_start_us) / 1000) : 0;
    if (c->leg_start_us) {
        intake_stats(c, &act->end.line);
    }
}

void life_goodbye_with(struct call *c, enum call_reason reason, struct str words)
{
    c->farewell_words = words;
    set_reason(c, reason);
    if (c->model != MODEL_READY || c->leg != LEG_UP || c->phase == PHASE_FAREWELL) {
        life_hangup(c, reason, false);
        return;
    }
    phase_to(c, PH_FAREWELL);
    c->farewell = FAREWELL_CALLED;
    c->farewell_response[0] = '\0';
    if (c->playout != PLAYOUT_EMPTY || c->response == RESPONSE_GENERATING) {
        cut_agent(c, WE_CANCEL);
    }
}

void life_timer(struct call *c, enum call_timer t)
{
    switch (t) {
    case TIMER_LEG_START:
        set_reason(c, REASON_NO_MEDIA);
        life_end(c);
        break;
    case TIMER_MODEL_READY:
        life_hangup(c, REASON_MODEL_UNREACHABLE, true);
        break;
    case TIMER_GREETING:
        if (c->phase == PHASE_GREETING) {
            call_remark(c, NOTE_GREETING_TIMEOUT, 0, STR_NULL);
            phase_to(c, PH_CONVERSE);
        }
        break;
    case TIMER_RESPONSE:
        seq_expired(c);
        break;
    case TIMER_EXPECT:
        break; /* the service did not answer by itself: clear_to_send looks at the timer */
    case TIMER_FAREWELL:
        call_remark(c, NOTE_FAREWELL, 0, STR("timeout"));
        voicemail_broken(c);
        life_hangup(c, c->reason, c->apologise);
        break;
    case TIMER_HANGUP:
        c->leg = LEG_DOWN;
        life_end(c);
        break;
    case TIMER_MEDIA:
        life_hangup(c, REASON_NO_MEDIA, false);
        break;
    case TIMER_FILL:
        uplink_fill(c);
        break;
    case TIMER_TRANSFER:
        transfer_timer(c);
        break;
    case TIMER_MAX_CALL:
        if (c->phase == PHASE_TRANSFERRING) {
            timer_set(c, t, MAX_CALL_AGAIN_MS); /* it may come back */
            break;
        }
        life_goodbye_with(c, REASON_LIMIT_DURATION, STR_NULL);
        break;
    case TIMER_PUMP:
        break; /* the pump runs after every event */
    case TIMER_OVERDUE:
        playout_overdue(c);
        break;
    case TIMER_TOOL:
        tools_expired(c);
        break;
    case TIMER_FILLER:
        break; /* looked after behind every event */
    case TIMER_KEYS:
        uplink_keys_done(c);
        break;
    case TIMER_SILENCE:
    case TIMER_DEAD_AIR:
        ladder_timer(c, t);
        break;
    case TIMER_RENEW:
    case TIMER_RENEW_OPEN:
    case TIMER_RENEW_LATEST:
    case TIMER_GAP:
    case TIMER_GAP_FILLER:
    case TIMER_DRAIN:
        renew_timer(c, t);
        break;
    case TIMER_GUARD:
        guard_overdue(c);
        break;
    case TIMER_HOLD:
        guard_held(c);
        break;
    case TIMER_VERDICT:
    case TIMER_COMMIT:
    case TIMER_ARM:
        turn_timer(c, t);
        break;
    case TIMER_UPDATE:
        agents_expired(c);
        break;
    case TIMER_VOICEMAIL:
        voicemail_timer(c);
        break;
    case TIMER_N:
        break;
    }
}
