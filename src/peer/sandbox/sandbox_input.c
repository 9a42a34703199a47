/* Audio in: the appended-milliseconds clock, voice activity, turns. */
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "peer/sandbox/sandbox_session_impl.h"

#define UNCOMMITTED_SPARE_MS 200 /* kept before the prefix padding: the VAD decides late */

static uint32_t input_bytes_per_ms(const struct sandbox_session *s)
{
    return clip_bytes_per_ms(s->input.format);
}

uint64_t input_clock_ms(const struct sandbox_session *s)
{
    return s->input.clock_ms + s->input.clock_bytes / input_bytes_per_ms(s);
}

static bool vad_wanted(const struct sandbox_session *s)
{
    return s->conf.turn_detection.type == OPENAI_VAD_SERVER || s->conf.turn_detection.type == OPENAI_VAD_SEMANTIC;
}

/* How long a pause ends the turn. The real semantic detector looks at the words; ours only waits by eagerness. */
static uint32_t turn_silence_ms(const struct openai_turn_detection *td)
{
    if (td->type == OPENAI_VAD_SERVER) {
        return td->silence_duration_ms.set ? (uint32_t)CLAMP(td->silence_duration_ms.v, 20, 60000) : 200;
    }
    switch (td->eagerness) {
    case OPENAI_EAGERNESS_LOW:
        return 1200;
    case OPENAI_EAGERNESS_HIGH:
        return 400;
    case OPENAI_EAGERNESS_UNSET:
    case OPENAI_EAGERNESS_MEDIUM:
    case OPENAI_EAGERNESS_AUTO:
        break;
    }
    return 700;
}

static uint32_t prefix_padding_ms(const struct sandbox_session *s)
{
    const struct openai_turn_detection *td = &s->conf.turn_detection;
    bool given = td->type == OPENAI_VAD_SERVER && td->prefix_padding_ms.set;
    return given ? (uint32_t)CLAMP(td->prefix_padding_ms.v, 0, 60000) : 300;
}

static struct sandbox_vad_opts vad_settings(const struct sandbox_session *s)
{
    const struct openai_turn_detection *td = &s->conf.turn_detection;
    return (struct sandbox_vad_opts){
        .threshold = td->type == OPENAI_VAD_SERVER && td->threshold.set ? td->threshold.v : 0.5,
        .silence_ms = turn_silence_ms(td),
    };
}

static void input_set_format(struct sandbox_session *s, enum openai_format format)
{
    struct input *in = &s->input;
    in->clock_ms = in->format ? input_clock_ms(s) : 0;
    in->clock_bytes = 0;
    in->format = format;
    in->frame_n = 0;
    in->vad.clock_ms = in->clock_ms;
    buf_clear(&in->raw);
    /* Both rates are ones that the resampler knows. */
    ignore_result(resample_init(&in->down, audio_rate_hz(clip_audio_format(format)), 8000));
}

void input_init(struct sandbox_session *s)
{
    struct sandbox_vad_opts opts = vad_settings(s);
    buf_init(&s->input.raw, 3 * INPUT_MAX_BYTES);
    sandbox_vad_init(&s->input.vad, &opts);
    s->input.vad_on = vad_wanted(s);
    input_set_format(s, s->conf.input_format);
}

void input_done(struct sandbox_session *s)
{
    buf_done(&s->input.raw);
}

/* Switching to manual turns keeps what is in the buffer: the client may commit it. */
static void input_stop_vad(struct sandbox_session *s)
{
    sandbox_vad_reset(&s->input.vad);
    s->input.speaking = false;
    s->input.frame_n = 0;
}

/* From now on the VAD hears; what was appended before does not count as heard. */
static void input_start_vad(struct sandbox_session *s)
{
    sandbox_vad_reset(&s->input.vad);
    s->input.vad.clock_ms = input_clock_ms(s);
    s->input.frame_n = 0;
    ignore_result(resample_init(&s->input.down, audio_rate_hz(clip_audio_format(s->input.format)), 8000));
}

static bool idle_wanted(const struct sandbox_session *s)
{
    const struct openai_turn_detection *td = &s->conf.turn_detection;
    return td->type == OPENAI_VAD_SERVER && td->idle_timeout_ms.set && !td->idle_timeout_ms.null;
}

void input_settings(struct sandbox_session *s)
{
    struct input *in = &s->input;
    struct sandbox_vad_opts opts = vad_settings(s);
    sandbox_vad_set(&in->vad, &opts);
    if (s->conf.input_format != in->format) {
        input_set_format(s, s->conf.input_format);
    }
    if (vad_wanted(s) && !in->vad_on) {
        input_start_vad(s);
    } else if (!vad_wanted(s)) {
        input_stop_vad(s);
    }
    in->vad_on = vad_wanted(s);
    in->idle_armed = in->idle_armed && idle_wanted(s);
}

