/*
 * One message of a response: sentence by sentence, the next one synthesised ahead, audio in uneven pieces faster than
 * real time, each word's transcript a little before its sound.
 *
 *     line begun (its words get their place in the item's audio) -> [words, audio]* -> next line ... -> late words ->
 * end
 */
#include <stdlib.h>

#include "base/err.h"
#include "peer/sandbox/sandbox_session_impl.h"

#define WORD_LEAD_MS     500 /* how far the text runs ahead of the sound */
#define TEXT_DELTA_US    20000
#define STALL_AFTER_MS   700 /* of audio */
#define MESSAGE_MAX_TEXT (1u << 20)

/* Sizes of audio deltas in ms: uneven, as the live service sends them, and no multiples of the carrier's frame. */
static const uint16_t delta_ms[] = {121, 63, 207, 41, 343, 90, 158, 17, 262};

void message_done(struct message *m)
{
    clip_unref(m->clip);
    clip_unref(m->next_clip);
    buf_done(&m->text);
    speech_words_done(&m->words);
    free(m->sounded);
    *m = (struct message){0};
}

/* ---- beginning ---- */

/* Cuts at sentence ends; "Mr. X" becomes two pieces, which only changes where a breath is taken. */
static void message_cut(struct message *m, struct str text)
{
    size_t from = 0;
    for (size_t i = 0; i < text.n && m->n_lines < RESPONSE_MAX_LINES - 1; i++) {
        bool stop = strchr(".!?", text.p[i]) && i + 1 < text.n && text.p[i + 1] == ' ';
        if (stop) {
            m->lines[m->n_lines++] = (struct str){text.p + from, i + 1 - from};
            from = i + 1;
        }
    }
    if (from < text.n) {
        m->lines[m->n_lines++] = (struct str){text.p + from, text.n - from};
    }
}

/* The line after that one; an answer without end starts over. n_lines: none. */
static uint32_t line_after(const struct sandbox_session *s, const struct response *r, uint32_t line)
{
    uint32_t n = r->message.n_lines;
    return line + 1 < n ? line + 1 : mischief(s, r, FAULT_ENDLESS) ? 0 : n;
}

/* Asks for the speech of a line; the clip may come at once. */
static void message_say(struct sandbox_session *s, struct response *r, uint32_t line, struct clip **clip,
                        uint32_t *ticket)
{
    *ticket = 0;
    if (r->modality == OPENAI_MODALITY_TEXT || line >= r->message.n_lines) {
        return;
    }
    *ticket = ++s->tickets;
    *clip = s->host->say(*ticket, str_trim(r->message.lines[line]), r->format, s->arg);
    if (*clip) {
        *ticket = 0;
    }
}

static void send_part(struct sandbox_session *s, struct response *r, enum openai_event_type type, struct str text)
{
    struct openai_server_ref ref = response_ref(s, r);
    struct openai_server_part part = {r->modality, text};
    openai_server_put_part(session_begin(s), session_event_id(s), type, &ref, &part);
    session_send(s);
}

static void message_record(struct sandbox_session *s, struct response *r)
{
    struct truth_item *item = truth_item_add(s->truth, str_from(response_item(r)->id), s->now_us);
    if (item) {
        ignore_result(str_copy(item->response_id, sizeof(item->response_id), str_from(r->id))); /* our ids fit */
    }
}

bool message_begin(struct sandbox_session *s, struct response *r, const struct step *step)
{
    struct message *m = &r->message;
    message_done(m);
    if (!response_item_begin(s, r, step)) {
        return false;
    }
    message_record(s, r);
    send_part(s, r, OPENAI_PART_ADDED, STR(""));
    enum openai_part_type type =
        r->modality == OPENAI_MODALITY_TEXT ? OPENAI_PART_OUTPUT_TEXT : OPENAI_PART_OUTPUT_AUDIO;
    struct convo_item *kept = response_convo_item(s, r);
    if (convo_item_add_part(response_item(r), type, true, STR("")) < 0 ||
        (kept && convo_item_add_part(kept, type, true, STR("")) < 0)) {
        return false;
    }
    if (kept) {
        kept->audio_format = r->format;
    }
    if (mischief_number(s, r, FAULT_TRANSCRIPT_LATE)) {
        m->sounded = calloc(MESSAGE_MAX_SOUNDED, sizeof(*m->sounded));
    }
    buf_init(&m->text, MESSAGE_MAX_TEXT);
    message_cut(m, step->text);
    m->open = true;
    message_say(s, r, 0, &m->clip, &m->ticket);
    message_say(s, r, line_after(s, r, 0), &m->next_clip, &m->next_ticket);
    return true;
}

