/*
 * The caller's turn, judged here: what the local detector hears becomes a turn, a pause of the agent with a verdict, or
 * nothing. A sound over the agent pauses it at once; then, within verdict_ms, it turns out to be speech (the response
 * is cancelled and truncated at what was heard) or not (the agent resumes where it was). Real speech that may not count
 * yet (protected greeting, barge-in switched off, the model not there) is shelved and becomes the next turn.
 *
 *     sound ─▶ OPEN ──speech enough──▶ TURN ──silence enough──▶ commit, response
 *                └──silence or own echo──▶ rejected: resume, nothing was sent
 */
#include <stdlib.h>

#include "base/err.h"
#include "call/state.h"

#define TURN_MAX_MS    60000 /* a sound that never ends is a line fault: the turn is closed */
#define SERVICE_WAY_MS 500   /* hybrid: the service and the way to it and back, behind what its own ear takes */
#define PROVEN_MS      96    /* of speech that was above our echo: what goes on behind it is no echo either */
#define SHELF_MIN_MS   256   /* speech that is worth keeping until it may count */
#define LOOK_LEVEL     64    /* mean magnitude, -54 dBFS: what is softer waits for its chunk */

static uint32_t leg_ms(const struct call *c, uint64_t samples)
{
    return (uint32_t)(samples / (audio_rate_hz(c->leg_format) / 1000));
}

/* Where audio that belongs to a sound begins: its pre-roll counts. */
static uint64_t before(const struct call *c, uint64_t onset)
{
    uint64_t pre = (uint64_t)c->o->vad.pre_speech_ms * (audio_rate_hz(c->leg_format) / 1000);
    return onset > pre ? onset - pre : 0;
}

static bool audible(const struct call *c)
{
    return c->playout != PLAYOUT_EMPTY;
}

static bool own_turns(const struct call *c)
{
    return c->o->turn.kind == TURN_LOCAL;
}

bool turn_judged_here(const struct call *c)
{
    return c->o->vad.on;
}

bool turn_holds_floor(const struct call *c)
{
    bool ours = c->o->vad.on || c->o->turn.kind == TURN_MANUAL;
    return ours && c->caller != CALLER_SILENT;
}

void turn_init(struct call *c)
{
    c->gated = c->o->turn.kind == TURN_LOCAL || c->o->turn.kind == TURN_MANUAL;
    c->armed = !(c->o->greeting.protect && c->o->greeting.kind != GREETING_NONE);
    detector_init(&c->detector, &c->o->vad, audio_rate_hz(c->leg_format));
}

/* Sounds are followed but lead to nothing yet. */
static bool protected(const struct call *c)
{
    return c->phase == PHASE_SETUP || call_leaving(c) || !c->armed || (audible(c) && !c->o->barge_in.on);
}

static bool mostly_echo(const struct call *c)
{
    return c->echo_frames * 2 > c->sound_frames;
}

/* p=0.83 start=0.50 end=0.35: what a log needs to tune the thresholds. */
static void remark_sound(struct call *c, enum call_note note, int64_t ms)
{
    struct buf text;
    buf_init(&text, 128);
    const struct detector *d = &c->detector;
    buf_printf(&text, "p=%u.%02u peak=%u.%02u start=%u.%02u end=%u.%02u", d->ppm / 1000000, d->ppm / 10000 % 100,
               d->peak_ppm / 1000000, d->peak_ppm / 10000 % 100, c->o->vad.start_ppm / 1000000,
               c->o->vad.start_ppm / 10000 % 100, c->o->vad.end_ppm / 1000000, c->o->vad.end_ppm / 10000 % 100);
    call_remark(c, note, ms, buf_str(&text));
    buf_done(&text);
}

/* ---- pause and resume ---- */

static void pause_agent(struct call *c)
{
    c->tried = true;
    c->paused_us = c->now_us;
    playout_pause(c);
    const struct item *it = item_at(c, 0);
    call_remark(c, NOTE_PAUSE, it ? bytes_ms(c, it->acked) : 0, STR_NULL);
    timer_set(c, TIMER_VERDICT, c->o->barge_in.verdict_ms);
}