static void input_drop_front(struct sandbox_session *s, size_t keep_bytes)
{
    struct buf *raw = &s->input.raw;
    keep_bytes -= keep_bytes % input_bytes_per_ms(s);
    if (raw->len > keep_bytes) {
        buf_consume(raw, raw->len - keep_bytes);
    }
}

/* ---- turns ---- */

static struct convo_item *input_take_item(struct sandbox_session *s)
{
    struct input *in = &s->input;
    if (in->item_id[0] == '\0') {
        session_new_id(s, "item_", in->item_id);
    }
    struct convo_item *item = convo_item_new(OPENAI_ITEM_MESSAGE, OPENAI_ROLE_USER, str_from(in->item_id));
    in->item_id[0] = '\0';
    if (!item || convo_item_add_part(item, OPENAI_PART_INPUT_AUDIO, false, STR("")) < 0) {
        return convo_item_free(item);
    }
    item->audio_format = in->format;
    item->audio_ms = in->raw.len / input_bytes_per_ms(s);
    return item;
}

/* The buffer becomes a user item: committed, added, done. */
static void input_commit_item(struct sandbox_session *s, enum heard_by by, uint64_t speech_ms)
{
    static const enum truth_count counts[] = {TRUTH_COMMITS_VAD, TRUTH_COMMITS_CLIENT, TRUTH_COMMITS_TIMEOUT};
    struct convo_item *item = input_take_item(s);
    if (!item) {
        session_close(s, 1011, STR("out of memory"));
        return;
    }
    s->truth->counts[counts[by]]++;
    s->input.item_start_ms = input_clock_ms(s) - MIN(item->audio_ms, input_clock_ms(s));
    convo_append(&s->convo, item);
    convo_add_audio(&s->convo, item, buf_span(&s->input.raw));
    buf_clear(&s->input.raw);
    openai_server_put_committed(session_begin(s), session_event_id(s), convo_previous_id(item), str_from(item->id));
    session_send(s);
    session_announce_item(s, item);
    heard_start(s, item, by, speech_ms);
}

static void input_speech_event(struct sandbox_session *s, enum openai_event_type type, uint64_t ms)
{
    struct openai_server_span at = {.start_ms = ms, .end_ms = ms};
    openai_server_put_speech(session_begin(s), session_event_id(s), type, at, str_from(s->input.item_id));
    session_send(s);
}

static void input_speech_started(struct sandbox_session *s, uint64_t onset_ms)
{
    struct input *in = &s->input;
    uint64_t padding = prefix_padding_ms(s);
    uint64_t start_ms = onset_ms > padding ? onset_ms - padding : 0;
    in->speaking = true;
    in->idle_armed = false;
    s->truth->counts[TRUTH_SPEECH_STARTS]++;
    session_new_id(s, "item_", in->item_id);
    input_drop_front(s, (size_t)(input_clock_ms(s) - MIN(start_ms, input_clock_ms(s))) * input_bytes_per_ms(s));
    input_speech_event(s, OPENAI_SPEECH_STARTED, start_ms);
    if (s->main && s->conf.turn_detection.interrupt_response != OPENAI_NO) {
        response_cancel(s, s->main, "turn_detected");
    }
}

static void input_speech_stopped(struct sandbox_session *s, uint64_t end_ms)
{
    const struct sandbox_vad *vad = &s->input.vad;
    s->input.speaking = false;
    input_speech_event(s, OPENAI_SPEECH_STOPPED, end_ms);
    input_commit_item(s, HEARD_BY_VAD, vad->clock_ms - vad->quiet_ms - vad->onset_ms);
    bool create = s->conf.turn_detection.create_response != OPENAI_NO && !s->conf.transcription_only;
    if (create && !s->main && !s->closed) {
        response_start(s, NULL);
    }
}

void input_arm_idle(struct sandbox_session *s, uint64_t audio_ms)
{
    s->input.idle_armed = idle_wanted(s);
    s->input.idle_from_ms = input_clock_ms(s) + audio_ms;
}

static void input_check_idle(struct sandbox_session *s)
{
    struct input *in = &s->input;
    int64_t timeout_ms = s->conf.turn_detection.idle_timeout_ms.v;
    uint64_t clock_ms = input_clock_ms(s);
    if (!in->idle_armed || in->speaking || s->main || clock_ms < in->idle_from_ms + (uint64_t)timeout_ms) {
        return;
    }
    in->idle_armed = false;
    session_new_id(s, "item_", in->item_id);
    struct openai_server_span at = {.start_ms = in->idle_from_ms, .end_ms = clock_ms};
    openai_server_put_speech(session_begin(s), session_event_id(s), OPENAI_IDLE_TIMEOUT, at, str_from(in->item_id));
    session_send(s);
    input_commit_item(s, HEARD_BY_TIMEOUT, 0);
    if (!s->closed) {
        response_start(s, NULL);
    }
}

/* ---- appended audio ---- */

