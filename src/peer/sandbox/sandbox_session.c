#include "peer/sandbox/sandbox_session.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "peer/sandbox/sandbox_session_impl.h"

#define OUT_MAX_BYTES     (64u << 20) /* one event; conversation.item.retrieved carries audio */
#define SCRATCH_MAX_BYTES (40u << 20)
#define ID_RANDOM_CHARS   21
#define CALL_RANDOM_CHARS 16
#define SESSION_DEFAULT_S 3600

/* ---- ids and sending ---- */

static uint64_t session_random(struct sandbox_session *s)
{
    /* splitmix64: ids only have to differ, and to repeat with the seed. */
    uint64_t z = s->random += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

void session_new_id(struct sandbox_session *s, const char *prefix, char out[OPENAI_ID_MAX + 1])
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    size_t n = strlen(prefix);
    int count = strcmp(prefix, "call_") == 0 ? CALL_RANDOM_CHARS : ID_RANDOM_CHARS;
    memcpy(out, prefix, n);
    uint64_t bits = 0;
    for (int i = 0; i < count; i++) {
        bits = i % 8 == 0 ? session_random(s) : bits >> 8;
        out[n++] = letters[(bits & 0xff) % (sizeof(letters) - 1)];
    }
    out[n] = '\0';
}

struct str session_event_id(struct sandbox_session *s)
{
    session_new_id(s, "event_", s->event_id);
    return str_from(s->event_id);
}

struct buf *session_begin(struct sandbox_session *s)
{
    buf_clear(&s->out);
    return &s->out;
}

void session_send(struct sandbox_session *s)
{
    if (s->closed) {
        return;
    }
    if (s->out.err) {
        session_close(s, 1011, STR("an event is too big"));
        return;
    }
    s->host->send(buf_str(&s->out), s->arg);
}

void session_close(struct sandbox_session *s, uint16_t code, struct str reason)
{
    if (!s->closed) {
        s->closed = true;
        s->host->close(code, reason, s->arg);
    }
}

void session_error(struct sandbox_session *s, const struct openai_server_error *e, struct str client_event_id)
{
    s->truth->counts[TRUTH_ERRORS]++;
    openai_server_put_error(session_begin(s), session_event_id(s), e, client_event_id);
    session_send(s);
}

void session_send_item(struct sandbox_session *s, enum openai_event_type type, const struct convo_item *item)
{
    struct openai_part parts[CONVO_MAX_PARTS];
    struct openai_server_item w;
    convo_item_wire(item, parts, &w);
    openai_server_put_item(session_begin(s), session_event_id(s), type, convo_previous_id(item), &w);
    session_send(s);
}

void session_announce_item(struct sandbox_session *s, const struct convo_item *item)
{
    session_send_item(s, OPENAI_ITEM_ADDED, item);
    session_send_item(s, OPENAI_ITEM_DONE, item);
}

static void session_send_conf(struct sandbox_session *s, enum openai_event_type type)
{
    openai_server_put_session(session_begin(s), session_event_id(s), type, &s->conf);
    session_send(s);
}

/* ---- life ---- */

static uint32_t session_length_s(const struct sandbox_session *s)
{
    if (s->faults.on[FAULT_EXPIRE]) {
        return fault_number(&s->faults, FAULT_EXPIRE);
    }
    return s->opts.session_s ? s->opts.session_s : SESSION_DEFAULT_S;
}

/* What a client secret brings; it was checked when the secret was made. */
static void session_preset(struct sandbox_session *s, struct str settings)
{
    struct openai_server_error e;
    struct json_val v;
    if (settings.n > 0 && json_parse(settings, &v) == 0) {
        ignore_result(openai_server_apply_update(&s->conf, v, &e)); /* refused: the defaults stay */
    }
}

static void truth_begin(struct sandbox_session *s, const struct sandbox_session_opts *opts)
{
    memcpy(s->truth->id, s->conf.id, sizeof(s->truth->id));
    memcpy(s->truth->model, s->conf.model, sizeof(s->truth->model));
    s->truth->opened_us = s->now_us;
    s->truth->opened_wall_ms = opts->wall_ms;
}