static void resume_agent(struct call *c, enum call_verdict why)
{
    timer_off(c, TIMER_VERDICT);
    if (c->playout != PLAYOUT_PAUSED) {
        return;
    }
    uint32_t ms = (uint32_t)((c->now_us - c->paused_us) / 1000);
    playout_resume(c);
    c->backoff_us = c->now_us + ms_us(c->o->barge_in.backoff_ms);
    if (c->turn_open) {
        c->turn.pauses++;
        c->turn.paused_ms += ms;
        c->turn.paused_for |= 1u << why;
        c->turn.verdict = why;
    }
    call_remark(c, NOTE_RESUME, ms, str_from(call_verdict_name(why)));
}

/* How much speech makes a sound over the agent real: more at the edges of what it says, where people murmur. */
static uint32_t needed_ms(const struct call *c)
{
    const struct call_barge_in_opts *o = &c->o->barge_in;
    uint64_t onset_us = c->leg_start_us + (uint64_t)leg_ms(c, c->detector.onset) * 1000;
    bool begins = onset_us < c->audible_us + ms_us(o->edge_ms);
    bool ends = c->response != RESPONSE_GENERATING && playout_rest_ms(c) < o->edge_ms;
    struct echo_stats echo;
    intake_echo(c, &echo);
    uint32_t need = o->min_speech_ms + (echo.found ? o->echo_extra_ms : 0);
    return begins || ends ? MAX(o->backchannel_ms, need) : need;
}

/* ---- the sound's fate ---- */

static void forget_sound(struct call *c)
{
    c->sound = SOUND_NONE;
    c->tried = false;
    c->need_ms = 0;
    detector_close_sound(&c->detector);
}

static void turn_is_real(struct call *c, uint64_t from)
{
    bool same = c->turn_open && !audible(c);
    bool goes_on = same && c->caller == CALLER_ENDING;              /* the service has not ended it yet */
    bool known = goes_on || (same && c->caller == CALLER_SPEAKING); /* the service was quicker */
    c->sound = SOUND_TURN;
    timer_off(c, TIMER_VERDICT);
    timer_off(c, TIMER_COMMIT);
    caller_to(c, CA_START);
    if (!known) {
        barge_in(c, VERDICT_SPEECH);
    }
    if (!goes_on) {
        c->turn.speech_start_ms = (int32_t)leg_ms(c, from);
    }
    remark_sound(c, NOTE_TURN_START, c->detector.speech_ms);
    uplink_gate_open(c, before(c, from));
}

static void confirm(struct call *c)
{
    if (c->o->turn.kind == TURN_MANUAL) { /* the button makes turns, speech only stops the agent */
        if (audible(c) || c->response == RESPONSE_GENERATING) {
            barge_in(c, VERDICT_SPEECH);
        }
        c->sound = SOUND_TURN;
        timer_off(c, TIMER_VERDICT);
        return;
    }
    uint64_t from = c->shelved ? MIN(c->shelf_from, c->detector.onset) : c->detector.onset;
    c->shelved = false;
    turn_is_real(c, from);
}

static void reject(struct call *c, enum call_verdict why)
{
    resume_agent(c, why);
    if (c->caller == CALLER_MAYBE_SPEECH) {
        caller_to(c, CA_REJECT);
    }
    call_remark(c, NOTE_SOUND_REJECTED, c->detector.speech_ms, str_from(call_verdict_name(why)));
    forget_sound(c);
}

/*
 * How long the service may still take to end a turn whose end we have heard: what its own ear waits for, counted from
 * the same end. semantic_vad waits for the rest of a sentence: 8, 4 or 2 seconds at most (docs of OpenAI Realtime).
 */
static uint32_t commit_wait_ms(const struct call *c)
{
    const struct call_turn_opts *t = &c->o->turn;
    bool by_meaning = t->eagerness.n > 0;
    uint32_t loudness_ms = t->silence_duration_ms >= 0 ? (uint32_t)t->silence_duration_ms : 500;
    uint32_t meaning_ms = str_is(t->eagerness, "low") ? 8000 : str_is(t->eagerness, "high") ? 2000 : 4000;
    uint32_t theirs_ms = by_meaning ? meaning_ms : loudness_ms;
    return theirs_ms - MIN(theirs_ms, c->o->vad.min_silence_ms) + SERVICE_WAY_MS;
}

