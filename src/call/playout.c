/*
 * Model to caller. Audio waits in the leg's format, in item order; the pump keeps at most lead_ms of it outstanding at
 * the carrier, in bursts with a mark behind each. An item leaves the ring when every byte of it was acknowledged.
 *
 *     received ──▶ queue ──pump──▶ ledger (sent, not acknowledged) ──mark──▶ acked ──▶ recording, history
 */
#include "audio/codec.h"
#include "audio/fade.h"
#include "audio/limit.h"
#include "base/err.h"
#include "call/state.h"

#define WATCHDOG_MS     40
#define RECORD_HOLD_MS  500
#define FRAME_MS        20
#define QUIET_FRAME_MS  10
#define QUIET_POWER     (260 * 260) /* -42 dB of full scale */
#define STAND_OUT       16          /* 12 dB below the loudest */
#define REPEAT_MAX_MS   400         /* said twice at a resume, the way to the caller included */
#define WAY_JITTER_MS   60
#define BURST_MAX_BYTES 9600 /* 100 ms of the widest leg format */

uint32_t bytes_ms(const struct call *c, uint64_t bytes)
{
    return (uint32_t)(bytes / audio_bytes_per_ms(c->leg_format));
}

struct item *item_at(struct call *c, uint32_t i)
{
    return i < c->item_n ? &c->items[(c->item_first + i) % CALL_ITEMS] : NULL;
}

struct item *item_find(struct call *c, struct str item_id)
{
    for (uint32_t i = c->item_n; i-- > 0;) {
        struct item *it = item_at(c, i);
        if (str_is(item_id, it->id) && it->session == c->renew.session) {
            return it;
        }
    }
    return NULL;
}

struct item *item_need(struct call *c, struct str response_id, struct str item_id)
{
    struct item *it = item_find(c, item_id);
    if (it || c->item_n == CALL_ITEMS) {
        return it;
    }
    it = &c->items[(c->item_first + c->item_n++) % CALL_ITEMS];
    struct buf text = it->text;
    *it = (struct item){.number = ++c->item_next, .start_ms = -1, .agent = c->response_agent, .text = text};
    if (it->text.max_bytes == 0) {
        buf_init(&it->text, CALL_TEXT_MAX);
    }
    buf_clear(&it->text);
    call_copy_id(it->id, item_id);
    call_copy_id(it->response_id, response_id);
    it->session = c->renew.session;
    c->conv_fresh = false;
    return it;
}

void item_retire(struct call *c)
{
    struct item *it = item_at(c, 0);
    buf_done(&it->text);
    it->number = 0;
    c->item_first = (c->item_first + 1) % CALL_ITEMS;
    c->item_n--;
}

void item_remove(struct call *c, uint32_t i)
{
    struct item gone = *item_at(c, i);
    for (; i > 0; i--) { /* those before it move up; then it is the first */
        *item_at(c, i) = *item_at(c, i - 1);
    }
    *item_at(c, 0) = gone;
    item_retire(c);
}

static void overflow_queue(struct call *c, struct str response_id)
{
    call_remark(c, NOTE_QUEUE_FULL, bytes_ms(c, c->queue.len), response_id);
    if (c->response == RESPONSE_GENERATING && str_is(response_id, c->active_id)) {
        seq_cancel(c, WE_CANCEL);
    }
}

void playout_shed(struct call *c)
{
    if (c->response == RESPONSE_GENERATING) {
        struct str id = call_keep(c, str_from(c->active_id));
        playout_response_done(c, id); /* what has come is still played */
        overflow_queue(c, id);
    }
}

/* Without audio: that was all of it. */
static void tell_audio(struct call *c, const struct item *it, struct span audio)
{
    struct str id = call_keep(c, str_from(it->id));
    struct str response = call_keep(c, str_from(it->response_id));
    struct call_signal *s = call_tell(c, audio.n ? SIGNAL_AUDIO : SIGNAL_AUDIO_END);
    s->agent = it->agent;
    s->item_id = id;
    s->response_id = response;
    s->audio = audio; /* lent by the event, which lives as long as the step's actions are carried out */
}

