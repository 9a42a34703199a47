/*
 * Sending one response: items, parts, transcript and audio deltas in the vendor's order, audio faster than real time,
 * sentence by sentence with the next one synthesised ahead, and the close-out when it is cancelled.
 *
 *     created -> [item added -> part added -> deltas -> dones -> item done]* -> [call added -> arguments -> done]* ->
 * done
 */
#include <stdlib.h>

#include "base/err.h"
#include "peer/sandbox_session_impl.h"

#define TRANSCRIPT_LEAD_CHARS 24 /* how far the text runs ahead of the sound */
#define TEXT_DELTA_US         20000
#define MAX_DELTAS_PER_TICK   64

/* Sizes of audio deltas in ms: uneven, as the live service sends them, and no multiples of the carrier's frame. */
static const uint16_t delta_ms[] = {121, 63, 207, 41, 343, 90, 158, 17, 262};

/* ---- small parts ---- */

static struct str response_conversation(const struct sandbox_session *s, const struct response *r)
{
    return r->out_of_band ? STR_NULL : str_from(s->conversation_id);
}

static struct convo_item *response_item(const struct response *r)
{
    return r->n_items ? r->items[r->n_items - 1] : NULL;
}

/* The conversation's own copy of the item being sent; NULL out of band, or when the client deleted it. */
static struct convo_item *response_convo_item(struct sandbox_session *s, struct response *r)
{
    struct convo_item *item = response_item(r);
    return item && !r->out_of_band ? convo_find(&s->convo, str_from(item->id)) : NULL;
}

static struct openai_server_ref response_ref(struct sandbox_session *s, struct response *r)
{
    static const char padding[] = "Qm8xZ2Vkc3R5bGU0N0Fo";
    struct convo_item *item = response_item(r);
    struct openai_server_ref ref = {.response_id = str_from(r->id), .output_index = r->n_items ? r->n_items - 1 : 0};
    if (item) {
        ref.item_id = str_from(item->id);
        ref.call_id = buf_str(&item->call_id);
        ref.name = buf_str(&item->name);
    }
    if (s->faults.on[FAULT_OBFUSCATION]) {
        ref.obfuscation = (struct str){padding, r->deltas % (sizeof(padding) - 1)};
    }
    return ref;
}

struct response *response_free(struct response *r)
{
    if (r) {
        for (uint32_t i = 0; i < r->n_items; i++) {
            convo_item_free(r->items[i]);
        }
        clip_unref(r->clip);
        clip_unref(r->next_clip);
        arena_done(&r->memory);
        free(r);
    }
    return NULL;
}

static void response_put(struct sandbox_session *s, struct response *r, enum openai_event_type type,
                         struct openai_server_response *w)
{
    w->id = str_from(r->id);
    w->conversation_id = response_conversation(s, r);
    w->output_modality = r->modality;
    w->max_output_tokens = r->max_output_tokens;
    w->output_format = s->faults.on[FAULT_PCM_UNTOLD] ? s->conf.output_format : r->format;
    w->voice = r->voice;
    w->voice_is_id = s->conf.voice_is_id;
    w->metadata_raw = r->metadata;
    openai_server_put_response(session_begin(s), session_event_id(s), type, w);
    session_send(s);
}

/* ---- usage ---- */

static void item_tokens(const struct convo_item *item, struct openai_usage *u)
{
    bool assistant = item->role == OPENAI_ROLE_ASSISTANT;
    u->input_audio_tokens += assistant ? item->audio_ms / 50 : (item->audio_ms + 99) / 100;
    size_t chars = item->arguments.len + item->output.len + item->name.len;
    for (uint32_t i = 0; i < item->n_parts; i++) {
        chars += item->parts[i].type == OPENAI_PART_INPUT_AUDIO ? 0 : item->parts[i].text.len;
    }
    u->input_text_tokens += (chars + 3) / 4 + 3;
}

