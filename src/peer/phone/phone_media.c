/* The 20 ms of a phone: what is said goes out, what came in is played, and both are listened to. */
#include <stdio.h>

#include "base/base64.h"
#include "base/err.h"
#include "peer/phone/phone_impl.h"

#define LATE_US        10000 /* a frame that leaves this much after its deadline is late */
#define GAP_MAX_FRAMES 20    /* a longer silence is a pause, not an underrun */
#define CLEAR_SETTLE   10    /* frames behind the caller's last sound in which audio still counts as late */

/* ---- commands of the server ---- */

static void marks_return(struct phone *p, bool cleared)
{
    struct str name;
    while (phone_playout_due(&p->playout, &name)) {
        p->report.marks_echoed++;
        p->report.marks_cleared += cleared;
        phone_stream_mark(p->stream, name);
        phone_emit(p, (struct phone_event){.kind = PHONE_EVENT_MARK, .text = name, .n = cleared});
    }
}

/* Whether the caller is still saying what the clear was about. */
static bool caller_goes_on(const struct phone *p)
{
    const struct phone_ears *caller = &p->report.turns.caller;
    return caller->speaking && phone_ears_pause(caller, p->frame) < CLEAR_SETTLE;
}

static void take_audio(struct phone *p, struct str base64)
{
    buf_clear(&p->scratch);
    uint8_t *out = buf_room(&p->scratch, base64_dec_max(base64.n));
    int n = out ? base64_decode(out, base64) : -ENOMEM;
    if (n < 0) {
        phone_warn(p, p->o.as->overflow_code, err_text(n));
        return;
    }
    struct span audio = span_from(out, (size_t)n);
    p->report.received_messages++;
    p->report.received_bytes += audio.n;
    if (p->clear_open) {
        p->report.after_clear_bytes += audio.n;
    }
    p->audio_frame = p->frame;
    phone_emit(p, (struct phone_event){.kind = PHONE_EVENT_AUDIO, .audio = audio});
    uint32_t room = p->o.as->queue_max_bytes;
    if (room > 0 && phone_playout_queued(&p->playout) + audio.n > room) {
        phone_warn(p, p->o.as->overflow_code, "more audio is queued than the carrier keeps; the rest is dropped");
    } else if (phone_playout_audio(&p->playout, audio) < 0) {
        phone_warn(p, p->o.as->overflow_code, "more than ten minutes of audio are queued; the rest is dropped");
    } else if (p->report.has_truth) {
        phone_truth_audio(&p->report.truth, audio);
    }
}

static void take_mark(struct phone *p, struct str raw)
{
    buf_clear(&p->scratch);
    if (json_unescape(raw, &p->scratch) < 0) {
        phone_warn(p, p->o.as->overflow_code, "mark.name has a bad escape");
        return;
    }
    p->report.marks_received++;
    if (phone_playout_mark(&p->playout, buf_str(&p->scratch)) < 0) {
        phone_warn(p, p->o.as->overflow_code, "too many marks are outstanding");
        return;
    }
    marks_return(p, false);
}

static void take_clear(struct phone *p)
{
    size_t dropped = phone_playout_clear(&p->playout);
    if (p->report.has_truth) {
        phone_truth_clear(&p->report.truth);
    }
    p->report.clears++;
    p->report.cleared_bytes += dropped;
    p->clear_open = caller_goes_on(p); /* keys are answered at once: what follows then is the answer */
    p->gap_armed = false;
    p->gap_frames = 0;
    p->was_loud = false;
    phone_emit(p, (struct phone_event){.kind = PHONE_EVENT_CLEAR, .n = dropped});
    if (phone_turns_clear(&p->report.turns) == PHONE_HEARD_END) {
        phone_emit(p, (struct phone_event){.kind = PHONE_EVENT_AGENT_END});
    }
    if (p->o.as->answers_clear) {
        p->report.marks_cleared += (uint32_t)phone_playout_forget(&p->playout);
        phone_stream_cleared(p->stream);
    } else {
        marks_return(p, true);
    }
}

static void on_command(struct phone_stream *s UNUSED, const struct phone_command *cmd, void *arg)
{
    struct phone *p = arg;
    switch (cmd->kind) {
    case PHONE_COMMAND_AUDIO:
        take_audio(p, cmd->text);
        break;
    case PHONE_COMMAND_MARK:
        take_mark(p, cmd->text);
        break;
    case PHONE_COMMAND_CLEAR:
        take_clear(p);
        break;
    case PHONE_COMMAND_KEYS:
        phone_emit(p, (struct phone_event){.kind = PHONE_EVENT_KEYS, .text = cmd->text});
        break;
    }
}

/* ---- the step ---- */

static void send_packet(const struct phone_media *m, void *arg)
{
    struct phone *p = arg;
    phone_stream_media(p->stream, p->timestamp_ms + m->offset_ms, m->chunk, m->audio);
}

