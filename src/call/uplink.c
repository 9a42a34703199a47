/*
 * Caller to model. Server modes stream always. Until the model is ready the audio waits, bounded; gaps of the media
 * clock and a carrier that goes silent in mid-speech are filled with codec silence, because the service's clock counts
 * appended audio and would never see the end of the speech.
 */
#include <stdlib.h>

#include "base/err.h"
#include "call/state.h"

#define GAP_MAX_MS      10000 /* a longer jump is a new clock, not a gap */
#define FILL_AFTER_MS   300
#define ANCHOR_SLACK_MS 20
#define RING_SLACK_MS   160  /* an onset is known only when its chunk is full and judged */
#define RING_TRIM_MS    100  /* the ring is cut in steps of this */
#define RING_KEEP_MS    600  /* memory that an emptied ring keeps */
#define COMMIT_MIN_MS   100  /* the service refuses less */
#define FILL_HEARD_MS   1000 /* of a gap that the local detector hears as silence */
#define FRAME_MAX       2048 /* samples of one carrier frame that are looked at */
#define KEYS_PAUSE_MS   1500 /* after it what was pressed is complete; '#' completes it at once */

static void send_up(struct call *c, struct span audio)
{
    size_t cap = audio_conv_max(&c->up, audio.n);
    uint8_t *out = arena_raw(&c->out->bytes, cap ? cap : 1);
    size_t n = 0;
    if (!out || audio_conv_run(&c->up, audio, out, cap, &n) < 0) {
        c->out->overflow = true;
        return;
    }
    if (n) {
        c->appended_bytes += n;
        call_emit(c, ACT_MODEL_APPEND)->model_append.audio = span_from(out, n);
    }
}

static void send_silence(struct call *c, uint32_t bytes)
{
    uint8_t *silence = arena_raw(&c->out->bytes, bytes ? bytes : 1);
    if (!silence) {
        c->out->overflow = true;
        return;
    }
    memset(silence, audio_silence_byte(c->leg_format), bytes);
    send_up(c, span_from(silence, bytes));
}

/* The caller may not talk into a protected greeting: the service hears silence of the same length. */
static bool shielded(const struct call *c)
{
    return c->phase == PHASE_GREETING && c->o->greeting.protect && !c->gated;
}

static bool flows(const struct call *c)
{
    return c->model == MODEL_READY && c->leg == LEG_UP && c->phase != PHASE_SETUP && (!c->gated || c->gate_open);
}

/* While nothing is said the ring holds the pre-roll; what may become a turn is kept up to the limit. */
static void wait_up(struct call *c, struct span audio)
{
    uint32_t bpm = audio_bytes_per_ms(c->leg_format);
    size_t limit = (size_t)c->o->limits.uplink_ms * bpm;
    if (c->waiting.len + audio.n > limit) {
        size_t drop = MIN(c->waiting.len, c->waiting.len + audio.n - limit);
        buf_consume(&c->waiting, drop);
        call_remark(c, NOTE_UPLINK_DROP, (int64_t)drop, STR_NULL);
    }
    if (audio.n <= limit) {
        buf_put(&c->waiting, audio.p, audio.n);
    }
    size_t idle = (size_t)(c->o->vad.pre_speech_ms + RING_SLACK_MS) * bpm;
    bool wanted = !c->gated || c->gate_open || c->sound != SOUND_NONE || c->shelved;
    if (!wanted && c->waiting.len > idle + (size_t)RING_TRIM_MS * bpm) {
        buf_consume(&c->waiting, c->waiting.len - idle);
    }
}

static void flush_waiting(struct call *c)
{
    if (c->waiting.len && flows(c)) {
        c->turn_bytes += c->waiting.len;
        send_up(c, buf_span(&c->waiting));
        if (c->gated && c->waiting.cap <= (size_t)RING_KEEP_MS * audio_bytes_per_ms(c->leg_format)) {
            buf_clear(&c->waiting, 0);
        } else {
            buf_done(&c->waiting);
        }
    }
}

/* Caller audio on its way: at once, or behind what waits. */
static void pass_up(struct call *c, struct span audio)
{
    if (!flows(c) || c->waiting.len) {
        wait_up(c, audio);
        flush_waiting(c);
    } else {
        c->turn_bytes += audio.n;
        send_up(c, audio);
    }
}

