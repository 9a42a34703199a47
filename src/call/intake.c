/*
 * What arrives from the caller, frame by frame, before anybody uses it: its place on the media clock (late and doubled
 * frames are dropped, gaps filled with silence, because the service's clock counts appended audio and would never see
 * the end of a speech), the oddities of the line, the recording, our own echo, the local detector, keys in the audio.
 *
 *     place ─▶ line ─▶ recording
 *                 └──▶ echo guard ─▶ detector (turn.c), keys
 *                               └──▶ model (uplink.c)
 */
#include <stdlib.h>

#include "audio/codec.h"
#include "base/err.h"
#include "call/state.h"

#define FILL_AFTER_MS   300
#define STALL_MS        400  /* nothing comes, then all of it: the way to us, not the line */
#define FILL_HEARD_MS   1000 /* of a gap that is filled with comfort noise and that the detector hears */
#define FILL_BLOCK      160  /* samples made at once */
#define ANCHOR_SLACK_MS 20
#define SLICE_MS        60 /* longer frames are looked at in slices */

static bool looks(const struct call *c)
{
    return c->o->vad.on || c->o->echo_guard || c->o->dtmf_in_band;
}

/* What a call does not use takes no memory in it. */
void intake_init(struct call *c)
{
    uint32_t rate_hz = audio_rate_hz(c->leg_format);
    place_init(&c->place);
    line_init(&c->line, c->leg_format);
    dtmf_init(&c->dtmf);
    intake_done(c);
    if (c->o->echo_guard) {
        c->echo = malloc(sizeof(*c->echo));
    }
    if (looks(c)) {
        c->comfort = malloc(sizeof(*c->comfort) + comfort_room(rate_hz) * sizeof(int16_t));
    }
    if ((c->o->echo_guard && !c->echo) || (looks(c) && !c->comfort)) {
        intake_done(c);
        c->out->overflow = true;
        return;
    }
    if (c->echo) {
        echo_init(c->echo, rate_hz);
    }
    if (c->comfort) {
        comfort_init(c->comfort, rate_hz, (int16_t *)(void *)(c->comfort + 1));
    }
}

void intake_done(struct call *c)
{
    free(c->echo);
    free(c->comfort);
    c->echo = NULL;
    c->comfort = NULL;
}

