/* What was said and heard: lines of the transcript, cut where the caller stopped hearing, and one record per turn. */
#include "base/err.h"
#include "call/state.h"

#define LETTERS_A_SECOND 15

void turn_begin(struct call *c)
{
    turn_close(c);
    c->turn = (struct call_turn){.number = c->turns++,
                                 .agent = c->agent,
                                 .speech_start_ms = -1,
                                 .speech_stop_ms = -1,
                                 .commit_ms = -1,
                                 .created_ms = -1,
                                 .first_audio_ms = -1,
                                 .first_sent_ms = -1,
                                 .agent_end_ms = -1};
    c->turn_open = true;
}

void turn_close(struct call *c)
{
    if (c->turn_open) {
        c->turn_open = false;
        call_emit(c, ACT_TURN)->turn = c->turn;
    }
}

void turn_settle(struct call *c)
{
    bool answered = c->turn_open && c->turn.created_ms >= 0;
    bool quiet = c->playout == PLAYOUT_EMPTY && c->response == RESPONSE_NONE && !c->want && !tools_pending(c);
    if (answered && quiet && c->caller == CALLER_SILENT) {
        turn_close(c);
    }
}

/* What follows these is a pause; a digit is a word. */
uint32_t text_weight(char letter)
{
    return letter == ',' || letter == ';' || letter == ':'   ? 5
           : letter == '.' || letter == '!' || letter == '?' ? 8
           : letter >= '0' && letter <= '9'                  ? 4
           : ((uint8_t)letter & 0xC0) == 0x80                ? 0
                                                             : 1;
}

/*
 * The transcript runs in step with the audio: as much of the text as of the sound, pauses counted, to the end of the
 * word that was half out.
 */
size_t text_heard(struct str text, uint32_t heard, uint32_t total)
{
    if (total == 0 || heard >= total) {
        return total ? text.n : 0;
    }
    uint64_t all = 0, said = 0;
    for (size_t i = 0; i + 1 < text.n; i++) { /* no pause behind the last one */
        all += text_weight(text.p[i]);
    }
    uint64_t until = all * heard / total;
    size_t cut = 0;
    for (size_t i = 0; i < text.n;) {
        size_t end = i;
        uint64_t word = 0;
        while (end < text.n && text.p[end] != ' ' && text.p[end] != '\n') {
            word++;
            said += text_weight(text.p[end++]);
        }
        if (word > 0 && said > until + word / 2) {
            break;
        }
        cut = word > 0 ? end : cut;
        said += end < text.n;
        i = end + 1;
    }
    return cut;
}

/* Bytes that the text stands for. The words of an item that broke off ran ahead of its sound. */
static uint32_t sound_of(const struct call *c, const struct item *it)
{
    uint64_t spoken = (uint64_t)it->text.len * 1000 / LETTERS_A_SECOND * audio_bytes_per_ms(c->leg_format);
    return it->broken && it->received ? (uint32_t)MAX(spoken, (uint64_t)it->received) : it->received;
}

void line_agent(struct call *c, const struct item *it, uint32_t heard_bytes)
{
    struct str text = buf_str(&it->text);
    bool whole = heard_bytes >= it->received && it->audio_done && !it->broken;
    size_t cut = (whole && it->received) || c->o->text_only ? text.n : text_heard(text, heard_bytes, sound_of(c, it));
    if (c->turn_open) {
        c->turn.item_ms += bytes_ms(c, it->received);
        c->turn.heard_ms += bytes_ms(c, heard_bytes);
    }
    if (text.n == 0) {
        return;
    }
    struct str heard = call_keep(c, (struct str){text.p, cut});
    replay_said(c, it, heard);
    struct str unheard = call_keep(c, str_trim((struct str){text.p + cut, text.n - cut}));
    conv_heard(c, it, heard, unheard, cut == text.n);
    struct call_action *act = call_emit(c, ACT_LINE);
    act->line.who = PARTY_AGENT;
    act->line.agent = it->agent;
    act->line.at_ms = it->start_ms >= 0 ? it->start_ms : call_since_ms(c);
    act->line.text = heard;
    act->line.unheard = unheard;
    act->line.estimated = !whole;
}

void line_caller(struct call *c, struct str text)
{
    text = str_trim(text);
    if (text.n == 0) {
        return;
    }
    struct str kept = call_keep(c, text);
    struct call_action *act = call_emit(c, ACT_LINE);
    act->line.who = PARTY_CALLER;
    act->line.agent = c->agent;
    bool timed = c->turn_open && c->turn.speech_start_ms >= 0;
    act->line.at_ms = timed ? c->turn.speech_start_ms : call_since_ms(c);
    act->line.text = kept;
}

/* Without sound the first words are what the caller waited for. */
static void note_written(struct call *c)
{
    if (!c->o->text_only) {
        return;
    }
    c->response_wrote = true;
    if (c->turn_open && c->turn.first_audio_ms < 0) {
        c->turn.first_audio_ms = c->turn.first_sent_ms = call_since_ms(c);
    }
    if (c->phase == PHASE_GREETING) {
        timer_off(c, TIMER_GREETING);
    }
}

void text_delta(struct call *c, const struct call_event *ev)
{
    if (seq_is_dead(c, ev->model_text.response_id)) {
        return;
    }
    guard_text(c, ev);
    struct item *it = item_need(c, ev->model_text.response_id, ev->model_text.item_id);
    if (it && !it->text_done && it->text.len + ev->model_text.text.n <= CALL_TEXT_MAX) {
        buf_put_str(&it->text, ev->model_text.text);
        conv_text(c, it, ev->model_text.text, false);
        note_written(c);
    }
}

/* Letters and digits alone, lower case: what a greeting must agree in. */
static bool same_words(struct str a, struct str b)
{
    size_t i = 0;
    size_t k = 0;
    for (;;) {
        while (i < a.n && !((a.p[i] | 32) >= 'a' && (a.p[i] | 32) <= 'z') && !(a.p[i] & 0x80)) {
            i++;
        }
        while (k < b.n && !((b.p[k] | 32) >= 'a' && (b.p[k] | 32) <= 'z') && !(b.p[k] & 0x80)) {
            k++;
        }
        if (i == a.n || k == b.n) {
            return i == a.n && k == b.n;
        }
        if ((a.p[i++] | 32) != (b.p[k++] | 32)) {
            return false;
        }
    }
}

void text_done(struct call *c, const struct call_event *ev)
{
    if (seq_is_dead(c, ev->model_text.response_id)) {
        return;
    }
    guard_text(c, ev);
    struct item *it = item_need(c, ev->model_text.response_id, ev->model_text.item_id);
    if (!it) {
        return;
    }
    it->text_done = true;
    if (ev->model_text.text.n) {
        buf_clear(&it->text);
        buf_put_str(&it->text, (struct str){ev->model_text.text.p, MIN(ev->model_text.text.n, (size_t)CALL_TEXT_MAX)});
        note_written(c);
    }
    conv_text(c, it, buf_str(&it->text), true);
    if (c->phase == PHASE_GREETING && c->o->greeting.kind == GREETING_TEXT &&
        !same_words(buf_str(&it->text), c->o->greeting.text)) {
        call_remark(c, NOTE_GREETING_DEVIATION, 0, buf_str(&it->text));
    }
}