static void send_said(struct phone *p, uint64_t due_us)
{
    uint64_t now_us = clock_now_us();
    uint64_t late_us = now_us > due_us ? now_us - due_us : 0;
    phone_emit(p, (struct phone_event){.kind = PHONE_EVENT_SENT, .n = p->frame - 1});
    p->report.sent_frames++;
    p->report.sent_late_frames += late_us > LATE_US;
    p->report.sent_worst_late_ms = MAX(p->report.sent_worst_late_ms, (uint32_t)(late_us / 1000));
    phone_packets_push(&p->packets, p->said, send_packet, p);
    p->report.dropped_packets = p->packets.dropped;
    p->report.doubled_packets = p->packets.doubled;
    p->report.late_packets = p->packets.late;
    if (p->said_key) {
        phone_stream_key(p->stream, p->said_key);
    }
}

/* Silence that cut into a sound, and after which the sound goes on, is an underrun: the audio came too late. */
static void watch_gap(struct phone *p, size_t n, bool loud)
{
    if (n < PHONE_FRAME_BYTES) {
        if (p->gap_frames++ == 0) {
            p->gap_armed = p->was_loud;
        }
        return;
    }
    if (p->gap_frames > 0 && p->gap_armed && loud && p->gap_frames <= GAP_MAX_FRAMES) {
        p->report.underruns++;
        p->report.underrun_ms += p->gap_frames * PHONE_FRAME_MS;
    }
    p->gap_frames = 0;
    p->gap_armed = false;
    p->was_loud = loud;
}

/* Plays one frame, of which *ret_n bytes came from the queue; true when it was loud. */
static bool hear(struct phone *p, uint8_t heard[PHONE_FRAME_BYTES], size_t *ret_n)
{
    size_t n = phone_playout_step(&p->playout, heard);
    *ret_n = n;
    marks_return(p, false);
    bool loud = n > 0 && phone_frame_is_loud(heard, PHONE_FRAME_BYTES);
    watch_gap(p, n, loud);
    if (phone_dice_roll(&p->dice, p->o.loss_percent)) {
        memset(heard, PHONE_SILENCE_BYTE, PHONE_FRAME_BYTES);
        p->report.lost_frames++;
        loud = false;
    }
    if (p->clear_open && !caller_goes_on(p)) {
        p->clear_open = false;
    }
    return loud;
}

static void script_tell(struct phone *p, enum phone_script_event event)
{
    const struct phone_item *item = p->script.at < p->script.n ? &p->script.items[p->script.at] : NULL;
    if (event == PHONE_SCRIPT_BEGIN && item) {
        struct str label = str_from(item->kind == PHONE_KEYS      ? item->keys
                                    : item->label                 ? item->label
                                    : item->kind == PHONE_SILENCE ? "(silence)"
                                                                  : "(audio)");
        if (item->kind == PHONE_SAY && !item->wordless) {
            phone_turns_label(&p->report.turns, label);
        }
        if (item->kind == PHONE_SAY && p->report.has_truth) {
            phone_truth_says(&p->report.truth, label, item->mulaw, p->line.noise_rms / p->line.gain);
        }
        phone_emit(p, (struct phone_event){.kind = PHONE_EVENT_SAYS, .text = label, .n = item->kind});
    } else if (event == PHONE_SCRIPT_END) {
        phone_emit(p, (struct phone_event){.kind = PHONE_EVENT_SAID});
    }
}

static struct phone_agent_view agent_view(const struct phone *p)
{
    const struct phone_turns *t = &p->report.turns;
    struct phone_agent_view v = {.speaking = t->agent.speaking,
                                 .begin_frame = t->agent.begin_frame,
                                 .queued_ms = (uint32_t)(phone_playout_queued(&p->playout) / 8),
                                 .quiet_ms = (p->frame - p->audio_frame) * PHONE_FRAME_MS};
    if (t->n_spells > 0) {
        v.spoke = true;
        v.spell_begin_frame = t->spells[t->n_spells - 1].begin_frame;
        v.spell_end_frame = t->spells[t->n_spells - 1].end_frame;
    }
    return v;
}

/* What the microphone picks up now; it is sent with the next step. */
static enum phone_script_event speak(struct phone *p)
{
    struct phone_agent_view agent = agent_view(p);
    enum phone_script_event event = phone_script_step(&p->script, p->frame, &agent, p->said);
    p->said_key = p->script.key;
    if (p->o.source) {
        p->o.source(p->frame, p->said, p->o.source_arg);
    }
    if (p->said_key) {
        phone_turns_key(&p->report.turns, p->said_key);
    }
    p->has_said = true;
    script_tell(p, event);
    return event;
}