void playout_audio(struct call *c, struct str response_id, struct str item_id, struct span audio)
{
    if (seq_is_dead(c, response_id)) {
        c->late_bytes += audio.n;
        call_remark(c, NOTE_LATE_AUDIO, (int64_t)audio.n, STR_NULL);
        return;
    }
    if (c->leg != LEG_UP || audio.n == 0) {
        return;
    }
    struct item *it = item_need(c, response_id, item_id);
    if (!it || bytes_ms(c, c->queue.len) > c->o->limits.queue_ms) {
        overflow_queue(c, response_id);
        return;
    }
    if (!c->conv_fresh) {
        audio_conv_init(&c->down, c->model_out, c->leg_format);
        audio_conv_limit(&c->down, LIMIT_CEILING);
        c->conv_fresh = true;
    }
    size_t cap = audio_conv_max(&c->down, audio.n);
    uint8_t *out = arena_raw(&c->out->bytes, cap ? cap : 1);
    size_t n = 0;
    if (!out || audio_conv_run(&c->down, audio, out, cap, &n) < 0 || fifo_put(&c->queue, span_from(out, n)) < 0) {
        c->out->overflow = true;
        return;
    }
    it->received += (uint32_t)n;
    tell_audio(c, it, audio);
    c->downlink_bytes += n;
    if (str_is(response_id, c->active_id)) {
        c->response_ms += bytes_ms(c, n);
        ladder_audio(c, c->response_ms);
    }
    if (c->playout == PLAYOUT_EMPTY) {
        c->audible_us = c->now_us;
    }
    playout_to(c, PL_AUDIO);
    if (c->turn_open && c->turn.first_audio_ms < 0) {
        c->turn.first_audio_ms = call_since_ms(c);
    }
    if (c->phase == PHASE_GREETING) {
        timer_off(c, TIMER_GREETING);
    }
}

void playout_sound(struct call *c, struct span mulaw)
{
    struct audio_conv conv;
    struct buf name;
    buf_init(&name, 32);
    buf_printf(&name, "ours-%u", c->item_next + 1);
    struct item *it = c->leg == LEG_UP ? item_need(c, STR(""), buf_str(&name)) : NULL;
    buf_done(&name);
    if (!it) {
        return;
    }
    it->ours = it->audio_done = it->text_done = true;
    audio_conv_init(&conv, AUDIO_PCMU, c->leg_format);
    size_t cap = audio_conv_max(&conv, mulaw.n);
    uint8_t *out = arena_raw(&c->out->bytes, cap ? cap : 1);
    size_t n = 0;
    if (!out || audio_conv_run(&conv, mulaw, out, cap, &n) < 0 || fifo_put(&c->queue, span_from(out, n)) < 0) {
        c->out->overflow = true;
        return;
    }
    it->received += (uint32_t)n;
    c->downlink_bytes += n;
    c->audible_us = c->playout == PLAYOUT_EMPTY ? c->now_us : c->audible_us;
    playout_to(c, PL_AUDIO);
}

void playout_item_done(struct call *c, struct str response_id UNUSED, struct str item_id)
{
    struct item *it = item_find(c, item_id);
    if (it) {
        it->audio_done = true;
        tell_audio(c, it, (struct span){0});
    }
}

void playout_response_done(struct call *c, struct str response_id)
{
    for (uint32_t i = 0; i < c->item_n; i++) {
        struct item *it = item_at(c, i);
        if (str_is(response_id, it->response_id)) {
            it->audio_done = it->text_done = true;
        }
    }
}

/* Items that are complete and sent are passed over. */
struct item *playout_head(struct call *c)
{
    for (uint32_t i = 0; i < c->item_n; i++) {
        struct item *it = item_at(c, i);
        if (it->sent < it->received || !it->audio_done) {
            return it->sent < it->received ? it : NULL;
        }
    }
    return NULL;
}

/* How many bytes of the item may go now; 0: not yet. */
static uint32_t burst_bytes(const struct call *c, const struct item *it, uint32_t outstanding_ms)
{
    uint32_t bpm = audio_bytes_per_ms(c->leg_format);
    uint32_t free = guard_released(c, it);
    uint32_t ready = free > it->sent ? free - it->sent : 0;
    uint32_t burst = MIN(MIN(c->o->playout.burst_ms, c->lead_ms) * bpm, (uint32_t)BURST_MAX_BYTES);
    uint32_t room_ms = c->lead_ms > outstanding_ms ? c->lead_ms - outstanding_ms : 0;
    /* A full burst needs its whole room, so that bursts stay whole; the end of an item goes as soon as it fits. */
    uint32_t want = MIN(burst, ready);
    if (room_ms * bpm < want) {
        return 0;
    }
    bool last = it->audio_done && it->sent + want == it->received;
    if (want < burst && !last) {
        /* More is on its way: wait for it unless the carrier is about to run dry. Whole frames only. */
        if (outstanding_ms > 2 * FRAME_MS) {
            return 0;
        }
        want -= want % (FRAME_MS * bpm);
    }
    return want;
}