int sandbox_session_open(const struct sandbox_session_opts *opts, const struct sandbox_host *host, void *arg,
                         uint64_t now_us, struct sandbox_session **ret)
{
    struct sandbox_session *s = calloc(1, sizeof(*s));
    if (!s) {
        return -ENOMEM;
    }
    s->opts = *opts;
    s->faults = opts->faults ? *opts->faults : (struct sandbox_faults){0};
    s->host = host;
    s->arg = arg;
    s->now_us = now_us;
    s->random = opts->seed;
    buf_init(&s->scratch, SCRATCH_MAX_BYTES);
    buf_init(&s->out, OUT_MAX_BYTES);
    buf_init(&s->rest, CONVO_MAX_TEXT);
    dialogue_talk_init(&s->talk, opts->dialogue);
    s->truth = truth_new(opts->profile == SANDBOX_DIALOGUE);
    char id[OPENAI_ID_MAX + 1];
    session_new_id(s, "sess_", id);
    session_new_id(s, "conv_", s->conversation_id);
    int err = s->truth ? openai_server_session_init(&s->conf, str_from(id), opts->model) : -ENOMEM;
    if (err < 0) {
        truth_free(s->truth);
        buf_done(&s->scratch);
        buf_done(&s->out);
        free(s);
        return err;
    }
    s->conf.transcription_only = opts->transcription_only;
    session_preset(s, opts->settings);
    s->conf.expires_at = opts->wall_ms / 1000 + session_length_s(s);
    s->expires_us = now_us + (uint64_t)session_length_s(s) * 1000000;
    uint32_t ends_ms = s->faults.on[FAULT_DROP_AFTER] ? fault_number(&s->faults, FAULT_DROP_AFTER)
                                                      : fault_number(&s->faults, FAULT_CLOSE_AFTER);
    s->ends_us = ends_ms ? now_us + (uint64_t)ends_ms * 1000 : UINT64_MAX;
    input_init(s);
    truth_begin(s, opts);
    *ret = s;
    uint32_t late_ms = fault_number(&s->faults, FAULT_CREATED_LATE);
    s->created_us = late_ms ? now_us + (uint64_t)late_ms * 1000 : 0;
    if (late_ms == 0) {
        session_send_conf(s, OPENAI_SESSION_CREATED);
    }
    return 0;
}

struct truth *sandbox_session_take_truth(struct sandbox_session *s)
{
    struct truth *t = s->truth;
    s->truth = NULL;
    return t;
}

const struct truth *sandbox_session_truth(const struct sandbox_session *s)
{
    return s->truth;
}

struct sandbox_session *sandbox_session_free(struct sandbox_session *s)
{
    if (s) {
        response_free(s->main);
        for (size_t i = 0; i < SESSION_MAX_SIDE; i++) {
            response_free(s->side[i]);
        }
        convo_done(&s->convo);
        truth_free(s->truth);
        input_done(s);
        openai_server_session_done(&s->conf);
        buf_done(&s->rest);
        buf_done(&s->scratch);
        buf_done(&s->out);
        free(s);
    }
    return NULL;
}

/* ---- items from the client ---- */

static void error_unknown_item(struct sandbox_session *s, const char *code, struct str id, struct str event_id)
{
    struct openai_server_error e;
    openai_server_error_set(&e, code, "item_id", "Item with item_id '" STR_FMT "' not found.", STR_ARG(id));
    session_error(s, &e, event_id);
}

static int item_take_audio(struct sandbox_session *s, struct convo_item *item, struct str base64)
{
    uint8_t *bytes = malloc(base64_dec_max(base64.n) + 1);
    if (!bytes) {
        return -ENOMEM;
    }
    int n = base64_decode(bytes, base64);
    if (n > 0) {
        item->audio_format = s->conf.input_format;
        item->audio_ms = (uint64_t)n / clip_bytes_per_ms(item->audio_format);
        buf_put(&item->audio, bytes, (size_t)n);
    }
    free(bytes);
    return n < 0 ? n : item->audio.err;
}

static int item_take_parts(struct sandbox_session *s, struct convo_item *item, struct json_val content)
{
    struct openai_part part;
    for (struct json_it it = json_array(content); openai_part_next(&it, &s->scratch, &part);) {
        bool image = part.type == OPENAI_PART_INPUT_IMAGE;
        int err = image ? convo_item_add_image(item, part.image_url, part.detail)
                        : convo_item_add_part(item, part.type, part.has_text, part.text.p ? part.text : STR(""));
        if (err >= 0 && part.type == OPENAI_PART_INPUT_AUDIO && part.audio.p) {
            err = item_take_audio(s, item, part.audio);
        }
        if (err < 0) {
            return err;
        }
    }
    return 0;
}