/* ---- lines ---- */

static uint64_t message_audio_ms(const struct response *r)
{
    return r->message.audio_bytes / clip_bytes_per_ms(r->format);
}

/* The clip's words, or guesses, moved to where they are in the whole text and audio. */
static void line_place_words(struct response *r, size_t base, struct str spoken)
{
    struct message *m = &r->message;
    struct speech_words guessed = {0};
    const struct speech_words *words = &m->clip->words;
    if (words->n == 0) {
        uint32_t ms = (uint32_t)(m->clip->audio.n / clip_bytes_per_ms(r->format));
        if (speech_words_guess(&guessed, spoken, ms) == 0) {
            words = &guessed;
        }
    }
    for (uint32_t i = 0; i < words->n; i++) {
        struct speech_word word = words->at[i];
        word.from += (uint32_t)base;
        word.start_ms += (uint32_t)message_audio_ms(r);
        word.end_ms += (uint32_t)message_audio_ms(r);
        if (speech_words_add(&m->words, word) < 0) {
            break; /* its transcript comes with the rest of the line */
        }
    }
    speech_words_done(&guessed);
}

static void line_begin(struct sandbox_session *s, struct response *r)
{
    struct message *m = &r->message;
    struct str line = m->lines[m->line], spoken = str_trim(line);
    size_t before = m->text.len;
    uint32_t words_before = m->words.n;
    m->line_begun = true;
    if (before > 0 && line.p == spoken.p) {
        buf_putc(&m->text, ' '); /* the first line again */
    }
    size_t base = m->text.len + (size_t)(spoken.p - line.p);
    buf_put_str(&m->text, line);
    if (m->text.err) {
        return; /* talking without end: the rest has no transcript */
    }
    if (m->clip) {
        line_place_words(r, base, spoken);
    }
    struct truth_item *item = truth_item_find(s->truth, str_from(response_item(r)->id));
    if (item) {
        struct str text = buf_str(&m->text);
        truth_item_say(item, (struct str){text.p + before, text.n - before}, m->words.at + words_before,
                       m->words.n - words_before);
    }
}

static void line_next(struct sandbox_session *s, struct response *r)
{
    struct message *m = &r->message;
    clip_unref(m->clip);
    m->clip = m->next_clip;
    m->ticket = m->next_ticket;
    m->next_clip = NULL;
    m->next_ticket = 0;
    m->clip_at = 0;
    m->line_begun = false;
    m->line = line_after(s, r, m->line);
    message_say(s, r, line_after(s, r, m->line), &m->next_clip, &m->next_ticket);
}

/* ---- words ---- */

/* Transcript, or text, up to that byte of the message's text. */
static void tell(struct sandbox_session *s, struct response *r, size_t upto)
{
    struct message *m = &r->message;
    if (upto <= m->text_told || m->text.err) {
        return;
    }
    struct str delta = {(const char *)buf_ptr(&m->text) + m->text_told, upto - m->text_told};
    struct openai_server_ref ref = response_ref(s, r);
    enum openai_event_type type = r->modality == OPENAI_MODALITY_TEXT ? OPENAI_TEXT_DELTA : OPENAI_TRANSCRIPT_DELTA;
    openai_server_put_text(session_begin(s), session_event_id(s), type, &ref, delta);
    session_send(s);
    struct convo_item *kept = response_convo_item(s, r);
    buf_put_str(&response_item(r)->parts[0].text, delta);
    if (kept && kept->n_parts > 0 && !kept->truncated) {
        buf_put_str(&kept->parts[0].text, delta);
    }
    r->output_text_tokens += (delta.n + 3) / 4;
    m->text_told = upto;
}