static struct openai_usage response_usage(struct sandbox_session *s, const struct response *r)
{
    struct openai_usage u = {.present = true};
    u.input_text_tokens = (s->conf.instructions.len + s->conf.tools.len + r->instructions.n) / 4 + 8;
    for (const struct convo_item *item = s->convo.first; item; item = item->next) {
        bool own = false;
        for (uint32_t i = 0; i < r->n_items; i++) {
            own = own || str_eq(str_from(item->id), str_from(r->items[i]->id));
        }
        if (!own) {
            item_tokens(item, &u);
        }
    }
    u.input_tokens = u.input_text_tokens + u.input_audio_tokens;
    /* What was there the last time is cached, in blocks of 64. */
    u.cached_text_tokens = MIN(s->last_input_tokens, u.input_text_tokens) / 64 * 64;
    u.cached_tokens = u.cached_text_tokens;
    s->last_input_tokens = u.input_text_tokens;
    u.output_audio_tokens = r->sent_audio_ms / 50;
    u.output_text_tokens = r->output_text_tokens;
    u.output_tokens = u.output_audio_tokens + u.output_text_tokens;
    u.total_tokens = u.input_tokens + u.output_tokens;
    return u;
}

static void send_limits(struct sandbox_session *s, const struct openai_usage *u)
{
    const int64_t limit = 40000;
    int64_t remaining = limit - (int64_t)MIN(u->total_tokens, (uint64_t)limit);
    struct openai_server_limit limits[] = {{"tokens", limit, remaining, 0.06 * (double)(limit - remaining) / 40.0}};
    openai_server_put_limits(session_begin(s), session_event_id(s), limits, ARRAY_LEN(limits));
    session_send(s);
}

/* ---- the end ---- */

static void response_forget(struct sandbox_session *s, struct response *r)
{
    if (s->main == r) {
        s->main = NULL;
    }
    for (size_t i = 0; i < SESSION_MAX_SIDE; i++) {
        if (s->side[i] == r) {
            s->side[i] = NULL;
        }
    }
    response_free(r);
}

/* response.done with everything in it, then the limits. r is gone afterwards. */
static void response_finish(struct sandbox_session *s, struct response *r, struct openai_server_response *w)
{
    struct openai_server_item output[RESPONSE_MAX_STEPS];
    struct openai_part parts[RESPONSE_MAX_STEPS][CONVO_MAX_PARTS];
    for (uint32_t i = 0; i < r->n_items; i++) {
        convo_item_wire(r->items[i], parts[i], &output[i]);
    }
    struct openai_usage usage = response_usage(s, r);
    w->output = output;
    w->n_output = r->n_items;
    w->usage = &usage;
    response_put(s, r, OPENAI_RESPONSE_DONE, w);
    if (s->faults.on[FAULT_TWICE_DONE]) {
        response_put(s, r, OPENAI_RESPONSE_DONE, w);
    }
    uint64_t unheard_ms = r->sent_audio_ms;
    uint64_t played_ms = r->first_audio_us ? (s->now_us - r->first_audio_us) / 1000 : 0;
    bool main = s->main == r;
    response_forget(s, r);
    if (main) {
        input_arm_idle(s, unheard_ms > played_ms ? unheard_ms - played_ms : 0);
    }
    if (!s->faults.on[FAULT_NO_LIMITS]) {
        send_limits(s, &usage);
    }
}

static void response_fail(struct sandbox_session *s, struct response *r, const char *code)
{
    struct openai_server_error e;
    openai_server_error_set(&e, code, NULL, "The server could not create a response (%s).", code);
    struct openai_server_response w = {.status = OPENAI_STATUS_FAILED, .error = &e};
    response_finish(s, r, &w);
}

static void response_complete(struct sandbox_session *s, struct response *r)
{
    struct openai_server_response w = {.status = OPENAI_STATUS_COMPLETED};
    if (s->faults.on[FAULT_INCOMPLETE]) {
        w.status = OPENAI_STATUS_INCOMPLETE;
        w.reason = str_from(s->faults.value[FAULT_INCOMPLETE]);
    }
    response_finish(s, r, &w);
}