/* Copies a decoded item. NULL with *ret_err: -ENOMEM or what was wrong with it. */
static struct convo_item *item_from_client(struct sandbox_session *s, const struct openai_client_event *ev,
                                           int *ret_err)
{
    const struct openai_item *in = &ev->create.item;
    char id[OPENAI_ID_MAX + 1];
    session_new_id(s, "item_", id);
    struct convo_item *item = convo_item_new(in->type, in->role, in->id.n ? in->id : str_from(id));
    *ret_err = -ENOMEM;
    if (!item) {
        return NULL;
    }
    item->status = in->status ? in->status : OPENAI_STATUS_COMPLETED;
    item->answered = in->role == OPENAI_ROLE_ASSISTANT;
    item->approve = ev->create.approve;
    buf_put_str(&item->name, in->name);
    buf_put_str(&item->call_id, in->call_id);
    buf_put_str(&item->arguments, in->arguments);
    buf_put_str(&item->output, in->output);
    buf_put_str(&item->approval_request_id, ev->create.approval_request_id);
    *ret_err = in->type == OPENAI_ITEM_MESSAGE ? item_take_parts(s, item, in->content) : 0;
    if (*ret_err >= 0) {
        *ret_err = MIN(item->output.err, MIN(item->arguments.err, item->name.err));
    }
    return *ret_err < 0 ? convo_item_free(item) : item;
}

static bool item_may_enter(struct sandbox_session *s, const struct openai_client_event *ev)
{
    const struct openai_item *in = &ev->create.item;
    struct openai_server_error e;
    if (in->type == OPENAI_ITEM_FUNCTION_OUTPUT && !convo_find_call(&s->convo, in->call_id)) {
        openai_server_error_set(&e, "invalid_tool_call_id", "item.call_id",
                                "Tool call ID '" STR_FMT "' not found in conversation.", STR_ARG(in->call_id));
    } else if (in->id.n && convo_find(&s->convo, in->id)) {
        openai_server_error_set(&e, "item_create_duplicate_item_id", "item.id",
                                "Item with item_id '" STR_FMT "' already exists.", STR_ARG(in->id));
    } else if (ev->create.has_previous && !str_is(ev->create.previous_item_id, "root") &&
               !convo_find(&s->convo, ev->create.previous_item_id)) {
        openai_server_error_set(&e, "item_create_invalid_previous_item_id", "previous_item_id",
                                "Previous item with item_id '" STR_FMT "' not found.",
                                STR_ARG(ev->create.previous_item_id));
    } else {
        return true;
    }
    session_error(s, &e, ev->event_id);
    return false;
}

static void on_item_create(struct sandbox_session *s, const struct openai_client_event *ev)
{
    int err = 0;
    struct convo_item *item = item_may_enter(s, ev) ? item_from_client(s, ev, &err) : NULL;
    if (!item) {
        struct openai_server_error e;
        if (err == -ERR_BASE64) {
            openai_server_error_base64(&e);
            session_error(s, &e, ev->event_id);
        } else if (err < 0) {
            openai_server_error_set(&e, "invalid_value", "item", "The item is too big.");
            session_error(s, &e, ev->event_id);
        }
        return;
    }
    struct convo_item *after = s->convo.last;
    if (ev->create.has_previous) {
        bool root = str_is(ev->create.previous_item_id, "root");
        after = root ? NULL : convo_find(&s->convo, ev->create.previous_item_id);
    }
    convo_insert(&s->convo, item, after);
    plan_replayed(s, item);
    session_announce_item(s, item);
    if (item->role == OPENAI_ROLE_USER && item->audio.len > 0) {
        heard_start(s, item, HEARD_BY_ITEM, 0);
    }
}