static void pass_silence(struct call *c, uint32_t bytes)
{
    uint8_t *silence = arena_raw(&c->out->bytes, bytes ? bytes : 1);
    if (!silence) {
        c->out->overflow = true;
        return;
    }
    memset(silence, audio_silence_byte(c->leg_format), bytes);
    pass_up(c, span_from(silence, bytes));
}

void uplink_open(struct call *c)
{
    audio_conv_init(&c->up, c->leg_format, c->model_in);
    flush_waiting(c);
}

void uplink_gate_open(struct call *c, uint64_t from)
{
    if (!c->gated || c->gate_open) {
        return;
    }
    uint32_t ss = audio_sample_bytes(c->leg_format);
    uint64_t waits = c->waiting.len / ss;
    uint64_t first = c->media_pos > waits ? c->media_pos - waits : 0;
    if (from > first) {
        buf_consume(&c->waiting, (size_t)MIN(from - first, waits) * ss);
    }
    c->gate_open = true;
    c->turn_bytes = 0;
    flush_waiting(c);
}

void uplink_commit(struct call *c)
{
    uint32_t least = COMMIT_MIN_MS * audio_bytes_per_ms(c->leg_format);
    if (c->gated && c->turn_bytes < least) {
        send_silence(c, (uint32_t)(least - c->turn_bytes));
    }
    call_emit(c, ACT_MODEL_COMMIT);
    c->own_commits++;
    c->gate_open = false;
}

void uplink_discard(struct call *c)
{
    if (c->gate_open && c->turn_bytes && c->model == MODEL_READY) {
        call_emit(c, ACT_MODEL_CLEAR_INPUT);
    }
    c->gate_open = false;
}

/*
 * The first frame's arrival anchors the media clock. When frames then come faster than time, that one had been held up
 * on its way: the anchor moves to where the least delayed frame says, as long as nothing of the recording has left.
 */
static void pull_anchor(struct call *c, uint64_t now_pos, uint32_t n_samples)
{
    uint64_t latest = now_pos > n_samples ? now_pos - n_samples : 0;
    uint64_t slack = audio_rate_hz(c->leg_format) / 1000 * ANCHOR_SLACK_MS;
    if (c->media_pos <= latest + slack || c->track.base > 0) {
        return;
    }
    uint64_t ahead = MIN(c->media_pos - latest, c->media_pos);
    if (ahead <= c->track.caller_end) {
        track_pull_caller(&c->track, ahead);
        c->media_pos -= ahead;
    }
}

/* Where the frame belongs on the media clock; a jump forward within reason is a gap. Returns the gap's samples. */
static uint32_t place_frame(struct call *c, uint32_t ts_ms, uint32_t n_samples)
{
    uint32_t per_ms = audio_rate_hz(c->leg_format) / 1000;
    uint64_t now_pos = call_position(c, c->now_us);
    uint32_t gap = 0;
    if (c->media_seen_us == 0) {
        c->media_pos = now_pos > n_samples ? now_pos - n_samples : 0;
    } else {
        int32_t jump_ms = (int32_t)(ts_ms - c->media_ts);
        if (jump_ms > 0 && jump_ms <= GAP_MAX_MS) {
            gap = (uint32_t)jump_ms * per_ms;
            c->media_pos += gap;
        } else if (jump_ms > GAP_MAX_MS || jump_ms < -GAP_MAX_MS) {
            c->media_pos = MAX(c->media_pos, now_pos > n_samples ? now_pos - n_samples : 0);
        }
    }
    pull_anchor(c, now_pos, n_samples);
    c->media_ts = ts_ms + n_samples / per_ms;
    return gap;
}

/* What the caller's frame is: looked at by the echo guard, then by the local detector. True: our own echo. */
static bool judge_frame(struct call *c, struct span audio, uint32_t n_samples)
{
    if ((!c->o->vad.on && !c->o->echo_guard) || n_samples > FRAME_MAX) {
        return false;
    }
    int16_t *pcm = arena_raw(&c->out->bytes, n_samples * sizeof(int16_t) + 1);
    if (!pcm) {
        c->out->overflow = true;
        return false;
    }
    audio_to_linear(c->leg_format, audio, pcm);
    enum echo_verdict echo = ECHO_NONE;
    if (c->o->echo_guard) {
        echo = echo_judge(&c->echo, c->media_pos, pcm, n_samples);
    }
    if (echo == ECHO_ONLY) {
        memset(pcm, 0, n_samples * sizeof(int16_t));
    }
    turn_heard(c, c->media_pos, pcm, n_samples, echo);
    return echo == ECHO_ONLY;
}

