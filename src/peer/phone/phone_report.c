#include "peer/phone/phone_report.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "peer/phone/phone_playout.h"

#define VERBS_MAX_BYTES 65536u

const char *phone_side_name(enum phone_side side)
{
    switch (side) {
    case PHONE_SIDE_NONE:
        return "none";
    case PHONE_SIDE_CALLER:
        return "caller";
    case PHONE_SIDE_AGENT:
        return "agent";
    case PHONE_SIDE_LIMIT:
        return "limit";
    case PHONE_SIDE_ERROR:
        return "error";
    }
    return "none";
}

void phone_report_init(struct phone_report *r, uint32_t quiet_ms)
{
    *r = (struct phone_report){.quiet_ms = quiet_ms, .greeting_ms = -1};
    buf_init(&r->verbs, VERBS_MAX_BYTES);
    phone_turns_init(&r->turns, quiet_ms);
    phone_truth_init(&r->truth);
}

void phone_report_done(struct phone_report *r)
{
    free(r->url);
    free(r->stream_url);
    for (size_t i = 0; i < r->n_docs; i++) {
        free(r->docs[i]);
    }
    buf_done(&r->verbs);
    phone_turns_done(&r->turns);
    phone_truth_done(&r->truth);
    *r = (struct phone_report){0};
}

/* Cutting a sentence for people is no error. */
static void text_set(char dst[PHONE_TEXT_MAX], const char *text)
{
    struct str s = str_from(text);
    size_t n = MIN(s.n, (size_t)PHONE_TEXT_MAX - 1);
    if (n > 0) {
        memcpy(dst, s.p, n);
    }
    dst[n] = '\0';
}

void phone_report_warn(struct phone_report *r, uint32_t code, uint32_t at_ms, const char *text)
{
    r->warnings_total++;
    if (r->n_warnings < PHONE_WARNINGS_MAX) {
        struct phone_warning *w = &r->warnings[r->n_warnings++];
        w->code = code;
        w->at_ms = at_ms;
        text_set(w->text, text);
    }
}

void phone_report_end(struct phone_report *r, enum phone_side side, const char *reason)
{
    if (r->hangup == PHONE_SIDE_NONE) { /* the first reason is the reason */
        r->hangup = side;
        text_set(r->reason, reason);
    }
}

void phone_report_doc(struct phone_report *r, struct str twiml)
{
    if (r->n_docs < PHONE_DOCS_MAX) {
        char *copy = str_dup(twiml);
        if (copy) {
            r->docs[r->n_docs++] = copy;
        }
    }
}

static void json_turn(struct json_w *w, const struct phone_turn *t, size_t number)
{
    json_w_open(w);
    json_w_ki64(w, "n", (int64_t)number);
    json_w_kz(w, "kind", t->keys ? "keys" : "speech");
    json_w_kz(w, "said", t->label);
    json_w_ki64(w, "begin_ms", (int64_t)t->begin_frame * PHONE_FRAME_MS);
    json_w_ki64(w, "end_ms", (int64_t)t->end_frame * PHONE_FRAME_MS);
    json_w_kbool(w, "answered", t->answered);
    json_w_key(w, "gap_ms");
    if (t->answered) {
        json_w_i64(w, t->gap_ms);
    } else {
        json_w_null(w);
    }
    json_w_kbool(w, "barge_in", t->barge_in);
    json_w_key(w, "stop_ms");
    if (t->barge_in) {
        json_w_i64(w, t->stop_ms);
    } else {
        json_w_null(w);
    }
    json_w_ki64(w, "overlap_ms", t->overlap_ms);
    json_w_close(w);
}

static void json_speech(struct json_w *w, const struct phone_turns *t)
{
    json_w_key(w, "turns");
    json_w_array(w);
    for (size_t i = 0; i < t->n_turns; i++) {
        json_turn(w, &t->turns[i], i + 1);
    }
    json_w_end(w);
    json_w_key(w, "agent_speech");
    json_w_array(w);
    for (size_t i = 0; i < t->n_spells; i++) {
        json_w_open(w);
        json_w_ki64(w, "begin_ms", (int64_t)t->spells[i].begin_frame * PHONE_FRAME_MS);
        json_w_ki64(w, "end_ms", (int64_t)t->spells[i].end_frame * PHONE_FRAME_MS);
        json_w_kbool(w, "after_clear", t->spells[i].cleared);
        json_w_close(w);
    }
    json_w_end(w);
}

static void json_media(struct json_w *w, const struct phone_report *r)
{
    json_w_key(w, "sent");
    json_w_open(w);
    json_w_ki64(w, "frames", (int64_t)r->sent_frames);
    json_w_ki64(w, "late", (int64_t)r->sent_late_frames);
    json_w_ki64(w, "worst_late_ms", r->sent_worst_late_ms);
    json_w_ki64(w, "lost", r->lost_frames);
    json_w_ki64(w, "dropped", r->dropped_packets);
    json_w_ki64(w, "doubled", r->doubled_packets);
    json_w_ki64(w, "overtaken", r->late_packets);
    json_w_close(w);
    json_w_key(w, "received");
    json_w_open(w);
    json_w_ki64(w, "messages", (int64_t)r->received_messages);
    json_w_ki64(w, "audio_bytes", (int64_t)r->received_bytes);
    json_w_ki64(w, "underruns", r->underruns);
    json_w_ki64(w, "underrun_ms", r->underrun_ms);
    json_w_close(w);
    json_w_key(w, "clears");
    json_w_open(w);
    json_w_ki64(w, "n", r->clears);
    json_w_ki64(w, "dropped_bytes", (int64_t)r->cleared_bytes);
    json_w_ki64(w, "audio_bytes_after", (int64_t)r->after_clear_bytes);
    json_w_close(w);
    json_w_key(w, "marks");
    json_w_open(w);
    json_w_ki64(w, "received", r->marks_received);
    json_w_ki64(w, "played", r->marks_echoed - r->marks_cleared);
    json_w_ki64(w, "returned_by_clear", r->marks_cleared);
    json_w_ki64(w, "outstanding", r->marks_outstanding);
    json_w_close(w);
}