/* Audio of retrieved items; the codec wants it as base64. */
static void on_item_retrieve(struct sandbox_session *s, const struct openai_client_event *ev)
{
    const struct convo_item *item = convo_find(&s->convo, ev->item.item_id);
    if (!item) {
        error_unknown_item(s, "item_retrieve_invalid_item_id", ev->item.item_id, ev->event_id);
        return;
    }
    struct openai_part parts[CONVO_MAX_PARTS];
    struct openai_server_item w;
    convo_item_wire(item, parts, &w);
    struct buf base64;
    buf_init(&base64, SCRATCH_MAX_BYTES);
    uint8_t *room = item->audio.len ? buf_room(&base64, base64_enc_len(item->audio.len)) : NULL;
    if (room) {
        buf_added(&base64, base64_encode((char *)room, buf_span(&item->audio)));
    }
    for (size_t i = 0; i < w.n_parts; i++) {
        if (parts[i].type == OPENAI_PART_INPUT_AUDIO || parts[i].type == OPENAI_PART_OUTPUT_AUDIO) {
            parts[i].audio = buf_str(&base64);
        }
    }
    openai_server_put_item(session_begin(s), session_event_id(s), OPENAI_ITEM_RETRIEVED, STR_NULL, &w);
    session_send(s);
    buf_done(&base64);
}

static void on_item_delete(struct sandbox_session *s, const struct openai_client_event *ev)
{
    struct convo_item *item = convo_find(&s->convo, ev->item.item_id);
    if (!item) {
        error_unknown_item(s, "item_delete_invalid_item_id", ev->item.item_id, ev->event_id);
        return;
    }
    struct truth_item *t = truth_item_find(s->truth, ev->item.item_id);
    if (t) {
        t->deleted = true;
    }
    openai_server_put_deleted(session_begin(s), session_event_id(s), str_from(item->id));
    convo_remove(&s->convo, item);
    session_send(s);
    if (s->main && s->main->phase == RESPONSE_WAIT_HEARING) {
        response_tick(s, s->main); /* it may have waited for this very item */
    }
}

static void truth_truncate(struct sandbox_session *s, const struct convo_item *item, uint64_t audio_end_ms)
{
    struct truth_item *t = truth_item_find(s->truth, str_from(item->id));
    if (t) {
        t->truncated = true;
        t->truncated_ms = audio_end_ms;
    }
    truth_cut_add(s->truth, str_from(item->id), audio_end_ms, item->audio_ms, s->now_us);
}

static void on_item_truncate(struct sandbox_session *s, const struct openai_client_event *ev)
{
    struct convo_item *item = convo_find(&s->convo, ev->item.item_id);
    struct openai_server_error e;
    if (!item || item->type != OPENAI_ITEM_MESSAGE || item->role != OPENAI_ROLE_ASSISTANT || item->n_parts == 0 ||
        item->parts[0].type != OPENAI_PART_OUTPUT_AUDIO) {
        openai_server_error_set(&e, "item_truncate_invalid_item_id", "item_id",
                                item ? "Only audio messages of the assistant can be truncated; '" STR_FMT "' is none."
                                     : "Item with item_id '" STR_FMT "' not found.",
                                STR_ARG(ev->item.item_id));
        session_error(s, &e, ev->event_id);
        return;
    }
    if (ev->item.audio_end_ms > item->audio_ms) {
        openai_server_error_set(&e, "invalid_value", NULL, "Audio content of %llums is already shorter than %llums",
                                (unsigned long long)item->audio_ms, (unsigned long long)ev->item.audio_end_ms);
        session_error(s, &e, ev->event_id);
        return;
    }
    truth_truncate(s, item, ev->item.audio_end_ms);
    item->audio_ms = ev->item.audio_end_ms;
    size_t keep = (size_t)item->audio_ms * clip_bytes_per_ms(item->audio_format);
    if (item->audio.len > keep) {
        s->convo.audio_bytes -= item->audio.len - keep;
        item->audio.len = keep;
    }
    item->truncated = true;
    buf_clear(&item->parts[0].text);
    openai_server_put_truncated(session_begin(s), session_event_id(s), str_from(item->id), item->audio_ms);
    session_send(s);
}

/* ---- settings and responses ---- */

static void mcp_listing(struct sandbox_session *s, enum openai_event_type type, const char *item_id)
{
    openai_server_put_mcp_listing(session_begin(s), session_event_id(s), type, str_from(item_id));
    session_send(s);
}