static void input_frame(struct sandbox_session *s)
{
    uint64_t ms = 0;
    switch (sandbox_vad_feed(&s->input.vad, s->input.frame, &ms)) {
    case SANDBOX_VAD_STARTED:
        input_speech_started(s, ms);
        break;
    case SANDBOX_VAD_STOPPED:
        input_speech_stopped(s, ms);
        break;
    case SANDBOX_VAD_NOTHING:
        break;
    }
}

/* The frames of what was just appended. The buffer grows with the VAD, so that a long append is cut as it should. */
static void input_run_vad(struct sandbox_session *s, struct span audio)
{
    struct input *in = &s->input;
    uint32_t per_frame = input_bytes_per_ms(s) * SANDBOX_VAD_FRAME_MS;
    while (audio.n > 0 && !s->closed) {
        struct span part = {audio.p, MIN(audio.n, (size_t)per_frame)};
        audio = span_from(audio.p + part.n, audio.n - part.n);
        buf_put(&in->raw, part.p, part.n);
        in->clock_bytes += part.n;
        int16_t *pcm = NULL;
        size_t n = 0, made = 0;
        int16_t narrow[SANDBOX_VAD_FRAME_SAMPLES * 3];
        if (clip_audio_format(in->format) == AUDIO_PCM16_24K) {
            int16_t wide[SANDBOX_VAD_FRAME_SAMPLES * 3];
            memcpy(wide, part.p, part.n / 2 * 2);
            resample_run(&in->down, wide, part.n / 2, narrow, &n);
        } else if (clip_decode_8k(part, in->format, &pcm, &n) == 0) {
            memcpy(narrow, pcm, n * sizeof(*narrow));
        }
        free(pcm);
        while (made < n && !s->closed) {
            size_t take = MIN(n - made, (size_t)(SANDBOX_VAD_FRAME_SAMPLES - in->frame_n));
            memcpy(in->frame + in->frame_n, narrow + made, take * sizeof(*narrow));
            in->frame_n += (uint32_t)take;
            made += take;
            if (in->frame_n == SANDBOX_VAD_FRAME_SAMPLES) {
                in->frame_n = 0;
                input_frame(s);
            }
        }
    }
}

void input_append(struct sandbox_session *s, struct str base64, struct str event_id)
{
    struct input *in = &s->input;
    uint8_t *bytes = malloc(base64_dec_max(base64.n) + 1);
    if (!bytes) {
        session_close(s, 1011, STR("out of memory"));
        return;
    }
    int n = base64_decode(bytes, base64);
    if (n < 0) {
        struct openai_server_error e;
        openai_server_error_base64(&e);
        session_error(s, &e, event_id);
        free(bytes);
        return;
    }
    s->truth->counts[TRUTH_APPENDS]++;
    if (vad_wanted(s)) {
        input_run_vad(s, span_from(bytes, (size_t)n));
        uint32_t keep_ms = in->speaking ? UINT32_MAX : prefix_padding_ms(s) + UNCOMMITTED_SPARE_MS;
        input_drop_front(s, MIN((size_t)keep_ms * input_bytes_per_ms(s), (size_t)INPUT_MAX_BYTES));
        input_check_idle(s);
    } else {
        buf_put(&in->raw, bytes, (size_t)n);
        in->clock_bytes += (size_t)n;
        in->vad.clock_ms = input_clock_ms(s);
        input_drop_front(s, INPUT_MAX_BYTES);
    }
    s->truth->appended_ms = input_clock_ms(s);
    if (s->faults.on[FAULT_DROP_HEARD] && input_clock_ms(s) >= fault_number(&s->faults, FAULT_DROP_HEARD)) {
        session_close(s, 0, STR("told to drop"));
    }
    free(bytes);
}

void input_commit(struct sandbox_session *s, struct str event_id)
{
    struct input *in = &s->input;
    uint32_t bytes_per_ms = input_bytes_per_ms(s);
    if (in->raw.len < (size_t)INPUT_MIN_COMMIT_MS * bytes_per_ms) {
        double have_ms = (double)in->raw.len / bytes_per_ms;
        struct openai_server_error e;
        openai_server_error_set(&e, "input_audio_buffer_commit_empty", NULL,
                                "Error committing input audio buffer: buffer too small. Expected at least 100ms of "
                                "audio, but buffer only has %.2fms of audio.",
                                have_ms);
        session_error(s, &e, event_id);
        return;
    }
    in->speaking = false;
    sandbox_vad_reset(&in->vad);
    input_commit_item(s, HEARD_BY_CLIENT, 0);
}

void input_clear(struct sandbox_session *s)
{
    s->input.speaking = false;
    s->input.item_id[0] = '\0';
    s->truth->counts[TRUTH_CLEARS]++;
    sandbox_vad_reset(&s->input.vad);
    buf_clear(&s->input.raw);
    openai_server_put_input_cleared(session_begin(s), session_event_id(s));
    session_send(s);
}
