/*
 * Caller to model. Service modes stream always; local and manual ones send turns only: a ring keeps the pre-roll and
 * what is undecided. Until the model is ready the audio waits, bounded. Keys and texts of the caller come in here too.
 */
#include <stdlib.h>

#include "base/err.h"
#include "call/state.h"

#define RING_SLACK_MS 160  /* an onset is known only when its chunk is full and judged */
#define RING_TRIM_MS  100  /* the ring is cut in steps of this */
#define RING_KEEP_MS  600  /* memory that an emptied ring keeps */
#define COMMIT_MIN_MS 100  /* the service refuses less */
#define KEYS_PAUSE_MS 1500 /* after it what was pressed is complete; '#' completes it at once */

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

static bool flows(const struct call *c)
{
    return c->model == MODEL_READY && c->leg == LEG_UP && c->phase != PHASE_SETUP && (!c->gated || c->gate_open);
}

/*
 * While nothing is said the ring holds the pre-roll, behind what is on the shelf; what may become a turn is kept up to
 * the limit.
 */
static void wait_up(struct call *c, struct span audio)
{
    uint32_t bpm = audio_bytes_per_ms(c->leg_format);
    size_t limit = (size_t)c->o->limits.uplink_ms * bpm;
    if (c->waiting.len + audio.n > limit) {
        size_t drop = MIN(c->waiting.len, c->waiting.len + audio.n - limit);
        buf_consume(&c->waiting, drop);
        c->shelf_bytes -= MIN(c->shelf_bytes, drop);
        call_remark(c, NOTE_UPLINK_DROP, (int64_t)drop, STR_NULL);
    }
    if (audio.n <= limit) {
        buf_put(&c->waiting, audio.p, audio.n);
    }
    size_t idle = (size_t)(c->o->vad.pre_speech_ms + RING_SLACK_MS) * bpm;
    bool wanted = !c->gated || c->gate_open || c->sound != SOUND_NONE;
    size_t ring = c->waiting.len - c->shelf_bytes;
    if (!wanted && ring > idle + (size_t)RING_TRIM_MS * bpm) {
        if (c->shelf_bytes) {
            buf_remove(&c->waiting, c->shelf_bytes, ring - idle);
        } else {
            buf_consume(&c->waiting, ring - idle);
        }
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
void uplink_pass(struct call *c, struct span audio)
{
    if (!flows(c) || c->waiting.len) {
        wait_up(c, audio);
        flush_waiting(c);
    } else {
        c->turn_bytes += audio.n;
        send_up(c, audio);
    }
}

void uplink_pass_silence(struct call *c, uint32_t bytes)
{
    uint8_t *silence = arena_raw(&c->out->bytes, bytes ? bytes : 1);
    if (!silence) {
        c->out->overflow = true;
        return;
    }
    memset(silence, audio_silence_byte(c->leg_format), bytes);
    uplink_pass(c, span_from(silence, bytes));
}

void uplink_open(struct call *c)
{
    audio_conv_init(&c->up, c->leg_format, c->model_in);
    flush_waiting(c);
}

/* The ring reaches up to now: what of it lies before the position goes. */
static void drop_before(struct call *c, uint64_t from)
{
    uint32_t ss = audio_sample_bytes(c->leg_format);
    uint64_t waits = c->waiting.len / ss;
    uint64_t first = c->media_pos > waits ? c->media_pos - waits : 0;
    if (from > first) {
        buf_consume(&c->waiting, (size_t)MIN(from - first, waits) * ss);
    }
}

void uplink_shelve(struct call *c, uint64_t from)
{
    if (c->shelf_bytes == 0) {
        drop_before(c, from);
    }
    c->shelf_bytes = c->waiting.len;
}

void uplink_gate_open(struct call *c, uint64_t from)
{
    if (!c->gated || c->gate_open) {
        return;
    }
    if (c->shelf_bytes == 0) {
        drop_before(c, from);
    }
    c->shelf_bytes = 0;
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

void uplink_text(struct call *c, struct str said)
{
    if (c->model != MODEL_READY || c->leg != LEG_UP || call_leaving(c)) {
        return;
    }
    struct str text = call_keep(c, said);
    ladder_reset(c);
    tools_interrupted(c);
    if (c->playout != PLAYOUT_EMPTY || c->response == RESPONSE_GENERATING) {
        cut_agent(c, WE_CANCEL);
    }
    turn_begin(c);
    line_caller(c, text);
    struct str id = conv_own_text(c, text);
    struct call_action *act = call_emit(c, ACT_MODEL_USER_TEXT);
    act->model_user_text.item_id = id;
    act->model_user_text.text = text;
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
