/*
 * Sending one response: items, calls and messages in the vendor's order, and the close-out when it is cancelled.
 *
 *     created -> [item added -> part added -> deltas -> dones -> item done]* -> [call added -> arguments -> done]* ->
 * done
 */
#include <stdlib.h>

#include "base/err.h"
#include "peer/sandbox/sandbox_session_impl.h"

#define MAX_DELTAS_PER_TICK 64

/* ---- small parts ---- */

static struct str response_conversation(const struct sandbox_session *s, const struct response *r)
{
    return r->out_of_band ? STR_NULL : str_from(s->conversation_id);
}

struct convo_item *response_item(const struct response *r)
{
    return r->n_items ? r->items[r->n_items - 1] : NULL;
}

struct convo_item *response_convo_item(struct sandbox_session *s, struct response *r)
{
    struct convo_item *item = response_item(r);
    return item && !r->out_of_band ? convo_find(&s->convo, str_from(item->id)) : NULL;
}

struct openai_server_ref response_ref(struct sandbox_session *s, struct response *r)
{
    static const char padding[] = "Qm8xZ2Vkc3R5bGU0N0Fo";
    struct convo_item *item = response_item(r);
    struct openai_server_ref ref = {.response_id = str_from(r->id), .output_index = r->n_items ? r->n_items - 1 : 0};
    if (item) {
        ref.item_id = str_from(item->id);
        ref.call_id = buf_str(&item->call_id);
        ref.name = buf_str(&item->name);
    }
    if (mischief(s, r, FAULT_OBFUSCATION)) {
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
        message_done(&r->message);
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
        u->input_image_tokens += item->parts[i].image_tokens;
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
    u.input_tokens = u.input_text_tokens + u.input_audio_tokens + u.input_image_tokens;
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

static void record_end(struct sandbox_session *s, const struct response *r, const struct openai_server_response *w)
{
    struct truth_response *t = truth_response_find(s->truth, str_from(r->id));
    if (t) {
        t->done_us = s->now_us;
        t->status = openai_status_name(w->status);
        ignore_result(str_copy(t->reason, sizeof(t->reason), w->reason.p ? w->reason : STR(""))); /* ours are short */
    }
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
    if (mischief(s, r, FAULT_TWICE_DONE)) {
        response_put(s, r, OPENAI_RESPONSE_DONE, w);
    }
    record_end(s, r, w);
    bool limits = !mischief(s, r, FAULT_NO_LIMITS);
    uint64_t unheard_ms = r->sent_audio_ms;
    uint64_t played_ms = r->first_audio_us ? (s->now_us - r->first_audio_us) / 1000 : 0;
    bool main = s->main == r;
    response_forget(s, r);
    if (main) {
        input_arm_idle(s, unheard_ms > played_ms ? unheard_ms - played_ms : 0);
    }
    if (limits) {
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
    if (mischief(s, r, FAULT_INCOMPLETE)) {
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

bool response_item_begin(struct sandbox_session *s, struct response *r, const struct step *step)
{
    bool call = step->kind == DIALOGUE_CALL;
    enum openai_item_type type = call ? OPENAI_ITEM_FUNCTION_CALL : OPENAI_ITEM_MESSAGE;
    enum openai_role role = call ? OPENAI_ROLE_NONE : OPENAI_ROLE_ASSISTANT;
    char id[OPENAI_ID_MAX + 1], call_id[OPENAI_ID_MAX + 1] = "";
    session_new_id(s, "item_", id);
    if (call) {
        session_new_id(s, "call_", call_id);
    }
    if (call && mischief(s, r, FAULT_SAME_CALL_ID)) {
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

void response_item_end(struct sandbox_session *s, struct response *r, enum openai_status status)
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
    if (!response_item_begin(s, r, step)) {
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
    response_item_end(s, r, OPENAI_STATUS_COMPLETED);
}

static bool over_token_limit(const struct response *r)
{
    uint64_t tokens = r->sent_audio_ms / 50 + r->output_text_tokens;
    return r->max_output_tokens > 0 && tokens >= (uint64_t)r->max_output_tokens;
}

/* ---- the machine ---- */

static void response_sent_all(struct sandbox_session *s, struct response *r)
{
    if (mischief(s, r, FAULT_NO_DONE) || mischief(s, r, FAULT_LATE_DONE)) {
        uint64_t late_us = (uint64_t)fault_number(&s->faults, FAULT_LATE_DONE) * 1000;
        r->phase = RESPONSE_WAIT_DONE;
        r->due_us = mischief(s, r, FAULT_NO_DONE) ? UINT64_MAX : s->now_us + late_us;
        return;
    }
    response_complete(s, r);
}

/* False: r is gone. */
static bool message_go_on(struct sandbox_session *s, struct response *r)
{
    if (message_is_sent(r)) {
        message_end(s, r, OPENAI_STATUS_COMPLETED);
        r->step++;
        return true;
    }
    if (over_token_limit(r)) {
        message_end(s, r, OPENAI_STATUS_INCOMPLETE);
        struct openai_server_response w = {.status = OPENAI_STATUS_INCOMPLETE, .reason = STR("max_output_tokens")};
        response_finish(s, r, &w);
        return false;
    }
    return message_step(s, r);
}

static void call_send_all(struct sandbox_session *s, struct response *r, const struct step *step)
{
    send_call(s, r, step);
    if (mischief(s, r, FAULT_SAME_CALL_ID) && r->n_items < RESPONSE_MAX_STEPS && !s->closed) {
        send_call(s, r, step);
    }
    if (!s->closed) {
        mischief_midway(s, r);
    }
    r->step++;
}

/* One step forward. False: nothing more can be done now, or r is gone. */
static bool response_step(struct sandbox_session *s, struct response *r)
{
    if (r->message.open) {
        return message_go_on(s, r);
    }
    if (r->step == r->n_steps) {
        response_sent_all(s, r);
        return false;
    }
    const struct step *step = &r->steps[r->step];
    if (step->kind == DIALOGUE_CALL) {
        call_send_all(s, r, step);
    } else if (!message_begin(s, r, step)) {
        session_close(s, 1011, STR("out of memory"));
    }
    return true;
}

uint64_t response_due_us(const struct response *r)
{
    return r->phase == RESPONSE_SENDING && r->message.open ? message_due_us(r) : r->due_us;
}

static void response_plan(struct sandbox_session *s, struct response *r)
{
    if (!plan_response(s, r)) {
        r->phase = RESPONSE_WAIT_HEARING;
        r->due_us = UINT64_MAX;
        return;
    }
    uint64_t wait_ms = s->opts.first_byte_ms + mischief_number(s, r, FAULT_SLOW);
    r->phase = RESPONSE_WAIT_CONTENT;
    r->due_us = s->now_us + wait_ms * 1000;
}

void response_tick(struct sandbox_session *s, struct response *r)
{
    if (r->phase == RESPONSE_WAIT_HEARING) {
        response_plan(s, r);
    }
    if (s->now_us < response_due_us(r)) {
        return;
    }
    if (r->phase == RESPONSE_WAIT_CONTENT) {
        r->phase = RESPONSE_SENDING;
        r->due_us = s->now_us;
        if (mischief(s, r, FAULT_FAIL)) {
            response_fail(s, r, s->faults.value[FAULT_FAIL]);
            return;
        }
    }
    if (r->phase == RESPONSE_WAIT_DONE) {
        response_complete(s, r);
        return;
    }
    for (int i = 0; i < MAX_DELTAS_PER_TICK && !s->closed && response_due_us(r) <= s->now_us; i++) {
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
    bool awaited = ticket == r->message.ticket;
    message_said(r, ticket, clip);
    if (awaited) {
        r->due_us = MAX(r->due_us, s->now_us); /* time lost waiting is not made up by a burst */
        response_tick(s, r);
    }
}

void response_cancel(struct sandbox_session *s, struct response *r, const char *reason)
{
    struct leftover late = mischief_leftover(s, r);
    s->truth->counts[strcmp(reason, "turn_detected") == 0 ? TRUTH_CANCELS_TURN : TRUTH_CANCELS_CLIENT]++;
    if (r->message.open) {
        message_end(s, r, OPENAI_STATUS_INCOMPLETE);
    }
    struct openai_server_response w = {.status = OPENAI_STATUS_CANCELLED, .reason = str_from(reason)};
    response_finish(s, r, &w);
    mischief_send_leftover(s, &late);
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

static struct response *response_new(struct sandbox_session *s, const struct openai_server_params *p, bool faulty)
{
    struct response *r = calloc(1, sizeof(*r));
    if (!r) {
        return NULL;
    }
    arena_init(&r->memory, 2u << 20);
    session_new_id(s, "resp_", r->id);
    r->faulty = faulty;
    r->out_of_band = p->out_of_band;
    r->modality = p->output_modality ? p->output_modality : s->conf.output_modality;
    if (mischief(s, r, FAULT_TEXT_ONLY)) {
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
    bool faulty = mischief_next(s);
    if (faulty && s->faults.on[FAULT_NO_RESPONSE]) {
        return;
    }
    struct response *r = slot ? response_new(s, params, faulty) : NULL;
    if (!r) {
        session_close(s, 1011, STR("out of memory"));
        return;
    }
    *slot = r;
    s->input.idle_armed = false;
    truth_response_add(s->truth, str_from(r->id), s->now_us);
    if (!mischief(s, r, FAULT_NO_CREATED)) {
        struct openai_server_response w = {.status = OPENAI_STATUS_IN_PROGRESS};
        response_put(s, r, OPENAI_RESPONSE_CREATED, &w);
    }
    response_plan(s, r);
    if (r->phase == RESPONSE_WAIT_CONTENT) {
        response_tick(s, r);
    }
}