/*
 * The service would ask each MCP server for its tools. We are offline: a client that waits learns that it is in vain.
 * The vendor's own client reads the item again, whatever came of it.
 */
static void list_mcp_tools(struct sandbox_session *s, struct json_val tools)
{
    struct json_it it = json_array(tools);
    struct json_val tool;
    while (json_elem(&it, &tool)) {
        char id[OPENAI_ID_MAX + 1];
        if (!str_is(json_get(tool, "type").s, "mcp")) {
            continue;
        }
        session_new_id(s, "mcpl_", id);
        struct convo_item *item = convo_item_new(OPENAI_ITEM_MCP_LIST_TOOLS, OPENAI_ROLE_NONE, str_from(id));
        if (!item || json_unescape(json_get(tool, "server_label").s, &item->name) < 0) {
            convo_item_free(item);
            continue;
        }
        item->answered = true; /* nothing to say to it */
        convo_append(&s->convo, item);
        mcp_listing(s, OPENAI_MCP_TOOLS_IN_PROGRESS, id);
        session_announce_item(s, item);
        mcp_listing(s, OPENAI_MCP_TOOLS_FAILED, id);
    }
}

static void on_session_update(struct sandbox_session *s, const struct openai_client_event *ev)
{
    struct openai_server_error e;
    int err = openai_server_apply_update(&s->conf, ev->session, &e);
    if (err == -ENOMEM) {
        session_close(s, 1011, STR("out of memory"));
        return;
    }
    if (err < 0) {
        session_error(s, &e, ev->event_id);
        return;
    }
    if (s->faults.on[FAULT_PCM_TOLD]) {
        s->conf.output_format = OPENAI_FORMAT_PCM24K;
    }
    input_settings(s);
    if (!s->faults.on[FAULT_NO_UPDATED]) {
        session_send_conf(s, OPENAI_SESSION_UPDATED);
    }
    list_mcp_tools(s, json_get(ev->session, "tools"));
}

static void on_response_create(struct sandbox_session *s, const struct openai_client_event *ev)
{
    struct openai_server_error e;
    if (s->conf.transcription_only) {
        openai_server_error_set(&e, "invalid_value", "type", "Transcription sessions create no responses.");
        session_error(s, &e, ev->event_id);
    } else if (!ev->response.out_of_band && s->main) {
        openai_server_error_set(&e, "conversation_already_has_active_response", NULL,
                                "Conversation already has an active response in progress: %s. Wait until the response "
                                "is finished before creating a new one.",
                                s->main->id);
        session_error(s, &e, ev->event_id);
    } else if (ev->response.out_of_band && s->side[SESSION_MAX_SIDE - 1]) {
        openai_server_error_set(&e, "rate_limit_exceeded", NULL, "Too many out-of-band responses at a time.");
        session_error(s, &e, ev->event_id);
    } else {
        response_start(s, &ev->response);
    }
}

static struct response *find_response(struct sandbox_session *s, struct str id)
{
    if (s->main && (!id.p || str_is(id, s->main->id))) {
        return s->main;
    }
    for (size_t i = 0; id.p && i < SESSION_MAX_SIDE; i++) {
        if (s->side[i] && str_is(id, s->side[i]->id)) {
            return s->side[i];
        }
    }
    return NULL;
}

static void on_response_cancel(struct sandbox_session *s, const struct openai_client_event *ev)
{
    struct response *r = find_response(s, ev->response_id);
    if (r) {
        response_cancel(s, r, "client_cancelled");
        return;
    }
    struct openai_server_error e;
    openai_server_error_set(&e, "response_cancel_not_active", NULL, "Cancellation failed: no active response found");
    session_error(s, &e, ev->event_id);
}

/* ---- dispatch ---- */

static void load_start(struct sandbox_session *s)
{
    if (s->opts.profile == SANDBOX_CONTINUOUS && !s->load.on) {
        s->load.on = true;
        s->load.due_us = s->now_us + 10000000;
    }
}

static void on_append(struct sandbox_session *s, const struct openai_client_event *ev)
{
    if (s->opts.profile == SANDBOX_CONTINUOUS) {
        s->input.clock_bytes += ev->audio.n / 4 * 3;
        return;
    }
    input_append(s, ev->audio, ev->event_id);
}