/* ---- items ---- */

static void send_output_item(struct sandbox_session *s, struct response *r, enum openai_event_type type)
{
    struct openai_part parts[CONVO_MAX_PARTS];
    struct openai_server_item w;
    struct openai_server_ref ref = response_ref(s, r);
    convo_item_wire(response_item(r), parts, &w);
    openai_server_put_output_item(session_begin(s), session_event_id(s), type, &ref, &w);
    session_send(s);
}

/* A new item in the response and, unless out of band, in the conversation. */
static bool item_begin(struct sandbox_session *s, struct response *r, const struct step *step)
{
    bool call = step->kind == DIALOGUE_CALL;
    enum openai_item_type type = call ? OPENAI_ITEM_FUNCTION_CALL : OPENAI_ITEM_MESSAGE;
    enum openai_role role = call ? OPENAI_ROLE_NONE : OPENAI_ROLE_ASSISTANT;
    char id[OPENAI_ID_MAX + 1], call_id[OPENAI_ID_MAX + 1] = "";
    session_new_id(s, "item_", id);
    if (call) {
        session_new_id(s, "call_", call_id);
    }
    if (call && s->faults.on[FAULT_SAME_CALL_ID]) {
        ignore_result(str_copy(call_id, sizeof(call_id), STR("call_0000000000000000")));
    }
    struct convo_item *pair[2] = {convo_item_new(type, role, str_from(id)), convo_item_new(type, role, str_from(id))};
    if (!pair[0] || !pair[1]) {
        convo_item_free(pair[0]);
        convo_item_free(pair[1]);
        return false;
    }
    for (int i = 0; i < 2; i++) {
        pair[i]->status = OPENAI_STATUS_IN_PROGRESS;
        pair[i]->answered = true;
        buf_puts(&pair[i]->call_id, call_id);
        buf_put_str(&pair[i]->name, call ? step->text : STR(""));
    }
    r->items[r->n_items++] = pair[0];
    send_output_item(s, r, OPENAI_OUTPUT_ITEM_ADDED);
    if (r->out_of_band) {
        convo_item_free(pair[1]);
    } else {
        convo_append(&s->convo, pair[1]);
        session_send_item(s, OPENAI_ITEM_ADDED, pair[1]);
    }
    return true;
}

/* The item is final: both copies get the status, the events go out. */
static void item_end(struct sandbox_session *s, struct response *r, enum openai_status status)
{
    struct convo_item *kept = response_convo_item(s, r);
    response_item(r)->status = status;
    if (kept) {
        kept->status = status;
        session_send_item(s, OPENAI_ITEM_DONE, kept);
    }
    send_output_item(s, r, OPENAI_OUTPUT_ITEM_DONE);
}

/* ---- function calls: sent at once ---- */

static void send_arguments(struct sandbox_session *s, struct response *r, struct str arguments)
{
    struct openai_server_ref ref = response_ref(s, r);
    for (size_t at = 0; at < arguments.n;) {
        struct str delta = {arguments.p + at, MIN(arguments.n - at, (size_t)13)};
        while (at + delta.n < arguments.n && ((unsigned char)delta.p[delta.n] & 0xc0) == 0x80) {
            delta.n++; /* not inside a UTF-8 sequence */
        }
        openai_server_put_text(session_begin(s), session_event_id(s), OPENAI_ARGUMENTS_DELTA, &ref, delta);
        session_send(s);
        at += delta.n;
    }
    openai_server_put_text(session_begin(s), session_event_id(s), OPENAI_ARGUMENTS_DONE, &ref, arguments);
    session_send(s);
}

static void send_call(struct sandbox_session *s, struct response *r, const struct step *step)
{
    if (!item_begin(s, r, step)) {
        session_close(s, 1011, STR("out of memory"));
        return;
    }
    struct convo_item *kept = response_convo_item(s, r);
    send_arguments(s, r, step->arguments);
    buf_put_str(&response_item(r)->arguments, step->arguments);
    if (kept) {
        buf_put_str(&kept->arguments, step->arguments);
    }
    r->output_text_tokens += step->arguments.n / 4 + step->text.n / 4 + 4;
    item_end(s, r, OPENAI_STATUS_COMPLETED);
}