/* The caller may not talk into a protected greeting: the service hears silence of the same length. */
static bool shielded(const struct call *c)
{
    return c->phase == PHASE_GREETING && c->o->greeting.protect && !c->gated;
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

/*
 * Missing media: the voice dies away, then the line's own floor goes on, so that nobody hears a step. What is longer
 * than FILL_HEARD_MS is plain silence.
 */
static void fill_gap(struct call *c, uint32_t n_samples)
{
    uint32_t per_ms = audio_rate_hz(c->leg_format) / 1000;
    uint32_t ss = audio_sample_bytes(c->leg_format);
    uint32_t soft = c->comfort ? MIN(n_samples, per_ms * FILL_HEARD_MS) : 0;
    call_remark(c, NOTE_UPLINK_FILL, n_samples / per_ms, STR_NULL);
    for (uint32_t done = 0; done < soft;) {
        int16_t pcm[FILL_BLOCK];
        uint32_t n = MIN(soft - done, (uint32_t)FILL_BLOCK);
        uint8_t *bytes = arena_raw(&c->out->bytes, (size_t)n * ss);
        if (!bytes) {
            c->out->overflow = true;
            return;
        }
        comfort_fill(c->comfort, pcm, n);
        turn_heard(c, c->media_pos - n_samples + done, pcm, n, ECHO_NONE);
        uplink_pass(c, span_from(bytes, codec_encode(c->leg_format, pcm, n, bytes)));
        done += n;
    }
    if (n_samples > soft) {
        uplink_pass_silence(c, (n_samples - soft) * ss);
    }
}

/* Where the frame belongs on the media clock. False: it came too late or twice, nobody hears it. */
static bool place_frame(struct call *c, uint32_t ts_ms, struct span audio, uint32_t *ret_gap)
{
    uint32_t per_ms = audio_rate_hz(c->leg_format) / 1000;
    uint32_t n_samples = (uint32_t)(audio.n / audio_sample_bytes(c->leg_format));
    uint64_t now_pos = call_position(c, c->now_us);
    uint64_t by_arrival = now_pos > n_samples ? now_pos - n_samples : 0;
    struct place_spot spot = place_judge(&c->place, ts_ms, n_samples / per_ms, audio);
    *ret_gap = 0;
    if (c->media_seen_us == 0) {
        c->media_pos = by_arrival;
    }
    switch (spot.kind) {
    case PLACE_NEXT:
        break;
    case PLACE_GAP:
        *ret_gap = spot.gap_ms * per_ms;
        c->media_pos += *ret_gap;
        break;
    case PLACE_JUMP:
        c->media_pos = MAX(c->media_pos, by_arrival);
        break;
    case PLACE_LATE:
    case PLACE_DOUBLE:
        return false;
    }
    pull_anchor(c, now_pos, n_samples);
    return true;
}

static void remark_findings(struct call *c, uint32_t findings)
{
    struct line_stats stats;
    line_stats(&c->line, &stats);
    for (unsigned f = 0; findings && f < LINE_FINDING_N; f++) {
        if (findings >> f & 1) {
            int64_t value = f == LINE_DC_OFFSET       ? stats.dc_offset
                            : f == LINE_FRAME_SIZE    ? stats.usual_bytes
                            : f == LINE_RATE_MISMATCH ? stats.rate_hz
                                                      : (int64_t)stats.media_ms;
            call_remark(c, NOTE_LINE, value, str_from(line_finding_word((enum line_finding)f)));
        }
    }
}

/* Keys that the carrier does not report. Once it reports one, it reports all, and ours would be second ones. */
static void hear_keys(struct call *c, const int16_t *pcm, size_t n)
{
    char digits[16];
    if (!c->o->dtmf_in_band || c->keys_reported || keys_deaf(c) || audio_rate_hz(c->leg_format) != DTMF_RATE_HZ ||
        dtmf_max(n) > sizeof(digits)) {
        return;
    }
    size_t found = dtmf_run(&c->dtmf, pcm, n, digits);
    for (size_t i = 0; i < found; i++) {
        call_remark(c, NOTE_DTMF, 0, STR("in-band"));
        uplink_key(c, digits[i]);
    }
}

/* Looked at by the echo guard, then by the local detector. True: nothing but our own echo, which pcm no longer holds.
 */
static bool judge(struct call *c, uint64_t at, int16_t *pcm, size_t n)
{
    enum echo_verdict echo = c->echo ? echo_judge(c->echo, at, pcm, n) : ECHO_NONE;
    hear_keys(c, pcm, n);
    if (echo == ECHO_ONLY) {
        /* Silence, or noise of another colour than the line's, would itself be heard as an onset. */
        comfort_rest(c->comfort, pcm, n);
    } else if (!comfort_bridge(c->comfort, pcm, n)) {
        comfort_hear(c->comfort, pcm, n);
    }
    turn_heard(c, at, pcm, n, echo);
    return echo == ECHO_ONLY;
}

/* What stands for our echo goes to the model too: its detector is no less misled by steps. */
static void pass_hidden(struct call *c, const int16_t *pcm, size_t n)
{
    uint8_t *bytes = arena_raw(&c->out->bytes, n * audio_sample_bytes(c->leg_format));
    if (!bytes) {
        c->out->overflow = true;
        return;
    }
    uplink_pass(c, span_from(bytes, codec_encode(c->leg_format, pcm, n, bytes)));
}

/* Judged in slices, so that a carrier with long frames gets no coarser verdicts; passed on slice by slice. */
static void pass_slices(struct call *c, uint64_t at, struct span clean, int16_t *pcm, size_t n_pcm)
{
    uint32_t ss = audio_sample_bytes(c->leg_format);
    size_t slice = (size_t)SLICE_MS * (audio_rate_hz(c->leg_format) / 1000);
    for (size_t done = 0; done * ss < clean.n;) {
        size_t n = MIN(slice, (clean.n - done * ss + ss - 1) / ss);
        struct span part = span_from(clean.p + done * ss, MIN(n * ss, clean.n - done * ss));
        bool echo = pcm && c->comfort && done < n_pcm && judge(c, at + done, pcm + done, MIN(n, n_pcm - done));
        if (shielded(c)) {
            uplink_pass_silence(c, (uint32_t)part.n);
        } else if (echo) {
            pass_hidden(c, pcm + done, MIN(n, n_pcm - done)); /* half a sample at the end is none */
        } else {
            uplink_pass(c, part);
        }
        done += n;
    }
}

/* Cleaned, recorded, judged, passed on. */
static void take_frame(struct call *c, struct span audio)
{
    bool listens = c->leg == LEG_UP && c->model != MODEL_GONE;
    bool machine = voicemail_on(c) && c->leg == LEG_UP && (listens || voicemail_has_sound(c));
    bool looked = machine || (listens && looks(c));
    struct line_frame f = {.audio = audio, .now_ms = c->now_us / 1000};
    f.clean = arena_raw(&c->out->bytes, audio.n + 1);
    f.pcm = looked ? arena_raw(&c->out->bytes, (audio.n + 1) * sizeof(int16_t)) : NULL;
    if (!f.clean || (looked && !f.pcm)) {
        c->out->overflow = true;
        return;
    }
    line_run(&c->line, &f);
    remark_findings(c, f.findings);
    struct span clean = f.changed ? span_from(f.clean, audio.n) : audio;
    uint64_t at = c->media_pos;
    c->media_pos += audio.n / audio_sample_bytes(c->leg_format);
    if (c->o->record) {
        ignore_result(track_caller(&c->track, at, clean)); /* a gap in the recording, counted as late */
    }
    if (machine) {
        voicemail_hear(c, f.pcm, f.n_pcm); /* a machine is no caller */
        if (listens && !c->gated) {
            uplink_pass_silence(c, (uint32_t)clean.n);
        }
    } else if (listens) {
        pass_slices(c, at, clean, f.pcm, f.n_pcm);
    }
}

static void count_stall(struct call *c, uint32_t waited_ms)
{
    c->stall_ms += waited_ms;
    if (c->stalls++ == 0) {
        call_remark(c, NOTE_LINE, waited_ms, STR("stall"));
    }
}

void uplink_media(struct call *c, uint32_t timestamp_ms, struct span audio)
{
    uint32_t gap = 0;
    if (c->leg != LEG_UP && c->leg != LEG_HANGING_UP) {
        return;
    }
    timer_set(c, TIMER_MEDIA, c->o->deadlines.media_ms);
    if (!place_frame(c, timestamp_ms, audio, &gap)) {
        return;
    }
    uint64_t waited_us = c->media_seen_us ? c->now_us - c->media_seen_us : 0;
    if (gap == 0 && waited_us >= ms_us(STALL_MS)) {
        count_stall(c, (uint32_t)(waited_us / 1000));
    }
    uint64_t filled_us = c->media_seen_us < c->filled_us ? c->filled_us - c->media_seen_us : 0;
    c->uplink_bytes += audio.n;
    c->media_first_us = c->media_first_us ? c->media_first_us : c->now_us;
    c->media_seen_us = c->now_us;
    c->filled_us = c->now_us;
    timer_set(c, TIMER_FILL, FILL_AFTER_MS);
    uint32_t filled = (uint32_t)(filled_us / 1000) * (audio_rate_hz(c->leg_format) / 1000);
    if (gap > filled && c->leg == LEG_UP && c->model != MODEL_GONE) {
        fill_gap(c, gap - filled);
    }
    take_frame(c, audio);
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

void intake_echo(const struct call *c, struct echo_stats *ret)
{
    *ret = (struct echo_stats){0};
    if (c->echo) {
        echo_stats(c->echo, ret);
    }
}

void intake_stats(const struct call *c, struct call_line *ret)
{
    struct echo_stats echo;
    struct line_stats line;
    intake_echo(c, &echo);
    line_stats(&c->line, &line);
    *ret = (struct call_line){
        .echo = echo.found,
        .echo_loss_cb = echo.loss_cb,
        .echo_delay_ms = echo.delay_ms,
        .gate_closures = echo.closures,
        .gated_ms = echo.gated_ms,
        .gaps = c->place.gaps,
        .gap_ms = c->place.gap_ms,
        .late = c->place.late,
        .doubled = c->place.doubled,
        .stalls = c->stalls,
        .stall_ms = c->stall_ms,
        .odd_frames = line.odd_frames,
        .clipped_ms = line.clipped_ms,
        .zero_ms = line.zero_ms,
        .linear_ms = line.linear_ms,
        .rate_hz = line.rate_hz,
        .dc_offset = line.dc_offset,
    };
}