static void on_output_clear(struct sandbox_session *s, const struct openai_client_event *ev)
{
    struct openai_server_error e;
    openai_server_error_set(&e, "invalid_value", "type",
                            "output_audio_buffer.clear is only for WebRTC and SIP sessions.");
    session_error(s, &e, ev->event_id);
}

static void session_dispatch(struct sandbox_session *s, const struct openai_client_event *ev)
{
    switch (ev->type) {
    case OPENAI_CLIENT_SESSION_UPDATE:
        on_session_update(s, ev);
        break;
    case OPENAI_CLIENT_APPEND:
        on_append(s, ev);
        break;
    case OPENAI_CLIENT_COMMIT:
        input_commit(s, ev->event_id);
        break;
    case OPENAI_CLIENT_INPUT_CLEAR:
        input_clear(s);
        break;
    case OPENAI_CLIENT_OUTPUT_CLEAR:
        on_output_clear(s, ev);
        break;
    case OPENAI_CLIENT_ITEM_CREATE:
        on_item_create(s, ev);
        break;
    case OPENAI_CLIENT_ITEM_RETRIEVE:
        on_item_retrieve(s, ev);
        break;
    case OPENAI_CLIENT_ITEM_TRUNCATE:
        on_item_truncate(s, ev);
        break;
    case OPENAI_CLIENT_ITEM_DELETE:
        on_item_delete(s, ev);
        break;
    case OPENAI_CLIENT_RESPONSE_CREATE:
        load_start(s);
        on_response_create(s, ev);
        break;
    case OPENAI_CLIENT_RESPONSE_CANCEL:
        on_response_cancel(s, ev);
        break;
    case OPENAI_CLIENT_N:
        break;
    }
}

void sandbox_session_move(struct sandbox_session *s, void *arg)
{
    s->arg = arg;
}

void sandbox_session_mark(const struct sandbox_session *s, struct sandbox_mark *ret)
{
    *ret = (struct sandbox_mark){.talk = s->talk};
    if (s->convo.last) {
        memcpy(ret->last_id, s->convo.last->id, sizeof(ret->last_id));
    }
}

void sandbox_session_settle(struct sandbox_session *s, struct str call_id)
{
    for (struct convo_item *item = s->convo.first; item; item = item->next) {
        if (item->type == OPENAI_ITEM_FUNCTION_OUTPUT && str_eq(call_id, buf_str(&item->call_id))) {
            item->answered = true;
        }
    }
}

void sandbox_session_rewind(struct sandbox_session *s, const struct sandbox_mark *mark)
{
    while (s->convo.last && strcmp(s->convo.last->id, mark->last_id) != 0) {
        convo_remove(&s->convo, s->convo.last);
    }
    s->talk = mark->talk;
}

void sandbox_session_message(struct sandbox_session *s, struct str text, uint64_t now_us)
{
    struct openai_client_event ev = {0};
    struct openai_server_error e = {0};
    s->now_us = now_us;
    if (s->closed) {
        return;
    }
    if (openai_server_decode(text, &s->scratch, &ev, &e) < 0) {
        session_error(s, &e, ev.event_id);
        return;
    }
    session_dispatch(s, &ev);
}

void sandbox_session_binary(struct sandbox_session *s, uint64_t now_us)
{
    struct openai_server_error e;
    s->now_us = now_us;
    openai_server_error_binary(&e);
    session_error(s, &e, STR_NULL);
}

/* ---- finished jobs ---- */

static bool waits_for(const struct response *r, uint32_t ticket)
{
    return r && ticket != 0 && (r->message.ticket == ticket || r->message.next_ticket == ticket);
}

void sandbox_session_said(struct sandbox_session *s, uint32_t ticket, struct clip *clip, uint64_t now_us)
{
    struct response *r = waits_for(s->main, ticket) ? s->main : NULL;
    for (size_t i = 0; !r && i < SESSION_MAX_SIDE; i++) {
        r = waits_for(s->side[i], ticket) ? s->side[i] : NULL;
    }
    s->now_us = now_us;
    if (s->closed || !r) {
        clip_unref(clip);
        return;
    }
    response_said(s, r, ticket, clip);
}

