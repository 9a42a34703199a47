/* What was said: a user item's audio goes to the recogniser, its words come back and are told as a transcription. */
#include <stdlib.h>

#include "base/err.h"
#include "peer/sandbox/sandbox_session_impl.h"

#define SCRIPT_MIN_MS 300
#define HEARD_MAX_MS  60000 /* of speech; the recogniser takes no more */

/* ---- to the recogniser ---- */

static void record_item(struct sandbox_session *s, const struct convo_item *item, enum heard_by by, uint64_t speech_ms)
{
    static const char *const names[] = {"vad", "client", "timeout", "item"};
    struct truth_item *t = truth_item_add(s->truth, str_from(item->id), s->now_us);
    if (t) {
        t->user = true;
        t->by = names[by];
        t->audio_ms = item->audio_ms;
        t->start_ms = by == HEARD_BY_ITEM ? 0 : s->input.item_start_ms;
        t->speech_ms = speech_ms;
    }
}

/* Deaf: a turn that the client made counts whatever it holds, one that we found must be longer than a noise. */
static bool counts_as_sentence(const struct convo_item *item, enum heard_by by, uint64_t speech_ms)
{
    return by == HEARD_BY_CLIENT || (by == HEARD_BY_ITEM ? item->audio_ms : speech_ms) >= SCRIPT_MIN_MS;
}

/*
 * Whatever surrounds the speech, a pre-roll of seconds or the silence that ended the turn, is cut off before: how fast
 * it was appended and how long the client waited with the commit makes no difference to what is heard.
 */
static void heard_decode(struct sandbox_session *s, struct convo_item *item)
{
    int16_t *pcm = NULL;
    size_t n = 0;
    struct sandbox_extent e = {0};
    bool loud =
        clip_decode_8k(buf_span(&item->audio), item->audio_format, &pcm, &n) == 0 && sandbox_vad_extent(pcm, n, &e);
    if (!loud) {
        free(pcm);
        heard_finish(s, item->hearing, false, STR(""));
        return;
    }
    size_t most = (size_t)HEARD_MAX_MS * 8;
    if (e.n > most) {
        e.from += e.n - most;
        e.n = most;
    }
    struct truth_item *t = truth_item_find(s->truth, str_from(item->id));
    if (t && t->speech_ms == 0) {
        t->speech_ms = e.speech_ms;
    }
    uint32_t total_ms = (uint32_t)(e.n / 8);
    s->host->hear(item->hearing, pcm + e.from, e.n, total_ms - MIN(total_ms, e.speech_ms), s->arg);
    free(pcm);
}

void heard_start(struct sandbox_session *s, struct convo_item *item, enum heard_by by, uint64_t speech_ms)
{
    item->hearing = ++s->tickets;
    record_item(s, item, by, speech_ms);
    if (by == HEARD_BY_TIMEOUT) {
        item->answered = true; /* nothing was said: the response only prompts */
        heard_finish(s, item->hearing, true, STR(""));
    } else if (!s->host->hear) {
        bool counts = counts_as_sentence(item, by, speech_ms);
        heard_finish(s, item->hearing, counts, counts ? dialogue_script_next(&s->talk) : STR(""));
    } else {
        heard_decode(s, item);
    }
}

/* ---- and back ---- */

static void send_failed(struct sandbox_session *s, const struct convo_item *item)
{
    struct openai_server_error e;
    openai_server_error_set(&e, "audio_unintelligible", NULL, "The audio could not be transcribed.");
    e.type = "transcription_error";
    openai_server_put_heard_failed(session_begin(s), session_event_id(s), str_from(item->id), &e);
    session_send(s);
}

static void send_transcript(struct sandbox_session *s, const struct convo_item *item, struct str text)
{
    struct openai_usage usage = {
        .present = true, .input_audio_tokens = (item->audio_ms + 99) / 100, .output_tokens = text.n / 4 + 1};
    usage.input_tokens = usage.input_audio_tokens;
    usage.total_tokens = usage.input_tokens + usage.output_tokens;
    if (str_is(str_from(s->conf.transcription_model), "whisper-1")) {
        usage.seconds = (double)((item->audio_ms + 999) / 1000);
    }
    if (text.n > 0) {
        openai_server_put_heard_delta(session_begin(s), session_event_id(s), str_from(item->id), text);
        session_send(s);
    }
    openai_server_put_heard(session_begin(s), session_event_id(s), str_from(item->id), text, &usage);
    session_send(s);
    s->truth->counts[TRUTH_TRANSCRIPTS]++;
}

static void record_heard(struct sandbox_session *s, const struct convo_item *item, struct str text)
{
    struct truth_item *t = truth_item_find(s->truth, str_from(item->id));
    if (t) {
        t->heard_us = s->now_us;
        t->accepted = !item->refused;
        buf_put_str(&t->text, text);
    }
}

static struct convo_item *item_being_heard(struct sandbox_session *s, uint32_t ticket)
{
    struct convo_item *item = s->convo.last;
    while (item && item->hearing != ticket) {
        item = item->prev;
    }
    return item;
}

void heard_finish(struct sandbox_session *s, uint32_t ticket, bool accepted, struct str words)
{
    struct convo_item *item = ticket ? item_being_heard(s, ticket) : NULL;
    if (!item) {
        return; /* deleted meanwhile */
    }
    struct str text = accepted ? words : STR("(unclear)");
    item->hearing = 0;
    item->refused = !accepted;
    for (uint32_t i = 0; i < item->n_parts; i++) {
        if (item->parts[i].type == OPENAI_PART_INPUT_AUDIO) {
            item->parts[i].has_text = s->conf.transcription;
            buf_clear(&item->parts[i].text);
            buf_put_str(&item->parts[i].text, text);
        }
    }
    record_heard(s, item, text);
    if (!s->conf.transcription || s->faults.on[FAULT_NO_HEARD]) {
        return;
    }
    if (s->faults.on[FAULT_HEARD_FAILED]) {
        send_failed(s, item);
    } else {
        send_transcript(s, item, text);
    }
}