static void end_turn(struct call *c)
{
    if (c->o->turn.kind == TURN_MANUAL) {
        forget_sound(c); /* only the hand that opened the turn closes it */
        return;
    }
    c->turn.speech_stop_ms = (int32_t)leg_ms(c, c->detector.speech_end);
    c->turn.end_silence_ms = c->detector.silence_ms;
    remark_sound(c, NOTE_TURN_END, c->detector.silence_ms);
    forget_sound(c);
    if (c->caller != CALLER_SPEAKING) {
        return; /* the service has taken the turn already */
    }
    caller_to(c, CA_STOP);
    if (own_turns(c)) {
        uplink_commit(c);
        caller_to(c, CA_COMMIT);
        c->turn.commit_ms = call_since_ms(c);
        seq_request(c, STR_NULL, false);
    } else {
        timer_set(c, TIMER_COMMIT, commit_wait_ms(c));
    }
}

/* A sound that may not count now: kept when it was speech, dropped when it was not or when nobody will ask for it. */
static void put_on_shelf(struct call *c)
{
    struct detector *d = &c->detector;
    if (d->silence_ms < c->o->vad.min_silence_ms) {
        return; /* still going on; it may count before it ends */
    }
    bool speech = d->speech_ms >= SHELF_MIN_MS && !mostly_echo(c);
    if (speech && own_turns(c) && !call_leaving(c)) {
        c->shelf_from = c->shelved ? c->shelf_from : d->onset;
        c->shelved = true;
        uplink_shelve(c, before(c, d->onset));
    }
    if (audible(c)) {
        call_remark(c, NOTE_BARGE_IN_IGNORED, d->speech_ms, STR("protected"));
        c->turn.verdict = c->turn_open ? VERDICT_PROTECTED : c->turn.verdict;
    }
    if (c->caller == CALLER_MAYBE_SPEECH) {
        caller_to(c, CA_REJECT); /* it began before it was protected: nobody holds the floor any more */
    }
    forget_sound(c);
}

static bool may_pause(const struct call *c)
{
    const struct call_barge_in_opts *o = &c->o->barge_in;
    bool plays = c->playout == PLAYOUT_PLAYING || c->playout == PLAYOUT_DRAINING;
    return o->pause && plays && !c->tried && c->leg == LEG_UP;
}

static void decide(struct call *c)
{
    struct detector *d = &c->detector;
    if (c->sound == SOUND_NONE && d->sound) {
        c->sound = SOUND_OPEN;
        c->sound_frames = c->echo_frames = 0;
    }
    if (c->sound == SOUND_TURN) {
        if (detector_ended(d, c->o->vad.min_silence_ms) || d->speech_ms >= TURN_MAX_MS) {
            end_turn(c);
        }
        return;
    }
    if (c->sound == SOUND_NONE) {
        return;
    }
    if (protected(c)) {
        put_on_shelf(c);
        return;
    }
    if (c->caller == CALLER_SILENT && c->o->turn.kind != TURN_MANUAL) {
        caller_to(c, CA_MAYBE);
    }
    bool over = audible(c);
    if (over && c->need_ms == 0) {
        c->need_ms = MAX(needed_ms(c), 1u); /* as it was when the sound met the agent: edges pass while it lasts */
    }
    uint32_t need = over ? c->need_ms : c->o->vad.min_speech_ms;
    bool firm = 4 * d->firm_ms >= 3 * need; /* a burst of noise peaks and fades: most of it is not believed */
    if (d->speech_ms >= need && firm && d->peak_ppm >= c->o->vad.start_ppm && !mostly_echo(c)) {
        confirm(c);
    } else if (d->silence_ms >= c->o->barge_in.reject_silence_ms) {
        bool murmur = over && d->speech_ms >= c->o->barge_in.min_speech_ms;
        reject(c, mostly_echo(c) ? VERDICT_ECHO : murmur ? VERDICT_BACKCHANNEL : VERDICT_SHORT);
    } else if (over && may_pause(c)) {
        pause_agent(c);
    }
}

/*
 * Over the agent a sound begins earlier than it can be believed: the agent pauses for it, and resumes if it is nothing.
 * On a line with echo half of that will do while the guard lets somebody through: his energy is proven then, and the
 * network, which heard rest until now and hears him through our own voice, takes longer to rise. Not of a look ahead: a
 * cough that lets our voice in would do.
 */