/* Missing media is silence to whoever listens: the service's clock counts what is appended. */
static void fill_gap(struct call *c, uint32_t n_samples)
{
    static const int16_t silence[FRAME_MAX / 8];
    uint32_t per_ms = audio_rate_hz(c->leg_format) / 1000;
    call_remark(c, NOTE_UPLINK_FILL, n_samples / per_ms, STR_NULL);
    for (uint32_t n = MIN(n_samples, per_ms * FILL_HEARD_MS); c->o->vad.on && n;) {
        uint32_t part = MIN(n, (uint32_t)ARRAY_LEN(silence));
        turn_heard(c, c->media_pos - n, silence, part, ECHO_NONE);
        n -= part;
    }
    pass_silence(c, n_samples * audio_sample_bytes(c->leg_format));
}

void uplink_media(struct call *c, uint32_t timestamp_ms, struct span audio)
{
    if (c->leg != LEG_UP && c->leg != LEG_HANGING_UP) {
        return;
    }
    uint32_t ss = audio_sample_bytes(c->leg_format);
    uint32_t n_samples = (uint32_t)(audio.n / ss);
    uint32_t gap = place_frame(c, timestamp_ms, n_samples);
    if (c->o->record) {
        ignore_result(track_caller(&c->track, c->media_pos, audio)); /* a gap in the recording, counted as late */
    }
    uint64_t filled_us = c->media_seen_us < c->filled_us ? c->filled_us - c->media_seen_us : 0;
    c->uplink_bytes += audio.n;
    timer_set(c, TIMER_MEDIA, c->o->deadlines.media_ms);
    c->media_first_us = c->media_first_us ? c->media_first_us : c->now_us;
    c->media_seen_us = c->now_us;
    c->filled_us = c->now_us;
    timer_set(c, TIMER_FILL, FILL_AFTER_MS);
    if (c->model == MODEL_GONE || c->leg != LEG_UP) {
        c->media_pos += n_samples;
        return;
    }
    uint32_t filled = (uint32_t)(filled_us / 1000) * (audio_rate_hz(c->leg_format) / 1000);
    if (gap > filled) {
        fill_gap(c, gap - filled);
    }
    bool echo = judge_frame(c, audio, n_samples);
    c->media_pos += n_samples;
    if (echo || shielded(c)) {
        pass_silence(c, (uint32_t)audio.n);
    } else {
        pass_up(c, audio);
    }
}

void uplink_text(struct call *c, struct str said)
{
    if (c->model != MODEL_READY || c->leg != LEG_UP || c->phase == PHASE_FAREWELL) {
        return;
    }
    struct str text = call_keep(c, said);
    if (c->playout != PLAYOUT_EMPTY || c->response == RESPONSE_GENERATING) {
        cut_agent(c, WE_CANCEL);
    }
    turn_begin(c);
    line_caller(c, text);
    call_emit(c, ACT_MODEL_USER_TEXT)->model_user_text.text = text;
    seq_request(c, STR_NULL, false);
}

void uplink_key(struct call *c, char digit)
{
    size_t n = strlen(c->keys);
    if (n < CALL_KEYS_MAX) {
        c->keys[n] = digit;
        c->keys[n + 1] = '\0';
        n++;
    }
    if (digit == '#' || n == CALL_KEYS_MAX) {
        uplink_keys_done(c);
    } else {
        timer_set(c, TIMER_KEYS, KEYS_PAUSE_MS);
    }
}

void uplink_keys_done(struct call *c)
{
    timer_off(c, TIMER_KEYS);
    struct buf text;
    buf_init(&text, 128);
    buf_puts(&text, "The caller pressed the keys");
    for (const char *key = c->keys; *key; key++) {
        buf_putc(&text, ' ');
        buf_putc(&text, *key);
    }
    if (c->keys[0]) {
        uplink_text(c, buf_str(&text));
    }
    c->keys[0] = '\0';
    buf_done(&text);
}

void uplink_fill(struct call *c)
{
    bool awaited = c->caller != CALLER_SILENT || c->sound != SOUND_NONE;
    if (c->model != MODEL_READY || c->leg != LEG_UP || !awaited) {
        return;
    }
    uint32_t ms = (uint32_t)((c->now_us - c->filled_us) / 1000);
    if (ms > 0) {
        ms = MIN(ms, FILL_HEARD_MS);
        fill_gap(c, ms * (audio_rate_hz(c->leg_format) / 1000));
        c->filled_us = c->now_us;
    }
    timer_set(c, TIMER_FILL, 100);
}