static void note_first_sent(struct call *c, struct item *it)
{
    if (it->start_ms < 0) {
        it->start_ms = call_since_ms(c);
        if (!it->ours) {
            consent_asked(c, it);
        }
        if (c->turn_open && c->turn.first_sent_ms < 0) {
            c->turn.first_sent_ms = it->start_ms;
        }
    }
}

/* What goes out now may come back as echo, at the earliest when it is first heard. */
static void hear_ourselves(struct call *c, struct span audio)
{
    if (!c->echo) {
        return;
    }
    uint32_t n = (uint32_t)(audio.n / audio_sample_bytes(c->leg_format));
    int16_t *pcm = arena_raw(&c->out->bytes, n * sizeof(int16_t) + 1);
    if (!pcm) {
        c->out->overflow = true;
        return;
    }
    codec_decode(c->leg_format, audio, pcm);
    echo_sent(c->echo, call_position(c, ledger_last_start_us(&c->ledger)), pcm, n);
}

void playout_open_mark(struct call *c)
{
    uint32_t mark = ledger_mark(&c->ledger, c->now_us);
    if (mark == 0) {
        c->out->overflow = true;
        return;
    }
    call_emit(c, ACT_LEG_MARK)->leg_mark.mark = mark;
}

static bool send_burst(struct call *c, struct item *it, uint32_t bytes)
{
    uint32_t bpm = audio_bytes_per_ms(c->leg_format);
    bool last = it->audio_done && it->sent + bytes == it->received;
    uint32_t pad = last && bytes % (FRAME_MS * bpm) ? FRAME_MS * bpm - bytes % (FRAME_MS * bpm) : 0;
    uint8_t *audio = arena_raw(&c->out->bytes, bytes + pad);
    if (!audio) {
        c->out->overflow = true;
        return false;
    }
    /* A run that starts with nothing at the carrier opens with a mark: its return is the moment of the first sample. */
    if (ledger_outstanding_ms(&c->ledger, c->now_us) == 0) {
        /* Dry in mid-item although more lay ready: we were late, not the model. Held audio is late for its own reasons.
         */
        if (!c->resumes && !c->o->guards.hold_back && it->sent > 0 && guard_released(c, it) - it->sent > bytes &&
            c->lead_ms < c->o->playout.max_lead_ms) {
            c->lead_ms = MIN(c->lead_ms + 100, c->o->playout.max_lead_ms);
            call_remark(c, NOTE_UNDERRUN, c->lead_ms, STR_NULL);
        }
        playout_open_mark(c);
    }
    fifo_take(&c->queue, audio, bytes);
    c->resumes = false;
    if (c->fade_in) {
        c->fade_in = false;
        fade_in(c->leg_format, audio, bytes, fade_bytes(c->leg_format));
    }
    memset(audio + bytes, audio_silence_byte(c->leg_format), pad);
    uint32_t mark = ledger_send(&c->ledger, it->number, span_from(audio, bytes + pad), pad, c->now_us);
    if (mark == 0) {
        c->out->overflow = true;
        return false;
    }
    note_first_sent(c, it);
    uint32_t item_ms = bytes_ms(c, it->sent);
    it->sent += bytes;
    c->sent_bytes += bytes;
    hear_ourselves(c, span_from(audio, bytes));
    struct call_action *act = call_emit(c, ACT_LEG_MEDIA);
    act->leg_media.audio = span_from(audio, bytes + pad);
    act->leg_media.mark = mark;
    act->leg_media.item_id = str_from(it->id);
    act->leg_media.item_ms = item_ms;
    return true;
}

#define TONES_ITEM UINT32_MAX /* in the ledger: audio of no item */

uint32_t playout_tones_room_ms(const struct call *c)
{
    uint32_t outstanding_ms = ledger_outstanding_ms(&c->ledger, c->now_us);
    return c->lead_ms > outstanding_ms && !ledger_full(&c->ledger) ? c->lead_ms - outstanding_ms : 0;
}

bool playout_tones(struct call *c, struct span audio)
{
    uint32_t mark = ledger_send(&c->ledger, TONES_ITEM, audio, 0, c->now_us);
    if (mark == 0) {
        c->out->overflow = true;
        return false;
    }
    hear_ourselves(c, audio);
    struct call_action *act = call_emit(c, ACT_LEG_MEDIA);
    act->leg_media.audio = audio;
    act->leg_media.mark = mark;
    return true;
}