/* ---- messages ---- */

/* Cuts at sentence ends; "Mr. X" becomes two pieces, which only changes where a breath is taken. */
static void message_cut(struct response *r, struct str text)
{
    r->n_lines = 0;
    size_t from = 0;
    for (size_t i = 0; i < text.n && r->n_lines < RESPONSE_MAX_LINES - 1; i++) {
        bool stop = strchr(".!?", text.p[i]) && i + 1 < text.n && text.p[i + 1] == ' ';
        if (stop) {
            r->lines[r->n_lines++] = (struct str){text.p + from, i + 2 - from};
            from = i + 2;
        }
    }
    if (from < text.n) {
        r->lines[r->n_lines++] = (struct str){text.p + from, text.n - from};
    }
}

static void send_part(struct sandbox_session *s, struct response *r, enum openai_event_type type, struct str text)
{
    struct openai_server_ref ref = response_ref(s, r);
    struct openai_server_part part = {r->modality, text};
    openai_server_put_part(session_begin(s), session_event_id(s), type, &ref, &part);
    session_send(s);
}

/* Asks for the speech of a line; the clip may come at once. */
static void message_say(struct sandbox_session *s, struct response *r, uint32_t line, struct clip **clip,
                        uint32_t *ticket)
{
    *ticket = 0;
    if (r->modality == OPENAI_MODALITY_TEXT || line >= r->n_lines) {
        return;
    }
    *ticket = ++s->tickets;
    *clip = s->host->say(*ticket, str_trim(r->lines[line]), r->format, s->arg);
    if (*clip) {
        *ticket = 0;
    }
}

static bool message_begin(struct sandbox_session *s, struct response *r, const struct step *step)
{
    if (!item_begin(s, r, step)) {
        return false;
    }
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
    message_cut(r, step->text);
    r->line = 0;
    r->line_said = 0;
    r->clip_at = 0;
    r->item_audio_bytes = 0;
    r->part_open = true;
    message_say(s, r, 0, &r->clip, &r->ticket);
    message_say(s, r, 1, &r->next_clip, &r->next_ticket);
    return true;
}

static void message_end(struct sandbox_session *s, struct response *r, enum openai_status status)
{
    struct openai_server_ref ref = response_ref(s, r);
    struct str text = buf_str(&response_item(r)->parts[0].text);
    text = text.p ? text : STR("");
    r->part_open = false;
    if (r->modality == OPENAI_MODALITY_TEXT) {
        openai_server_put_text(session_begin(s), session_event_id(s), OPENAI_TEXT_DONE, &ref, text);
    } else {
        openai_server_put_text(session_begin(s), session_event_id(s), OPENAI_AUDIO_DONE, &ref, STR(""));
        session_send(s);
        openai_server_put_text(session_begin(s), session_event_id(s), OPENAI_TRANSCRIPT_DONE, &ref, text);
    }
    session_send(s);
    send_part(s, r, OPENAI_PART_DONE, text);
    item_end(s, r, status);
}

/* Words of the current line up to the given byte, and a little further to the end of a word. */
static void send_transcript(struct sandbox_session *s, struct response *r, size_t upto)
{
    struct str line = r->lines[r->line];
    upto = MIN(upto, line.n);
    while (upto < line.n && line.p[upto - (upto > 0)] != ' ') {
        upto++;
    }
    if (upto <= r->line_said) {
        return;
    }
    struct str delta = {line.p + r->line_said, upto - r->line_said};
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
    r->line_said = upto;
}

