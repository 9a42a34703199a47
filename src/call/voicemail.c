/*
 * A machine has answered the call that we made: what it says is no caller's, so that nobody hears it but the detector
 * of its beep. When its greeting is over the message is said word for word, or a recorded one is played, for which no
 * model is needed, and we hang up. When neither a beep nor a silence comes, nothing is said: half a message in the
 * middle of a greeting is worse than none.
 *
 *     wanted ─▶ due (until the leg is up) ─▶ waiting ─▶ (beep, or 1.5 s of silence) ─▶ speaking ─▶ "voicemail"
 *                                               └▶ 30 s ─▶ "machine"
 */
#include <stdlib.h>

#include "call/state.h"

#define WAIT_MS       30000
#define TEXT_MAX      4096
#define SOUND_MAX     (60u * 8000) /* a minute */
#define PLAY_SLACK_MS 5000         /* over its length, for the way to the carrier and back */

bool voicemail_on(const struct call *c)
{
    return c->voicemail.state > VOICEMAIL_DUE;
}

bool voicemail_has_sound(const struct call *c)
{
    return c->voicemail.state != VOICEMAIL_NONE && c->voicemail.sound.len > 0;
}

static void play(struct call *c)
{
    c->reason = REASON_VOICEMAIL;
    playout_sound(c, buf_span(&c->voicemail.sound));
    life_play_out(c, (uint32_t)(c->voicemail.sound.len / 8) + PLAY_SLACK_MS);
}

static void speak(struct call *c)
{
    timer_off(c, TIMER_VOICEMAIL);
    c->voicemail.state = VOICEMAIL_SPEAKING;
    if (voicemail_has_sound(c)) {
        play(c);
        return;
    }
    if (c->model != MODEL_READY || c->voicemail.text.err < 0) {
        life_hangup(c, REASON_MACHINE, false);
        return;
    }
    c->reason = REASON_VOICEMAIL;
    life_last_words(c, buf_str(&c->voicemail.text));
}

/* Whatever is under way: the agent stops, nobody holds the floor. */
static void fall_silent(struct call *c)
{
    c->want = false;
    if (c->playout != PLAYOUT_EMPTY || c->response == RESPONSE_GENERATING || c->response == RESPONSE_REQUESTED) {
        cut_agent(c, WE_CANCEL);
    }
    ladder_reset(c);
    timer_off(c, TIMER_GREETING);
    timer_off(c, TIMER_MODEL_READY);
}

static void begin(struct call *c)
{
    phase_to(c, PH_FAREWELL);
    fall_silent(c);
    c->voicemail.state = VOICEMAIL_WAITING;
    c->voicemail.beep = malloc(sizeof(*c->voicemail.beep));
    if (!c->voicemail.beep) {
        c->out->overflow = true;
        return;
    }
    beep_init(c->voicemail.beep, audio_rate_hz(c->leg_format));
    timer_set(c, TIMER_VOICEMAIL, WAIT_MS);
    if (!c->voicemail.after_beep) {
        speak(c);
    }
}

void voicemail_leg_up(struct call *c)
{
    if (c->voicemail.state == VOICEMAIL_DUE) {
        begin(c);
    }
}

void voicemail_wanted(struct call *c, const struct call_event *ev)
{
    bool leaving = c->phase == PHASE_FAREWELL || c->phase == PHASE_TRANSFERRING || c->phase == PHASE_ENDED;
    if (c->voicemail.state == VOICEMAIL_DUE) {
        c->voicemail.after_beep &= ev->control_voicemail.after_beep;
        return;
    }
    if ((c->leg != LEG_UP && c->leg != LEG_NONE) || leaving || voicemail_on(c)) {
        /* A second word on a machine whose greeting we wait for: now it is over. */
        if (c->voicemail.state == VOICEMAIL_WAITING && !ev->control_voicemail.after_beep) {
            speak(c);
        }
        return;
    }
    buf_init(&c->voicemail.text, TEXT_MAX);
    buf_put_str(&c->voicemail.text, ev->control_voicemail.text);
    buf_init(&c->voicemail.sound, SOUND_MAX);
    buf_put(&c->voicemail.sound, ev->control_voicemail.sound.p, ev->control_voicemail.sound.n);
    if (c->voicemail.sound.err < 0) {
        buf_clear(&c->voicemail.sound); /* half of it is worse than the text */
    }
    c->voicemail.after_beep = ev->control_voicemail.after_beep;
    c->voicemail.state = VOICEMAIL_DUE;
    if (c->leg == LEG_UP) {
        begin(c);
    }
}

void voicemail_hear(struct call *c, const int16_t *pcm, size_t n)
{
    if (c->voicemail.state != VOICEMAIL_WAITING || !c->voicemail.beep || !pcm) {
        return;
    }
    enum beep_finding found = beep_run(c->voicemail.beep, pcm, n);
    if (found != BEEP_NOTHING) {
        call_remark(c, NOTE_FAREWELL, 0, found == BEEP_HEARD ? STR("beep") : STR("silence"));
        speak(c);
    }
}

void voicemail_timer(struct call *c)
{
    if (c->voicemail.state == VOICEMAIL_WAITING) {
        voicemail_broken(c); /* a model that has gone is no reason */
        life_hangup(c, REASON_MACHINE, false);
    }
}

void voicemail_broken(struct call *c)
{
    if (voicemail_on(c)) {
        c->reason = REASON_MACHINE;
    }
}

void voicemail_drop(struct call *c)
{
    if (c->voicemail.state == VOICEMAIL_NONE) {
        return;
    }
    timer_off(c, TIMER_VOICEMAIL);
    if (c->reason == REASON_VOICEMAIL) {
        c->reason = REASON_NONE;
        c->farewell_words = STR_NULL; /* lent by what goes now */
        c->want = false;
    }
    voicemail_done(c);
    c->voicemail = (struct voicemail){0};
}

void voicemail_done(struct call *c)
{
    buf_done(&c->voicemail.text);
    free(c->voicemail.beep);
    buf_done(&c->voicemail.sound);
}