/* Acknowledgements bound what is under way even when the carrier plays slower than our clock thinks. */
static bool unacked_too_much(const struct call *c)
{
    uint32_t limit_ms = c->o->playout.max_lead_ms + 1000 + (uint32_t)(c->ledger.rtt_us / 1000) * 2;
    return bytes_ms(c, ledger_unacked(&c->ledger)) > limit_ms;
}

void playout_pump(struct call *c)
{
    bool plays = c->playout == PLAYOUT_PLAYING || c->playout == PLAYOUT_DRAINING;
    if (c->leg == LEG_UP && plays && !keys_sounding(c)) {
        for (struct item *it = playout_head(c); it && !ledger_full(&c->ledger) && !unacked_too_much(c);
             it = playout_head(c)) {
            uint32_t n = burst_bytes(c, it, ledger_outstanding_ms(&c->ledger, c->now_us));
            if (n == 0 || !send_burst(c, it, n)) {
                break;
            }
        }
    }
    if ((c->queue.len || keys_sounding(c)) && c->leg == LEG_UP) {
        timer_set(c, TIMER_PUMP, WATCHDOG_MS);
    } else {
        timer_off(c, TIMER_PUMP);
    }
    c->timers[TIMER_OVERDUE] = ledger_overdue_us(&c->ledger);
}

/* The end of what was heard of an item is kept for a while: a pause resumes at a quiet point in it. */
static void remember(struct call *c, uint32_t item, struct span heard)
{
    size_t keep = (size_t)c->o->barge_in.back_ms * audio_bytes_per_ms(c->leg_format);
    if (!c->o->vad.on || !c->o->barge_in.pause || item == 0) {
        return;
    }
    if (item != c->recent_item) {
        c->recent_item = item;
        buf_clear(&c->recent);
    }
    if (heard.n > keep) {
        heard = span_from(heard.p + heard.n - keep, keep);
    }
    if (c->recent.len + heard.n > keep) {
        buf_consume(&c->recent, c->recent.len + heard.n - keep);
    }
    buf_put(&c->recent, heard.p, heard.n);
}

/*
 * Audio of one burst, all or its first heard bytes, goes into the recording where the caller heard it. What was not
 * heard is added to keep when that is not NULL.
 */
static void record_burst(struct call *c, const struct ledger_burst *b, uint32_t heard, uint64_t end_us,
                         struct buf *keep)
{
    uint32_t n = b->bytes + b->pad;
    if (n == 0) {
        return;
    }
    uint8_t *audio = arena_raw(&c->out->bytes, n);
    if (!audio) {
        fifo_take(&c->ledger.audio, NULL, n);
        c->out->overflow = true;
        return;
    }
    fifo_take(&c->ledger.audio, audio, n);
    remember(c, b->item, span_from(audio, MIN(heard, b->bytes)));
    if (keep && heard < b->bytes) {
        buf_put(keep, audio + heard, b->bytes - heard);
    }
    uint32_t ss = audio_sample_bytes(c->leg_format);
    uint64_t end = call_position(c, end_us);
    uint64_t samples = heard / ss;
    uint64_t natural = end > samples ? end - samples : 0;
    uint64_t slack = audio_rate_hz(c->leg_format) / 8;
    uint64_t at = c->track.agent_end;
    if (natural > at + slack) {
        at = natural; /* the carrier paused: a new run */
    }
    at = MAX(at, c->track.base);
    if (c->o->record && heard) {
        ignore_result(track_agent(&c->track, at, span_from(audio, heard))); /* counted as late */
    }
}

static struct item *item_by_number(struct call *c, uint32_t number)
{
    for (uint32_t i = 0; i < c->item_n; i++) {
        if (item_at(c, i)->number == number) {
            return item_at(c, i);
        }
    }
    return NULL;
}

static void settle_upto(struct call *c, uint32_t mark)
{
    struct ledger_burst b;
    while (ledger_settle(&c->ledger, mark, &b)) {
        record_burst(c, &b, b.bytes + b.pad, c->now_us, NULL);
        struct item *it = b.item ? item_by_number(c, b.item) : NULL;
        if (it) {
            it->acked += b.bytes;
            it->heard = MAX(it->heard, it->acked);
        }
    }
}

void playout_mark(struct call *c, uint32_t mark)
{
    if (ledger_returned(&c->ledger, mark, c->now_us)) {
        settle_upto(c, mark);
    }
}