void sandbox_session_heard(struct sandbox_session *s, uint32_t ticket, bool accepted, struct str words, uint64_t now_us)
{
    s->now_us = now_us;
    if (s->closed) {
        return;
    }
    heard_finish(s, ticket, accepted, words);
    if (s->main && s->main->phase == RESPONSE_WAIT_HEARING) {
        response_tick(s, s->main);
    }
}

/* ---- time ---- */

uint64_t sandbox_session_due_us(const struct sandbox_session *s)
{
    uint64_t due = MIN(s->expires_us, s->ends_us);
    if (s->closed) {
        return UINT64_MAX;
    }
    due = s->created_us ? MIN(due, s->created_us) : due;
    if (s->main) {
        due = MIN(due, response_due_us(s->main));
    }
    for (size_t i = 0; i < SESSION_MAX_SIDE; i++) {
        due = s->side[i] ? MIN(due, response_due_us(s->side[i])) : due;
    }
    return s->load.on ? MIN(due, s->load.due_us) : due;
}

static void session_expire(struct sandbox_session *s)
{
    struct openai_server_error e;
    char text[80];
    struct buf b;
    buf_init(&b, sizeof(text));
    buf_printf(&b, "Your session hit the maximum duration of %u minutes.", MAX(session_length_s(s) / 60, 1u));
    ignore_result(str_copy(text, sizeof(text), buf_str(&b)));
    buf_done(&b);
    openai_server_error_set(&e, "session_expired", NULL, "%s", text);
    session_error(s, &e, STR_NULL);
    session_close(s, 1001, str_from(text));
}

/* The load profile's caller: interrupts every 10 s, speaks for 400 ms, and is answered at once. */
static void load_tick(struct sandbox_session *s)
{
    struct input *in = &s->input;
    struct openai_server_span at = {input_clock_ms(s), input_clock_ms(s)};
    bool start = s->load.stage == 0;
    if (start) {
        session_new_id(s, "item_", in->item_id);
    }
    openai_server_put_speech(session_begin(s), session_event_id(s),
                             start ? OPENAI_SPEECH_STARTED : OPENAI_SPEECH_STOPPED, at, str_from(in->item_id));
    session_send(s);
    s->load.stage = start;
    s->load.due_us += start ? 400000 : 9600000;
    if (start) {
        if (s->main) {
            response_cancel(s, s->main, "turn_detected");
        }
        return;
    }
    struct convo_item *item = convo_item_new(OPENAI_ITEM_MESSAGE, OPENAI_ROLE_USER, str_from(in->item_id));
    in->item_id[0] = '\0';
    if (!item || convo_item_add_part(item, OPENAI_PART_INPUT_AUDIO, false, STR("")) < 0) {
        convo_item_free(item);
        session_close(s, 1011, STR("out of memory"));
        return;
    }
    item->audio_ms = 400;
    convo_append(&s->convo, item);
    openai_server_put_committed(session_begin(s), session_event_id(s), convo_previous_id(item), str_from(item->id));
    session_send(s);
    session_announce_item(s, item);
    item->hearing = ++s->tickets;
    heard_finish(s, item->hearing, true, STR("what else can you tell me"));
    response_start(s, NULL);
}

/* Faults that end the session at some time after its begin. */
static void session_break_off(struct sandbox_session *s)
{
    if (s->faults.on[FAULT_DROP_AFTER]) {
        session_close(s, 0, STR("told to drop"));
    } else {
        session_close(s, 1011, STR("told to close"));
    }
}

void sandbox_session_tick(struct sandbox_session *s, uint64_t now_us)
{
    s->now_us = now_us;
    if (!s->closed && s->created_us && now_us >= s->created_us) {
        s->created_us = 0;
        session_send_conf(s, OPENAI_SESSION_CREATED);
    }
    if (!s->closed && now_us >= s->ends_us) {
        session_break_off(s);
    }
    if (!s->closed && now_us >= s->expires_us) {
        session_expire(s);
    }
    if (!s->closed && s->load.on && now_us >= s->load.due_us) {
        load_tick(s);
    }
    if (!s->closed && s->main && now_us >= response_due_us(s->main)) {
        response_tick(s, s->main);
    }
    for (size_t i = 0; i < SESSION_MAX_SIDE; i++) {
        if (!s->closed && s->side[i] && now_us >= response_due_us(s->side[i])) {
            response_tick(s, s->side[i]);
        }
    }
}