static uint32_t sound_ppm(const struct call *c, enum echo_verdict echo, bool look)
{
    const struct call_barge_in_opts *o = &c->o->barge_in;
    uint32_t start = c->o->vad.start_ppm;
    if (!audible(c)) {
        return start;
    }
    if (echo == ECHO_HELD) {
        return 1000000; /* behind a click our own voice begins */
    }
    uint32_t wary = c->now_us < c->backoff_us ? o->backoff_ppm : 0;
    uint32_t pause = MIN(o->pause_ppm, start) / (echo == ECHO_DOUBLE && !look ? 2 : 1);
    return (o->on && o->pause ? pause : start) + wary;
}

/* ---- what comes in ---- */

static void ask_detector(struct call *c, struct detector_chunk chunk, const int16_t *pcm, size_t n)
{
    uint8_t *copy = arena_raw(&c->out->bytes, n * sizeof(*pcm));
    if (!copy) {
        c->out->overflow = true;
        return;
    }
    memcpy(copy, pcm, n * sizeof(*pcm));
    struct call_action *act = call_emit(c, ACT_VAD);
    act->vad.chunk = chunk.number;
    act->vad.rate_hz = c->detector.rate_hz;
    act->vad.reset = chunk.reset;
    act->vad.pcm = span_from(copy, n * sizeof(*pcm));
}

/* Twice as loud as the line at rest: the first syllable of somebody, or a noise. */
static bool stands_out(const struct call *c, const int16_t *pcm, size_t n)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (uint32_t)abs(pcm[i]);
    }
    int32_t floor = c->comfort ? c->comfort->floor : 0;
    return n > 0 && sum / n >= (uint32_t)MAX(2 * floor, LOOK_LEVEL);
}

/*
 * A frame takes 20 ms and a chunk 32: over the agent, whatever could pause him is judged with the frame that it came
 * in, before its chunk is full. The last chunk of our own echo and the first of a voice over it are one.
 */
static void look_ahead(struct call *c, uint64_t end, const int16_t *pcm, size_t n, enum echo_verdict echo)
{
    int16_t look[DETECTOR_LOOK];
    bool awaited = c->sound == SOUND_NONE && c->o->barge_in.on && audible(c) && may_pause(c) && !protected(c);
    bool heard = echo == ECHO_DOUBLE || (echo == ECHO_NONE && awaited && stands_out(c, pcm, n));
    if (awaited && heard && detector_look(&c->detector, end, (uint8_t)echo, look)) {
        ask_detector(c, (struct detector_chunk){0}, look, DETECTOR_LOOK);
    }
}

void turn_heard(struct call *c, uint64_t at, const int16_t *pcm, size_t n, enum echo_verdict echo)
{
    if (!c->o->vad.on) {
        return;
    }
    c->sound_frames++;
    c->echo_frames += echo == ECHO_ONLY;
    for (size_t done = 0; done < n;) {
        struct detector_chunk chunk;
        size_t took = detector_fill(&c->detector, at + done, pcm + done, n - done, &chunk);
        done += took;
        if (chunk.number) {
            c->detector.notes[chunk.number % DETECTOR_PENDING] = (uint8_t)echo;
            ask_detector(c, chunk, c->detector.pcm, c->detector.chunk_samples);
        }
    }
    look_ahead(c, at + n, pcm, n, echo);
}

/*
 * Speech that is heard while nothing exceeds our own echo is our own speech: behind a cough the guard is open for a
 * moment, and behind that the network remembers. Only the weak sounds of somebody who has proven to speak are his.
 */
static bool is_our_own(const struct call *c, enum echo_verdict echo)
{
    return echo == ECHO_ONLY || (echo == ECHO_STALE && !(c->detector.sound && c->detector.firm_ms >= PROVEN_MS));
}

void turn_vad(struct call *c, uint32_t number, uint32_t ppm)
{
    if (number == 0) {
        enum echo_verdict seen = (enum echo_verdict)c->detector.look_note;
        if (c->o->vad.on && c->leg == LEG_UP && detector_look_answer(&c->detector, ppm, sound_ppm(c, seen, true))) {
            decide(c);
        }
        return;
    }
    enum echo_verdict echo = (enum echo_verdict)c->detector.notes[number % DETECTOR_PENDING];
    if (c->o->vad.on && c->leg == LEG_UP &&
        detector_answer(&c->detector, &c->o->vad, number, is_our_own(c, echo) ? 0 : ppm, sound_ppm(c, echo, false))) {
        decide(c);
    }
}