static void line_next(struct sandbox_session *s, struct response *r)
{
    clip_unref(r->clip);
    r->clip = r->next_clip;
    r->ticket = r->next_ticket;
    r->next_clip = NULL;
    r->next_ticket = 0;
    r->clip_at = 0;
    r->line_said = 0;
    r->line++;
    message_say(s, r, r->line + 1, &r->next_clip, &r->next_ticket);
}

/* ---- faults in the middle ---- */

static void send_unknown(struct sandbox_session *s, const struct response *r)
{
    buf_printf(session_begin(s),
               "{\"type\":\"response.weather.delta\",\"event_id\":\"" STR_FMT
               "\",\"response_id\":\"%s\",\"delta\":{\"rain\":[1,2,{\"deep\":null}]},\"новое\":true}",
               STR_ARG(session_event_id(s)), r->id);
    session_send(s);
}

static void send_huge(struct sandbox_session *s, const struct response *r)
{
    struct buf *out = session_begin(s);
    size_t n = MAX(fault_number(&s->faults, FAULT_HUGE), 1u);
    buf_printf(out, "{\"type\":\"response.huge\",\"event_id\":\"" STR_FMT "\",\"response_id\":\"%s\",\"padding\":\"",
               STR_ARG(session_event_id(s)), r->id);
    uint8_t *at = buf_room(out, n);
    if (at) {
        memset(at, 'x', n);
        buf_added(out, n);
    }
    buf_puts(out, "\"}");
    session_send(s);
}

/* Once per response, after its first content. */
static void faults_midway(struct sandbox_session *s, struct response *r)
{
    if (r->midway_done) {
        return;
    }
    r->midway_done = true;
    if (s->faults.on[FAULT_UNKNOWN]) {
        send_unknown(s, r);
    }
    if (s->faults.on[FAULT_HUGE]) {
        send_huge(s, r);
    }
    if (s->faults.on[FAULT_ERROR]) {
        struct openai_server_error e;
        openai_server_error_set(&e, s->faults.value[FAULT_ERROR], NULL,
                                "The server had an error while processing your request.");
        e.type = "server_error";
        session_error(s, &e, STR_NULL);
    }
    if (s->faults.on[FAULT_BAD_JSON]) {
        buf_puts(session_begin(s), "{\"type\":\"response.output_audio.delta\",");
        session_send(s);
    }
    if (s->faults.on[FAULT_BINARY]) {
        static const uint8_t bytes[] = {0, 1, 2, 0xff};
        s->host->send_binary(span_from(bytes, sizeof(bytes)), s->arg);
    }
    if (s->faults.on[FAULT_CLOSE]) {
        session_close(s, (uint16_t)fault_number(&s->faults, FAULT_CLOSE), STR("told to close"));
    } else if (s->faults.on[FAULT_DROP]) {
        session_close(s, 0, STR("told to drop"));
    }
}

/* ---- audio ---- */

static void put_bad_audio(struct sandbox_session *s, const struct response *r, const struct openai_server_ref *ref)
{
    buf_printf(session_begin(s),
               "{\"type\":\"response.output_audio.delta\",\"event_id\":\"" STR_FMT
               "\",\"response_id\":\"%s\",\"item_id\":\"" STR_FMT
               "\",\"output_index\":%u,\"content_index\":0,\"delta\":\"!!not*base64!!\"}",
               STR_ARG(session_event_id(s)), r->id, STR_ARG(ref->item_id), ref->output_index);
}

static void send_audio(struct sandbox_session *s, struct response *r, struct span audio)
{
    struct openai_server_ref ref = response_ref(s, r);
    if (s->faults.on[FAULT_BAD_AUDIO]) {
        put_bad_audio(s, r, &ref);
    } else {
        openai_server_put_audio(session_begin(s), session_event_id(s), &ref, audio);
    }
    session_send(s);
    uint32_t bytes_per_ms = clip_bytes_per_ms(r->format);
    struct convo_item *kept = response_convo_item(s, r);
    r->item_audio_bytes += audio.n;
    r->sent_audio_ms += audio.n / bytes_per_ms;
    response_item(r)->audio_ms = r->item_audio_bytes / bytes_per_ms;
    if (kept) {
        kept->audio_ms = r->item_audio_bytes / bytes_per_ms;
        if (s->opts.profile == SANDBOX_DIALOGUE && s->host->hear) {
            convo_add_audio(&s->convo, kept, audio); /* for conversation.item.retrieve */
        }
    }
    s->conf.voice_locked = true;
    r->first_audio_us = r->first_audio_us ? r->first_audio_us : s->now_us;
    r->deltas++;
}

