/*
 * Caller to model. Service modes stream always; local and manual ones send turns only: a ring keeps the pre-roll and
 * what is undecided. Until the model is ready the audio waits, bounded. What a session got and has not turned into
 * words yet is kept: another session may have to hear it again. Keys and texts of the caller come in here too.
 */
#include <stdlib.h>

#include "base/err.h"
#include "call/state.h"

#define RING_SLACK_MS 160   /* an onset is known only when its chunk is full and judged */
#define RING_TRIM_MS  100   /* the ring is cut in steps of this */
#define COMMIT_MIN_MS 100   /* the service refuses less */
#define KEEP_IDLE_MS  1000  /* heard by the service while nobody seems to speak: the onset of a turn may be in it */
#define KEEP_MAX_MS   60000 /* a turn is not longer */
#define KEYS_PAUSE_MS 1500  /* after it what was pressed is complete; '#' completes it at once */

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

/* What the session under way gets, kept until its words are known or it was answered. */
static void keep_up(struct call *c, struct span audio)
{
    size_t bpm = audio_bytes_per_ms(c->leg_format);
    if (!c->o->renewal.on) {
        return;
    }
    if (c->kept_until_us && c->now_us >= c->kept_until_us) {
        hold_settle(&c->kept, c->kept_answered);
        c->kept_until_us = 0;
    }
    hold_put(&c->kept, audio);
    bool idle = !c->gated && c->caller == CALLER_SILENT && c->sound == SOUND_NONE && !c->renew.again;
    size_t most = (idle ? KEEP_IDLE_MS : KEEP_MAX_MS) * bpm;
    if (hold_open(&c->kept) > most + RING_TRIM_MS * bpm) {
        hold_trim(&c->kept, most);
    }
    if (c->kept.err) {
        c->out->overflow = true;
    }
}

/*
 * While nothing is said the ring holds the pre-roll, behind what is on the shelf; what may become a turn is kept up to
 * the limit.
 */
static void wait_up(struct call *c, struct span audio)
{
    uint32_t bpm = audio_bytes_per_ms(c->leg_format);
    size_t limit = (size_t)c->o->limits.uplink_ms * bpm + c->rewound;
    size_t open = hold_open(&c->waiting);
    if (open + audio.n > limit) {
        size_t drop = MIN(open, open + audio.n - limit);
        hold_cut(&c->waiting, 0, drop);
        c->shelf_bytes -= MIN(c->shelf_bytes, drop);
        call_remark(c, NOTE_UPLINK_DROP, (int64_t)drop, STR_NULL);
    }
    if (audio.n <= limit) {
        hold_put(&c->waiting, audio);
    }
    size_t idle = (size_t)(c->o->vad.pre_speech_ms + RING_SLACK_MS) * bpm;
    bool wanted = !c->gated || c->gate_open || c->sound != SOUND_NONE;
    size_t ring = hold_open(&c->waiting) - c->shelf_bytes;
    if (!wanted && ring > idle + (size_t)RING_TRIM_MS * bpm) {
        hold_cut(&c->waiting, c->shelf_bytes, ring - idle);
    }
}

static void flush_waiting(struct call *c)
{
    size_t n = c->waiting.bytes.len;
    if (n == 0 || !flows(c)) {
        return;
    }
    uint8_t *all = arena_raw(&c->out->bytes, n);
    if (!all) {
        c->out->overflow = true;
        return;
    }
    fifo_copy(&c->waiting.bytes, 0, all, n);
    c->turn_bytes += n;
    send_up(c, span_from(all, n));
    keep_up(c, span_from(all, n));
    hold_clear(&c->waiting);
    c->rewound = 0;
}

/* Caller audio on its way: at once, or behind what waits. */
void uplink_pass(struct call *c, struct span audio)
{
    if (!flows(c) || c->waiting.bytes.len) {
        wait_up(c, audio);
        flush_waiting(c);
    } else {
        c->turn_bytes += audio.n;
        send_up(c, audio);
        keep_up(c, audio);
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
    uint64_t waits = hold_open(&c->waiting) / ss;
    uint64_t first = c->media_pos > waits ? c->media_pos - waits : 0;
    if (from > first) {
        hold_cut(&c->waiting, 0, (size_t)MIN(from - first, waits) * ss);
    }
}

void uplink_shelve(struct call *c, uint64_t from)
{
    if (c->shelf_bytes == 0) {
        drop_before(c, from);
    }
    c->shelf_bytes = hold_open(&c->waiting);
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
    if (c->model != MODEL_READY) { /* the next session is told */
        hold_end_turn(&c->waiting, 0);
        c->gate_open = false;
        return;
    }
    if (c->gated && c->turn_bytes < least) {
        send_silence(c, (uint32_t)(least - c->turn_bytes));
    }
    call_emit(c, ACT_MODEL_COMMIT);
    c->own_commits++;
    hold_end_turn(&c->kept, 0);
    c->gate_open = false;
}

void uplink_discard(struct call *c)
{
    if (c->gate_open && c->turn_bytes && c->model == MODEL_READY) {
        call_emit(c, ACT_MODEL_CLEAR_INPUT);
    }
    if (c->gate_open) {
        hold_trim(&c->kept, 0);
        hold_trim(&c->waiting, 0);
        c->rewound = 0;
    }
    c->gate_open = false;
}

void uplink_rewind(struct call *c)
{
    hold_join(&c->kept, &c->waiting);
    struct hold empty = c->waiting;
    c->waiting = c->kept;
    c->kept = empty;
    c->kept_until_us = 0;
    c->rewound = hold_open(&c->waiting);
    if (c->waiting.err) {
        c->out->overflow = true;
    }
}

bool uplink_turn(struct call *c, uint64_t tag, uint64_t name, struct span *ret)
{
    struct hold *h = &c->waiting;
    for (uint32_t i = 0; i < h->n_turns; i++) {
        struct hold_turn *turn = &h->turns[i];
        if (turn->known || (tag && turn->tag != tag)) {
            continue;
        }
        uint8_t *bytes = arena_raw(&c->out->bytes, hold_turn_bytes(h, i));
        struct span audio = span_from(bytes, hold_turn_bytes(h, i));
        struct audio_conv conv;
        audio_conv_init(&conv, c->leg_format, c->model_in);
        size_t cap = audio_conv_max(&conv, audio.n);
        uint8_t *out = bytes ? arena_raw(&c->out->bytes, cap ? cap : 1) : NULL;
        size_t n = 0;
        turn->known = true; /* given once */
        if (out) {
            hold_turn_copy(h, i, bytes);
        }
        if (!out || audio_conv_run(&conv, audio, out, cap, &n) < 0) {
            c->out->overflow = true;
            return false;
        }
        hold_put(&c->kept, audio); /* until this session has understood it */
        hold_end_turn(&c->kept, turn->tag ? turn->tag : name);
        *ret = span_from(out, n);
        return true;
    }
    return false;
}

void uplink_handed_over(struct call *c)
{
    hold_settle(&c->waiting, hold_count(&c->waiting));
    uplink_open(c);
}

void uplink_text(struct call *c, struct str said)
{
    bool there = c->model == MODEL_READY || renew_awaited(c);
    if (!there || c->leg != LEG_UP || call_leaving(c)) {
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
    if (c->model == MODEL_READY) { /* else the next session is told with the rest */
        struct call_action *act = call_emit(c, ACT_MODEL_USER_TEXT);
        act->model_user_text.item_id = id;
        act->model_user_text.text = text;
    }
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