void turn_progress(struct call *c)
{
    if (!c->o->vad.on || c->leg != LEG_UP) {
        return;
    }
    /* The agent began to sound while somebody may be speaking: not a word before that is decided. */
    if (c->sound == SOUND_OPEN && c->caller == CALLER_MAYBE_SPEECH && !protected(c) && may_pause(c)) {
        pause_agent(c);
    }
    bool idle = c->phase == PHASE_CONVERSATION && c->armed && !audible(c) && c->response == RESPONSE_NONE && !c->want;
    if (c->shelved && c->sound == SOUND_NONE && idle) {
        c->shelved = false;
        turn_is_real(c, c->shelf_from);
        c->detector.silence_ms = MAX(c->detector.silence_ms, c->o->vad.min_silence_ms);
        end_turn(c);
    }
}

void turn_committed(struct call *c)
{
    timer_off(c, TIMER_COMMIT);
    forget_sound(c); /* what goes on sounding is a new one */
    if (c->turn_open) {
        c->turn.commit_ms = call_since_ms(c);
    }
}

void turn_arm(struct call *c)
{
    if (c->armed) {
        return;
    }
    if (!c->gated && c->model == MODEL_READY) {
        call_emit(c, ACT_MODEL_CLEAR_INPUT); /* whatever of the greeting came back is not the caller's first turn */
    }
    if (c->o->vad.on) {
        timer_set(c, TIMER_ARM, c->o->vad.grace_ms);
    } else {
        c->armed = true;
    }
}

/* Speech is under way and half believed: a little more decides, and going on now would only be stopped again. */
static bool nearly_real(const struct call *c)
{
    const struct detector *d = &c->detector;
    const struct call_barge_in_opts *o = &c->o->barge_in;
    bool edge = c->need_ms > o->verdict_ms; /* more is asked for there than fits */
    /* One chunk, and one more that a look ahead may have paused too early. */
    uint64_t until_us = c->paused_us + ms_us(edge ? 2 * o->verdict_ms : o->verdict_ms + 2 * DETECTOR_CHUNK_MS);
    return c->sound == SOUND_OPEN && d->silence_ms == 0 && 2 * d->speech_ms >= o->min_speech_ms &&
           d->peak_ppm >= c->o->vad.start_ppm && !mostly_echo(c) && c->now_us < until_us;
}

void turn_timer(struct call *c, enum call_timer t)
{
    if (t == TIMER_VERDICT && nearly_real(c)) {
        timer_set(c, TIMER_VERDICT, DETECTOR_CHUNK_MS);
    } else if (t == TIMER_VERDICT) {
        resume_agent(c, mostly_echo(c) ? VERDICT_ECHO : VERDICT_TIMEOUT);
    } else if (t == TIMER_ARM) {
        c->armed = true;
        if (c->sound == SOUND_NONE) {
            detector_restart(&c->detector); /* nothing of the greeting's echo stays in the network's memory */
        }
        decide(c);
    } else if (t == TIMER_COMMIT && c->caller == CALLER_ENDING) {
        if (!c->model_creates) {
            uplink_commit(c);
            c->turn.commit_ms = call_since_ms(c);
            seq_request(c, STR_NULL, false);
        }
        caller_to(c, CA_COMMIT);
    }
}

/* ---- push to talk ---- */

void turn_cue(struct call *c, enum turn_cue cue)
{
    bool talks = c->caller == CALLER_SPEAKING;
    if (c->leg != LEG_UP || c->model != MODEL_READY || call_leaving(c)) {
        return;
    }
    if (cue == TURN_CUE_START && !talks) {
        caller_to(c, CA_START);
        barge_in(c, VERDICT_CONTROL);
        uplink_gate_open(c, before(c, c->media_pos));
    } else if (cue == TURN_CUE_COMMIT && talks) {
        forget_sound(c);
        caller_to(c, CA_STOP);
        c->turn.speech_stop_ms = call_since_ms(c);
        uplink_commit(c);
        caller_to(c, CA_COMMIT);
        c->turn.commit_ms = call_since_ms(c);
        seq_request(c, STR_NULL, false);
    } else if (cue == TURN_CUE_DISCARD && talks) {
        forget_sound(c);
        caller_to(c, CA_STOP);
        uplink_discard(c);
        caller_to(c, CA_COMMIT);
    }
}