void playout_overdue(struct call *c)
{
    const struct ledger_burst *oldest = ledger_oldest(&c->ledger);
    if (oldest) {
        uint32_t mark = oldest->mark;
        call_remark(c, NOTE_MARK_LOST, mark, STR_NULL);
        settle_upto(c, mark);
    }
}

/*
 * Everything under way is flushed at the carrier: what was heard of each burst by the low reading is recorded and
 * acknowledged. The rest is lost, or goes to keep, and its items have not sent it then.
 */
static void settle_flushed(struct call *c, struct buf *keep)
{
    struct ledger_burst b;
    bool sounding = true; /* false behind the first burst that was not heard to its end */
    while (c->ledger.n) {
        uint32_t low = 0;
        uint32_t high = 0;
        struct ledger_burst head = *ledger_oldest(&c->ledger);
        ledger_heard_first(&c->ledger, c->now_us, &low, &high);
        uint32_t heard = sounding ? MIN(low, head.bytes) : 0;
        sounding = sounding && heard == head.bytes;
        uint64_t anchor = c->ledger.anchor_us;
        ledger_drop(&c->ledger, &b);
        record_burst(c, &b, heard, c->now_us, keep);
        struct item *it = b.item ? item_by_number(c, b.item) : NULL;
        if (it) {
            it->acked += heard;
            it->heard = MAX(it->heard, it->acked);
            it->sent -= keep ? b.bytes - heard : 0;
        }
        if (b.bytes + b.pad) { /* the next burst began when this one ended */
            c->ledger.anchor_us =
                MAX(anchor, b.sent_us + c->ledger.rtt_us) + (uint64_t)(b.bytes + b.pad) * 1000 / c->ledger.bpm;
        }
    }
    ledger_cleared(&c->ledger);
    if (c->echo) {
        echo_cut(c->echo, call_position(c, c->now_us));
    }
}

void playout_settle_cut(struct call *c)
{
    settle_flushed(c, NULL);
}

uint32_t playout_known_ms(struct call *c, const char *response_id)
{
    uint32_t bytes = 0;
    for (uint32_t i = 0; i < c->item_n; i++) {
        if (str_is(str_from(response_id), item_at(c, i)->response_id)) {
            bytes += item_at(c, i)->received;
        }
    }
    return bytes_ms(c, bytes);
}

uint32_t playout_rest_ms(const struct call *c)
{
    return bytes_ms(c, c->queue.len) + ledger_outstanding_ms(&c->ledger, c->now_us);
}

void playout_take_back(struct call *c)
{
    if (keys_sounding(c)) {
        return; /* nothing of the agent is at the carrier */
    }
    c->fade_in = !ledger_idle(&c->ledger);
    if (c->fade_in) {
        call_emit(c, ACT_LEG_CLEAR);
    }
    buf_clear(&c->back);
    settle_flushed(c, &c->back);
    if (c->back.err < 0 || fifo_put_front(&c->queue, buf_span(&c->back)) < 0) {
        c->out->overflow = true;
    }
    buf_done(&c->back);
}

void playout_drop(struct call *c, size_t at, size_t n)
{
    fifo_cut(&c->queue, at, n);
    c->flushed_bytes += n;
}

void playout_pause(struct call *c)
{
    playout_take_back(c);
    playout_to(c, PL_PAUSE);
}

/* Mean square of 10 ms of leg audio. */
static uint64_t power_of(enum audio_format format, const uint8_t *p, uint32_t bytes)
{
    int16_t pcm[QUIET_FRAME_MS * 24];
    size_t n = codec_decode(format, span_from(p, MIN(bytes, QUIET_FRAME_MS * audio_bytes_per_ms(format))), pcm);
    uint64_t sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (uint64_t)((int64_t)pcm[i] * pcm[i]);
    }
    return n ? sum / n : 0;
}

/*
 * How many of the last heard bytes are said again: back to the latest quiet 10 ms, else to the quietest that stand out;
 * nothing when all is equally loud. The way to the caller and back bounds it: so much is repeated anyhow.
 */
static uint32_t quiet_point(const struct call *c, uint32_t most)
{
    uint32_t frame = QUIET_FRAME_MS * audio_bytes_per_ms(c->leg_format);
    struct span recent = buf_span(&c->recent);
    uint32_t reach = (uint32_t)MIN((size_t)most, recent.n);
    uint64_t least = UINT64_MAX;
    uint64_t loudest = 0;
    uint32_t best = 0;
    for (uint32_t back = frame; back <= reach; back += frame) {
        uint64_t power = power_of(c->leg_format, recent.p + recent.n - back, frame);
        if (power <= QUIET_POWER) {
            return back;
        }
        loudest = MAX(loudest, power);
        if (power < least) {
            least = power;
            best = back;
        }
    }
    return least < loudest / STAND_OUT ? best : 0;
}