static void listen_both(struct phone *p, bool said_loud, bool heard_loud)
{
    struct phone_turns *t = &p->report.turns;
    struct phone_turns_step step = phone_turns_step(t, said_loud, heard_loud);
    if (step.agent == PHONE_HEARD_BEGIN) {
        if (p->report.greeting_ms < 0) {
            p->report.greeting_ms = (int32_t)(t->agent.begin_frame * PHONE_FRAME_MS);
        }
        phone_emit(
            p, (struct phone_event){.kind = PHONE_EVENT_AGENT_BEGIN, .at_ms = t->agent.begin_frame * PHONE_FRAME_MS});
    } else if (step.agent == PHONE_HEARD_END) {
        phone_emit(p,
                   (struct phone_event){.kind = PHONE_EVENT_AGENT_END, .at_ms = t->agent.end_frame * PHONE_FRAME_MS});
    }
}

static void stream_begin(struct phone *p)
{
    phone_stream_start(p->stream);
    p->sent = 0;
    p->has_said = false;
    phone_packets_restart(&p->packets);
    p->timestamp_ms = 80 + phone_dice_below(&p->dice, 121);
    phone_set_state(p, PHONE_TALKING);
    phone_emit(p, (struct phone_event){.kind = PHONE_EVENT_START, .text = str_from(p->stream_sid)});
    if (p->stream_callback.n > 0) {
        phone_request_stream_status(p, true, NULL);
    }
}

/*
 *   step k:  [send the frame of step k-1] [frame k-1 has been heard: its marks return] [play frame k] [pick up frame k]
 */
static void step(uint64_t due_us, void *arg)
{
    struct phone *p = arg;
    if (!phone_stream_started(p->stream)) {
        stream_begin(p);
        if (p->state != PHONE_TALKING) {
            return; /* closed by a handler */
        }
    }
    if (p->has_said) {
        send_said(p, due_us);
    }
    uint8_t heard[PHONE_FRAME_BYTES];
    size_t n_heard;
    bool heard_loud = hear(p, heard, &n_heard);
    enum phone_script_event event = speak(p);
    const struct phone_item *item = phone_script_item(&p->script);
    bool said_loud = !(item && item->wordless) && phone_frame_is_loud(p->said, PHONE_FRAME_BYTES);
    phone_line_step(&p->line, heard, p->said);
    if (p->report.has_truth) {
        phone_truth_step(&p->report.truth, n_heard);
    }
    if (p->record) {
        phone_record_frame(p->record, p->said, heard);
    }
    if (phone_dice_roll(&p->dice, p->o.loss_percent)) {
        memset(p->said, PHONE_SILENCE_BYTE, PHONE_FRAME_BYTES);
        p->report.lost_frames++;
    }
    listen_both(p, said_loud, heard_loud);
    p->frame++;
    p->report.duration_ms = p->frame * PHONE_FRAME_MS;
    if (event == PHONE_SCRIPT_HANGUP) {
        phone_hang_up(p, "the script is done");
    }
}

/* ---- the stream ---- */

static void on_open(struct phone_stream *s UNUSED, void *arg)
{
    struct phone *p = arg;
    phone_wheel_join(p->o.wheel, &p->seat, step, p);
}

static void on_warning(struct phone_stream *s UNUSED, uint32_t code, const char *text, void *arg)
{
    phone_warn(arg, code, text);
}

void phone_media_stop(struct phone *p)
{
    phone_wheel_leave(&p->seat);
    p->report.marks_outstanding += (uint32_t)phone_playout_marks(&p->playout);
    phone_playout_done(&p->playout);
    phone_playout_init(&p->playout);
    phone_truth_restart(&p->report.truth);
    p->stream = NULL;
}

/* A clean end by the server is how an agent hangs up; everything else earns its number. */
static bool end_is_clean(const struct phone_stream_end *end)
{
    return end->code == PHONE_ERR_CLOSED && (end->ws_code == 1000 || end->ws_code == 1001 || end->ws_code == 1005);
}

static void on_closed(struct phone_stream *s UNUSED, const struct phone_stream_end *end, void *arg)
{
    struct phone *p = arg;
    phone_media_stop(p);
    bool clean = end->ours || end_is_clean(end);
    if (!clean) {
        phone_warn(p, end->code, end->detail);
    }
    if (p->stream_callback.n > 0) {
        phone_request_stream_status(p, false, clean ? NULL : end->detail);
    }
    if (end->ours) {
        phone_moved_on(p);
        return;
    }
    if (!end->was_open && phone_connect_again(p)) {
        return;
    }
    ignore_result(snprintf(p->stream_end, sizeof(p->stream_end), "%s", end->detail) < 0);
    if (!end->was_open) {
        p->report.err = p->frame > 0 ? p->report.err : end->err < 0 ? end->err : -ERR_HTTP;
        phone_report_end(&p->report, PHONE_SIDE_ERROR, end->detail);
    }
    phone_set_state(p, PHONE_AFTER);
    phone_resume(p);
}

const struct phone_stream_handler phone_stream_events = {
    .on_open = on_open, .on_command = on_command, .on_warning = on_warning, .on_closed = on_closed};