/* One delta per word that begins before ms of the item's audio. */
static void tell_words(struct sandbox_session *s, struct response *r, uint64_t ms)
{
    struct message *m = &r->message;
    while (m->words_told < m->words.n && m->words.at[m->words_told].start_ms < ms) {
        struct speech_word word = m->words.at[m->words_told++];
        tell(s, r, (size_t)word.from + word.n);
    }
}

/* Words whose sound was sent long enough ago (fault). */
static void tell_late(struct sandbox_session *s, struct response *r)
{
    struct message *m = &r->message;
    uint32_t n = 0;
    while (n < m->n_sounded && m->sounded[n].told_us <= s->now_us) {
        tell_words(s, r, m->sounded[n++].audio_ms);
    }
    memmove(m->sounded, m->sounded + n, (m->n_sounded - n) * sizeof(*m->sounded));
    m->n_sounded -= n;
}

static void sounded_add(struct sandbox_session *s, struct response *r)
{
    struct message *m = &r->message;
    uint64_t late_us = (uint64_t)mischief_number(s, r, FAULT_TRANSCRIPT_LATE) * 1000;
    if (m->n_sounded == MESSAGE_MAX_SOUNDED) {
        m->n_sounded--; /* its words are told with those of this piece */
    }
    m->sounded[m->n_sounded++] = (struct sounded){message_audio_ms(r), s->now_us + late_us};
}

/* ---- audio ---- */

static void record_audio(struct sandbox_session *s, struct response *r, uint64_t audio_ms)
{
    struct truth_item *item = truth_item_find(s->truth, str_from(response_item(r)->id));
    struct truth_response *whole = r->first_audio_us ? NULL : truth_response_find(s->truth, str_from(r->id));
    if (item) {
        item->audio_ms = audio_ms;
        item->first_audio_us = item->first_audio_us ? item->first_audio_us : s->now_us;
        item->last_audio_us = s->now_us;
    }
    if (whole) {
        whole->first_audio_us = s->now_us;
    }
}

static void send_audio(struct sandbox_session *s, struct response *r, struct span audio)
{
    struct openai_server_ref ref = response_ref(s, r);
    if (mischief(s, r, FAULT_BAD_AUDIO)) {
        mischief_put_bad_audio(s, r, &ref);
    } else {
        openai_server_put_audio(session_begin(s), session_event_id(s), &ref, audio);
    }
    session_send(s);
    uint64_t audio_ms = message_audio_ms(r);
    struct convo_item *kept = response_convo_item(s, r);
    r->sent_audio_ms += audio.n / clip_bytes_per_ms(r->format);
    response_item(r)->audio_ms = audio_ms;
    if (kept && !kept->truncated) {
        kept->audio_ms = audio_ms;
        if (s->opts.profile == SANDBOX_DIALOGUE && s->host->hear) {
            convo_add_audio(&s->convo, kept, audio); /* for conversation.item.retrieve */
        }
    }
    record_audio(s, r, audio_ms);
    s->conf.voice_locked = true;
    r->first_audio_us = r->first_audio_us ? r->first_audio_us : s->now_us;
}

/* Four times real time (or the speed set): the next delta is due when a quarter of this one has passed. */
static void pace(struct sandbox_session *s, struct response *r, uint64_t ms)
{
    double speed = s->opts.speed > 0 ? s->opts.speed : 4.0;
    if (mischief(s, r, FAULT_STALL) && !r->stalled && message_audio_ms(r) >= STALL_AFTER_MS) {
        r->stalled = true;
        r->due_us = s->now_us + (uint64_t)fault_number(&s->faults, FAULT_STALL) * 1000;
        return;
    }
    if (!mischief(s, r, FAULT_BURSTS)) {
        r->due_us += (uint64_t)((double)ms * 1000.0 / speed);
        return;
    }
    if (r->burst_left_ms > ms) {
        r->burst_left_ms -= ms;
        return;
    }
    r->burst_left_ms = 1000;
    r->due_us = s->now_us + (uint64_t)fault_number(&s->faults, FAULT_BURSTS) * 1000;
}