static void json_lists(struct json_w *w, const struct phone_report *r)
{
    json_w_key(w, "warnings");
    json_w_array(w);
    for (size_t i = 0; i < r->n_warnings; i++) {
        json_w_open(w);
        json_w_ki64(w, "code", r->warnings[i].code);
        json_w_ki64(w, "at_ms", r->warnings[i].at_ms);
        json_w_kz(w, "text", r->warnings[i].text);
        json_w_close(w);
    }
    json_w_end(w);
    json_w_ki64(w, "warnings_total", r->warnings_total);
    json_w_key(w, "twiml");
    json_w_array(w);
    for (size_t i = 0; i < r->n_docs; i++) {
        json_w_str(w, str_from(r->docs[i]));
    }
    json_w_end(w);
    json_w_key(w, "verbs_after_stream");
    json_w_array(w);
    struct str rest = buf_str(&r->verbs), line;
    while (str_split(&rest, '\n', &line)) {
        if (line.n > 0) {
            json_w_str(w, line);
        }
    }
    json_w_end(w);
}

static void json_verdicts(struct json_w *w, const struct phone_verdict *v, size_t n)
{
    json_w_key(w, "expectations");
    json_w_array(w);
    for (size_t i = 0; i < n; i++) {
        json_w_open(w);
        json_w_kz(w, "name", v[i].name);
        json_w_ki64(w, "want", v[i].want);
        json_w_ki64(w, "got", v[i].got);
        json_w_kbool(w, "held", v[i].held);
        json_w_close(w);
    }
    json_w_end(w);
}

void phone_report_json(const struct phone_report *r, const struct phone_verdict *verdicts, size_t n, struct str record,
                       struct buf *out)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "call_sid", r->call_sid);
    json_w_kz(&w, "stream_sid", r->stream_sid);
    json_w_kz(&w, "url", r->url);
    json_w_kz(&w, "stream_url", r->stream_url);
    json_w_ki64(&w, "duration_ms", r->duration_ms);
    json_w_key(&w, "hangup");
    json_w_open(&w);
    json_w_kz(&w, "side", phone_side_name(r->hangup));
    json_w_kz(&w, "reason", r->reason);
    json_w_close(&w);
    json_w_kz(&w, "error", r->err < 0 ? err_name(r->err) : NULL);
    json_w_key(&w, "greeting_ms");
    if (r->greeting_ms >= 0) {
        json_w_i64(&w, r->greeting_ms);
    } else {
        json_w_null(&w);
    }
    json_w_ki64(&w, "agent_speech_ms", phone_turns_agent_ms(&r->turns));
    json_w_ki64(&w, "overlap_ms", (int64_t)r->turns.overlap_frames * PHONE_FRAME_MS);
    json_speech(&w, &r->turns);
    if (r->has_truth) {
        phone_truth_json(&w, &r->truth);
    }
    json_media(&w, r);
    json_lists(&w, r);
    if (verdicts) {
        json_verdicts(&w, verdicts, n);
    }
    if (record.p) {
        json_w_key(&w, "gateway_record");
        json_w_raw(&w, record);
    }
    json_w_close(&w);
}

static void text_turn(const struct phone_turn *t, size_t number, struct buf *out)
{
    buf_printf(out, "turn %zu at %.2f s: %s%s%s", number, (double)t->begin_frame * 0.02, t->keys ? "keys " : "\"",
               t->label, t->keys ? "" : "\"");
    if (t->answered) {
        buf_printf(out, ", answered after %d ms", (int)t->gap_ms);
    } else {
        buf_puts(out, ", not answered");
    }
    if (t->barge_in) {
        buf_printf(out, ", barge-in: agent silent after %d ms", (int)t->stop_ms);
    }
    buf_putc(out, '\n');
}

void phone_report_text(const struct phone_report *r, const struct phone_verdict *verdicts, size_t n, struct buf *out)
{
    if (r->greeting_ms >= 0) {
        buf_printf(out, "agent's first sound after %d ms\n", (int)r->greeting_ms);
    }
    for (size_t i = 0; i < r->turns.n_turns; i++) {
        text_turn(&r->turns.turns[i], i + 1, out);
    }
    buf_printf(out, "call of %.1f s, agent spoke %.1f s, overlap %u ms, ended by %s: %s\n",
               (double)r->duration_ms / 1000.0, (double)phone_turns_agent_ms(&r->turns) / 1000.0,
               r->turns.overlap_frames * PHONE_FRAME_MS, phone_side_name(r->hangup), r->reason);
    buf_printf(out, "frames sent %llu (%llu late), underruns %u, clears %u (%llu bytes after), marks open %u\n",
               (unsigned long long)r->sent_frames, (unsigned long long)r->sent_late_frames, r->underruns, r->clears,
               (unsigned long long)r->after_clear_bytes, r->marks_outstanding);
    for (size_t i = 0; i < r->n_warnings; i++) {
        buf_printf(out, "warning %u at %.2f s: %s\n", r->warnings[i].code, (double)r->warnings[i].at_ms / 1000.0,
                   r->warnings[i].text);
    }
    for (size_t i = 0; i < n; i++) {
        if (!verdicts[i].held) {
            buf_printf(out, "expectation failed: %s: %s\n", verdicts[i].name, verdicts[i].text);
        }
    }
}