uint32_t playout_resume(struct call *c)
{
    uint32_t bpm = audio_bytes_per_ms(c->leg_format);
    uint32_t moved = 0;
    struct item *it = item_by_number(c, c->recent_item);
    uint32_t way_ms = (uint32_t)(c->ledger.rtt_us / 1000) + WAY_JITTER_MS;
    if (it && it->acked < it->received) {
        uint32_t room_ms = way_ms < REPEAT_MAX_MS ? REPEAT_MAX_MS - way_ms : 0;
        moved = quiet_point(c, MIN(MIN(room_ms, c->o->barge_in.back_ms) * bpm, it->acked));
        struct span tail = span_from(buf_ptr(&c->recent) + c->recent.len - moved, moved);
        if (fifo_put_front(&c->queue, tail) < 0) {
            c->out->overflow = true;
        }
        it->acked -= moved;
        it->sent -= moved;
        buf_remove(&c->recent, c->recent.len - moved, moved);
    }
    c->resumes = true;
    playout_to(c, PL_RESUME);
    return moved / bpm;
}

void playout_progress(struct call *c)
{
    while (c->item_n) {
        struct item *it = item_at(c, 0);
        if (!it->audio_done || !it->text_done || it->acked < it->received) {
            break;
        }
        line_agent(c, it, it->received);
        guard_learn(c, it);
        item_retire(c);
    }
    bool more = c->queue.len > 0;
    for (uint32_t i = 0; i < c->item_n && !more; i++) {
        more = !item_at(c, i)->audio_done;
    }
    if (c->playout == PLAYOUT_PLAYING && !more && c->response != RESPONSE_GENERATING) {
        playout_to(c, PL_SENT_ALL);
    }
    if (c->playout == PLAYOUT_DRAINING && c->item_n == 0 && ledger_idle(&c->ledger)) {
        playout_to(c, PL_PLAYED);
        response_to(c, RE_PLAYED);
        if (c->turn_open) {
            c->turn.agent_end_ms = call_since_ms(c);
        }
    }
    if (c->playout == PLAYOUT_EMPTY) {
        c->audible_us = 0;
    }
    if (c->playout == PLAYOUT_EMPTY && c->response == RESPONSE_DONE) {
        response_to(c, RE_PLAYED); /* a response without audio */
    }
}

/* Up to where both sides are settled. */
static uint64_t settled_position(const struct call *c)
{
    uint64_t upto = c->track.caller_end;
    uint64_t oldest = ledger_oldest_us(&c->ledger);
    if (oldest != UINT64_MAX) {
        upto = MIN(upto, call_position(c, oldest));
        upto = MAX(upto, MIN(c->track.agent_end, c->track.caller_end));
    }
    return upto;
}

void playout_record(struct call *c, bool all)
{
    struct track *t = &c->track;
    if (!c->o->record || !c->leg_start_us) {
        return;
    }
    if (!all && (c->media_first_us == 0 || c->now_us - c->media_first_us < ms_us(RECORD_HOLD_MS))) {
        return; /* the anchor of the media clock may still move */
    }
    uint64_t upto = all ? MAX(MAX(t->caller_end, t->agent_end), call_position(c, c->now_us)) : settled_position(c);
    uint64_t chunk = audio_rate_hz(c->leg_format) / 4;
    if (upto <= t->base || (!all && upto - t->base < chunk)) {
        return;
    }
    if (all) {
        upto = MIN(upto, t->base + (uint64_t)audio_rate_hz(c->leg_format) * 60);
    }
    size_t n = (size_t)(upto - t->base) * 2 * t->sample_bytes;
    uint8_t *pairs = arena_raw(&c->out->bytes, n);
    if (!pairs) {
        c->out->overflow = true;
        return;
    }
    struct call_action *act = call_emit(c, ACT_RECORD);
    act->record.at_samples = t->base;
    act->record.pairs = span_from(pairs, n);
    track_take(t, upto, pairs);
    if (all && t->late_samples) {
        call_remark(c, NOTE_RECORD_LATE, (int64_t)t->late_samples, STR_NULL);
    }
}