static void step_audio(struct sandbox_session *s, struct response *r)
{
    struct message *m = &r->message;
    struct clip *clip = m->clip;
    uint32_t bytes_per_ms = clip_bytes_per_ms(r->format);
    uint32_t ms = delta_ms[r->deltas % ARRAY_LEN(delta_ms)];
    size_t n = MIN((size_t)ms * bytes_per_ms, clip->audio.n - m->clip_at);
    bool last = m->clip_at + n == clip->audio.n;
    if (!m->line_begun) {
        line_begin(s, r);
    }
    m->audio_bytes += n;
    if (!m->sounded && last) {
        tell_words(s, r, UINT64_MAX);
        tell(s, r, m->text.len);
    } else if (!m->sounded) {
        tell_words(s, r, message_audio_ms(r) + WORD_LEAD_MS);
    }
    if (n > 0) {
        r->deltas++;
        if (!mischief(s, r, FAULT_NO_AUDIO)) {
            send_audio(s, r, span_from(clip->audio.p + m->clip_at, n));
        }
        m->clip_at += n;
        if (m->sounded) {
            sounded_add(s, r);
        }
        pace(s, r, n / bytes_per_ms);
        mischief_midway(s, r);
    }
    if (!s->closed && last) {
        line_next(s, r);
    }
}

static void step_text(struct sandbox_session *s, struct response *r)
{
    struct message *m = &r->message;
    if (!m->line_begun) {
        line_begin(s, r);
    }
    size_t at = m->text_told;
    speech_word_next(buf_str(&m->text), &at);
    tell(s, r, at);
    r->deltas++;
    r->due_us += TEXT_DELTA_US;
    if (m->text_told == m->text.len || m->text.err) {
        line_next(s, r);
    }
    mischief_midway(s, r);
}

bool message_is_sent(const struct response *r)
{
    return r->message.line == r->message.n_lines && r->message.n_sounded == 0;
}

static bool message_waits_for_clip(const struct response *r)
{
    const struct message *m = &r->message;
    return m->open && m->line < m->n_lines && r->modality != OPENAI_MODALITY_TEXT && !m->clip;
}

uint64_t message_due_us(const struct response *r)
{
    const struct message *m = &r->message;
    bool only_words = m->line == m->n_lines && m->n_sounded > 0;
    uint64_t due = only_words || message_waits_for_clip(r) ? UINT64_MAX : r->due_us;
    return m->n_sounded ? MIN(due, m->sounded[0].told_us) : due;
}

bool message_step(struct sandbox_session *s, struct response *r)
{
    struct message *m = &r->message;
    if (m->n_sounded > 0) {
        tell_late(s, r);
    }
    if (m->line == m->n_lines || message_waits_for_clip(r) || r->due_us > s->now_us) {
        return message_is_sent(r);
    }
    if (r->modality == OPENAI_MODALITY_TEXT) {
        step_text(s, r);
    } else {
        step_audio(s, r);
    }
    return true;
}

/* ---- the end ---- */

void message_end(struct sandbox_session *s, struct response *r, enum openai_status status)
{
    if (status == OPENAI_STATUS_COMPLETED) {
        tell(s, r, r->message.text.len);
    }
    struct openai_server_ref ref = response_ref(s, r);
    struct str text = buf_str(&response_item(r)->parts[0].text);
    text = text.p ? text : STR("");
    r->message.open = false;
    if (r->modality == OPENAI_MODALITY_TEXT) {
        openai_server_put_text(session_begin(s), session_event_id(s), OPENAI_TEXT_DONE, &ref, text);
    } else {
        openai_server_put_text(session_begin(s), session_event_id(s), OPENAI_AUDIO_DONE, &ref, STR(""));
        session_send(s);
        openai_server_put_text(session_begin(s), session_event_id(s), OPENAI_TRANSCRIPT_DONE, &ref, text);
    }
    session_send(s);
    send_part(s, r, OPENAI_PART_DONE, text);
    response_item_end(s, r, status);
}

void message_said(struct response *r, uint32_t ticket, struct clip *clip)
{
    struct message *m = &r->message;
    if (ticket == m->ticket) {
        m->ticket = 0;
        m->clip = clip;
    } else {
        m->next_ticket = 0;
        m->next_clip = clip;
    }
}