/* Four times real time (or the speed set): the next delta is due when a quarter of this one has passed. */
static void pace(struct sandbox_session *s, struct response *r, uint64_t ms)
{
    double speed = s->opts.speed > 0 ? s->opts.speed : 4.0;
    if (!s->faults.on[FAULT_BURSTS]) {
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

static void message_audio(struct sandbox_session *s, struct response *r)
{
    struct clip *clip = r->clip;
    uint32_t bytes_per_ms = clip_bytes_per_ms(r->format);
    uint32_t ms = delta_ms[r->deltas % ARRAY_LEN(delta_ms)];
    size_t n = MIN((size_t)ms * bytes_per_ms, clip->audio.n - r->clip_at);
    struct str line = r->lines[r->line];
    size_t spoken = clip->audio.n ? (r->clip_at + n) * line.n / clip->audio.n : line.n;
    send_transcript(s, r, spoken == line.n ? line.n : spoken + TRANSCRIPT_LEAD_CHARS);
    if (n > 0) {
        send_audio(s, r, span_from(clip->audio.p + r->clip_at, n));
        r->clip_at += n;
        pace(s, r, n / bytes_per_ms);
        faults_midway(s, r);
    }
    if (!s->closed && r->clip_at == clip->audio.n) {
        line_next(s, r);
    }
}

static void message_text(struct sandbox_session *s, struct response *r)
{
    send_transcript(s, r, r->line_said + TRANSCRIPT_LEAD_CHARS);
    r->deltas++;
    r->due_us += TEXT_DELTA_US;
    if (r->line_said == r->lines[r->line].n) {
        line_next(s, r);
    }
    faults_midway(s, r);
}

static bool over_token_limit(const struct response *r)
{
    uint64_t tokens = r->sent_audio_ms / 50 + r->output_text_tokens;
    return r->max_output_tokens > 0 && tokens >= (uint64_t)r->max_output_tokens;
}

/* ---- the machine ---- */

static void response_sent_all(struct sandbox_session *s, struct response *r)
{
    if (s->faults.on[FAULT_LATE_DONE]) {
        r->phase = RESPONSE_WAIT_DONE;
        r->due_us = s->now_us + (uint64_t)fault_number(&s->faults, FAULT_LATE_DONE) * 1000;
        return;
    }
    response_complete(s, r);
}

/* One step forward. False: nothing more can be done now, or r is gone. */
static bool response_step(struct sandbox_session *s, struct response *r)
{
    if (r->part_open && r->line < r->n_lines) {
        if (over_token_limit(r)) {
            message_end(s, r, OPENAI_STATUS_INCOMPLETE);
            struct openai_server_response w = {.status = OPENAI_STATUS_INCOMPLETE, .reason = STR("max_output_tokens")};
            response_finish(s, r, &w);
            return false;
        }
        if (r->modality == OPENAI_MODALITY_TEXT) {
            message_text(s, r);
            return true;
        }
        if (!r->clip) {
            return false; /* the synthesiser will call */
        }
        message_audio(s, r);
        return true;
    }
    if (r->part_open) {
        message_end(s, r, OPENAI_STATUS_COMPLETED);
        r->step++;
        return true;
    }
    if (r->step == r->n_steps) {
        response_sent_all(s, r);
        return false;
    }
    const struct step *step = &r->steps[r->step];
    if (step->kind == DIALOGUE_SAY) {
        if (!message_begin(s, r, step)) {
            session_close(s, 1011, STR("out of memory"));
        }
        return true;
    }
    send_call(s, r, step);
    if (s->faults.on[FAULT_SAME_CALL_ID] && r->n_items < RESPONSE_MAX_STEPS && !s->closed) {
        send_call(s, r, step);
    }
    if (!s->closed) {
        faults_midway(s, r);
    }
    r->step++;
    return true;
}

static void response_plan(struct sandbox_session *s, struct response *r)
{
    if (!plan_response(s, r)) {
        r->phase = RESPONSE_WAIT_HEARING;
        r->due_us = UINT64_MAX;
        return;
    }
    uint64_t wait_ms = s->opts.first_byte_ms + fault_number(&s->faults, FAULT_SLOW);
    r->phase = RESPONSE_WAIT_CONTENT;
    r->due_us = s->now_us + wait_ms * 1000;
}

void response_tick(struct sandbox_session *s, struct response *r)
{
    if (r->phase == RESPONSE_WAIT_HEARING) {
        response_plan(s, r);
    }
    if (s->now_us < r->due_us) {
        return;
    }
    if (r->phase == RESPONSE_WAIT_CONTENT) {
        r->phase = RESPONSE_SENDING;
        r->due_us = s->now_us;
        if (s->faults.on[FAULT_FAIL]) {
            response_fail(s, r, s->faults.value[FAULT_FAIL]);
            return;
        }
    }
    if (r->phase == RESPONSE_WAIT_DONE) {
        response_complete(s, r);
        return;
    }
    for (int i = 0; i < MAX_DELTAS_PER_TICK && !s->closed && r->due_us <= s->now_us; i++) {
        if (!response_step(s, r)) {
            return;
        }
    }
}

void response_said(struct sandbox_session *s, struct response *r, uint32_t ticket, struct clip *clip)
{
    if (!clip) {
        response_fail(s, r, "server_error");
        return;
    }
    if (ticket == r->ticket) {
        r->ticket = 0;
        r->clip = clip;
        r->due_us = MAX(r->due_us, s->now_us); /* time lost waiting is not made up by a burst */
        response_tick(s, r);
    } else {
        r->next_ticket = 0;
        r->next_clip = clip;
    }
}

/* What remains of a response for the fault that lets its deltas come late. */
struct leftover {
    struct clip *clip; /* NULL: nothing comes late */
    char response_id[OPENAI_ID_MAX + 1];
    char item_id[OPENAI_ID_MAX + 1];
};

static struct leftover leftover_take(const struct sandbox_session *s, const struct response *r)
{
    struct leftover l = {0};
    if (s->faults.on[FAULT_LATE_AUDIO] && r->part_open && r->clip) {
        l.clip = clip_ref(r->clip);
        memcpy(l.response_id, r->id, sizeof(l.response_id));
        memcpy(l.item_id, response_item(r)->id, sizeof(l.item_id));
    }
    return l;
}

/* Deltas of a response that is over: what a client must drop. */
static void leftover_send(struct sandbox_session *s, struct leftover *l)
{
    struct openai_server_ref ref = {.response_id = str_from(l->response_id), .item_id = str_from(l->item_id)};
    for (int i = 0; l->clip && i < 3; i++) {
        size_t n = MIN(l->clip->audio.n, (size_t)100 * clip_bytes_per_ms(l->clip->format));
        openai_server_put_audio(session_begin(s), session_event_id(s), &ref, span_from(l->clip->audio.p, n));
        session_send(s);
        openai_server_put_text(session_begin(s), session_event_id(s), OPENAI_TRANSCRIPT_DELTA, &ref, STR(" late"));
        session_send(s);
    }
    clip_unref(l->clip);
}

void response_cancel(struct sandbox_session *s, struct response *r, const char *reason)
{
    struct leftover late = leftover_take(s, r);
    if (r->part_open) {
        message_end(s, r, OPENAI_STATUS_INCOMPLETE);
    }
    struct openai_server_response w = {.status = OPENAI_STATUS_CANCELLED, .reason = str_from(reason)};
    response_finish(s, r, &w);
    leftover_send(s, &late);
}

/* ---- the beginning ---- */

/* The last thing a user says in response.input; item references point into the conversation. */
static struct str input_prompt(struct sandbox_session *s, struct response *r, struct json_val input)
{
    struct openai_item item;
    struct str text = STR("");
    for (struct json_it it = json_array(input); openai_item_next(&it, &s->scratch, &item);) {
        if (item.type == OPENAI_ITEM_REFERENCE) {
            const struct convo_item *known = convo_find(&s->convo, item.id);
            if (known && known->role == OPENAI_ROLE_USER) {
                text = arena_str(&r->memory, convo_item_text(known));
            }
        } else if (item.type == OPENAI_ITEM_MESSAGE && item.role == OPENAI_ROLE_USER) {
            text = arena_str(&r->memory, item.text);
        }
    }
    return text.p ? text : STR("");
}

static struct str keep(struct response *r, struct str s)
{
    return s.p ? arena_str(&r->memory, s) : STR_NULL;
}

static enum openai_format response_format(const struct sandbox_session *s, enum openai_format asked)
{
    if (s->faults.on[FAULT_PCM_UNTOLD] || s->faults.on[FAULT_PCM_TOLD]) {
        return OPENAI_FORMAT_PCM24K;
    }
    return asked ? asked : s->conf.output_format;
}

static struct response *response_new(struct sandbox_session *s, const struct openai_server_params *p)
{
    struct response *r = calloc(1, sizeof(*r));
    if (!r) {
        return NULL;
    }
    arena_init(&r->memory, 2u << 20);
    session_new_id(s, "resp_", r->id);
    r->out_of_band = p->out_of_band;
    r->modality = p->output_modality ? p->output_modality : s->conf.output_modality;
    if (s->faults.on[FAULT_TEXT_ONLY]) {
        r->modality = OPENAI_MODALITY_TEXT;
    }
    r->format = response_format(s, p->output_format);
    r->max_output_tokens = p->max_output_tokens.set ? p->max_output_tokens.v : s->conf.max_output_tokens;
    r->voice = keep(r, p->voice.p ? p->voice : str_from(s->conf.voice));
    r->metadata = keep(r, p->metadata_raw);
    r->instructions = keep(r, p->instructions);
    r->tool_choice = keep(r, p->tool_choice.p ? p->tool_choice : buf_str(&s->conf.tool_choice));
    r->tools_raw = keep(r, p->tools_raw);
    r->has_tools = p->tools_raw.p != NULL;
    r->has_input = p->has_input || p->out_of_band;
    r->prompt_text = p->has_input ? input_prompt(s, r, p->input) : STR("");
    r->burst_left_ms = 1000;
    return r;
}

static struct response **response_slot(struct sandbox_session *s, bool out_of_band)
{
    if (!out_of_band) {
        return &s->main;
    }
    for (size_t i = 0; i < SESSION_MAX_SIDE; i++) {
        if (!s->side[i]) {
            return &s->side[i];
        }
    }
    return NULL;
}

void response_start(struct sandbox_session *s, const struct openai_server_params *params)
{
    static const struct openai_server_params none;
    params = params ? params : &none;
    struct response **slot = response_slot(s, params->out_of_band);
    if (s->faults.on[FAULT_NO_RESPONSE]) {
        return;
    }
    struct response *r = slot ? response_new(s, params) : NULL;
    if (!r) {
        session_close(s, 1011, STR("out of memory"));
        return;
    }
    *slot = r;
    s->input.idle_armed = false;
    if (!s->faults.on[FAULT_NO_CREATED]) {
        struct openai_server_response w = {.status = OPENAI_STATUS_IN_PROGRESS};
        response_put(s, r, OPENAI_RESPONSE_CREATED, &w);
    }
    response_plan(s, r);
    if (r->phase == RESPONSE_WAIT_CONTENT) {
        response_tick(s, r);
    }
}
