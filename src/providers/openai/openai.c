/* Life of a session: connecting, setting up, speaking, failing, closing. What events mean stands in openai_events.c. */
#include "providers/openai/openai.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "providers/openai/openai_impl.h"

#define MAX_MESSAGE_BYTES (16u << 20)
#define CLOSE_WAIT_MS     1000
#define SESSION_MAX_S     (24 * 3600)
#define BINARY_LOG_EVERY  64u

/* The first retired names, so that each is complained about once per process, not once per call. */
static _Atomic uint64_t warned_names[16];

static uint64_t hash_name(struct str s)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < s.n; i++) {
        h = (h ^ (uint8_t)s.p[i]) * 0x100000001b3u;
    }
    return h ? h : 1;
}

static bool warn_first_time(struct str name)
{
    uint64_t h = hash_name(name);
    for (size_t i = 0; i < ARRAY_LEN(warned_names); i++) {
        uint64_t seen = 0;
        if (atomic_compare_exchange_strong(&warned_names[i], &seen, h)) {
            return true;
        }
        if (seen == h) {
            return false;
        }
    }
    return false;
}

void openai_scratch_init(struct openai_scratch *s)
{
    buf_init(&s->text, 2 * MAX_MESSAGE_BYTES);
    buf_init(&s->audio, MAX_MESSAGE_BYTES);
    buf_init(&s->pcm, MAX_MESSAGE_BYTES);
}

void openai_scratch_done(struct openai_scratch *s)
{
    buf_done(&s->text);
    buf_done(&s->audio);
    buf_done(&s->pcm);
}

static void destroy(struct link *link)
{
    struct openai_model *m = openai_of(&link->base);
    openai_tools_done(&m->tools);
    openai_scratch_done(&m->own_scratch);
    link_done(link);
    free(m);
}

/* A key that is refused is a matter for another person than a field that is. */
static int setup_error(const char *code)
{
    static const char *const auth[] = {"invalid_api_key",     "insufficient_quota",
                                       "account_deactivated", "billing_hard_limit_reached",
                                       "permission_denied",   "unauthorized"};
    for (size_t i = 0; i < ARRAY_LEN(auth); i++) {
        if (str_is(str_from(code), auth[i])) {
            return -ERR_AUTH;
        }
    }
    return -ERR_CONFIG;
}

static void fail_by_last_error(struct openai_model *m, int err)
{
    /* The copies live in m, which outlives the event. */
    link_fail(&m->link, err, str_from(m->last_error.code), str_from(m->last_error.message));
}

static void on_deadline(struct link *link)
{
    struct openai_model *m = openai_of(&link->base);
    if (m->last_error.fresh) {
        fail_by_last_error(m, setup_error(m->last_error.code));
    } else if (!m->created) {
        link_fail(link, -ETIMEDOUT, STR_NULL, STR("the service accepted the connection but sent no session.created"));
    } else {
        link_fail(link, -ETIMEDOUT, STR_NULL, STR("the service did not confirm the settings with session.updated"));
    }
}

static void on_open(struct link *link)
{
    link_deadline(link, (uint64_t)openai_of(&link->base)->created_ms * 1000);
}

static void send_setup(struct openai_model *m)
{
    m->created = true;
    link_deadline(&m->link, (uint64_t)m->updated_ms * 1000);
    ignore_result(ws_send_text(m->link.ws, buf_str(&m->link.setup))); /* a failure comes as on_closed */
}

/* The service says when it ends the session, by its own clock; ours may differ, and what is absurd is no word. */
static uint32_t lasts_s(int64_t expires_at)
{
    int64_t left = expires_at - clock_wall_us() / 1000000;
    return expires_at > 0 && left > 0 && left <= SESSION_MAX_S ? (uint32_t)left : 0;
}

static void on_updated(struct openai_model *m, const struct openai_event *e, struct str text)
{
    struct call_event ev;
    const char *what = NULL;
    if (openai_setup_confirm(m, &e->session, text, &ev, &what) < 0) {
        char message[128];
        snprintf(message, sizeof(message), "%s: the service confirmed a format that we do not speak", what);
        link_fail(&m->link, -ERR_CONFIG, STR("unknown-format"), str_from(message));
        return;
    }
    ev.model_ready.lasts_s = lasts_s(e->session.expires_at);
    link_ready(&m->link);
    openai_audio_init(&m->audio, ev.model_ready.out);
    log_info(&m->link.scope, "model.ready",
             "model=" STR_FMT " voice=" STR_FMT " in=%s out=%s tools=%u interrupts=%d creates=%d session=" STR_FMT,
             STR_ARG(ev.model_ready.model), STR_ARG(ev.model_ready.voice), audio_format_wire(ev.model_ready.in),
             audio_format_wire(ev.model_ready.out), ev.model_ready.n_tools, ev.model_ready.interrupts,
             ev.model_ready.creates, STR_ARG(ev.model_ready.session_id));
    if (ev.model_ready.interrupts != m->asked.interrupts || ev.model_ready.creates != m->asked.creates) {
        /* The call goes by what is confirmed; whoever configured it should know. */
        log_warn(&m->link.scope, "model.turns-deviate", "interrupts=%d asked=%d creates=%d asked=%d",
                 ev.model_ready.interrupts, m->asked.interrupts, ev.model_ready.creates, m->asked.creates);
    }
    if (ev.model_ready.n_tools < m->asked.n_tools) {
        log_warn(&m->link.scope, "model.tools-missing", "asked=%u confirmed=%u", m->asked.n_tools,
                 ev.model_ready.n_tools);
    }
    link_emit(&m->link, &ev);
}

/*
 * Before session.created an error is kept: the close that tells whether it was fatal comes next, or the deadline.
 * After session.update it can only mean the update, whether or not the service names our event.
 */
static void on_setup_message(struct openai_model *m, struct str text)
{
    struct openai_event e;
    if (!openai_read(m, text, &e)) {
        return;
    }
    if (e.type == OPENAI_ERROR) {
        openai_keep_error(m, &e.error);
        if (m->created) {
            log_error(&m->link.scope, "model.session-refused", "param=" STR_FMT " code=" STR_FMT,
                      STR_ARG(e.error.param), STR_ARG(e.error.code)); /* the sentence follows in model.failed */
            fail_by_last_error(m, setup_error(m->last_error.code));
        }
    } else if (e.type == OPENAI_SESSION_CREATED && !m->created) {
        send_setup(m);
    } else if (e.type == OPENAI_SESSION_UPDATED && m->created) {
        on_updated(m, &e, text);
    }
}

static void on_message(struct link *link, struct str text)
{
    struct openai_model *m = openai_of(&link->base);
    if (link->state == LINK_READY) {
        openai_on_message(m, text);
    } else {
        on_setup_message(m, text);
    }
}

/* No binary message is part of the protocol; a caller need not suffer for a service that sends one. */
static void on_binary(struct link *link, struct span data)
{
    struct openai_model *m = openai_of(&link->base);
    if (m->n_bad_messages++ % BINARY_LOG_EVERY == 0) {
        log_warn(&m->link.scope, "model.binary-message", "bytes=%zu count=%u", data.n, m->n_bad_messages);
    }
}

/* "invalid_request_error.invalid_model" -> "invalid_model"; sentences stay out. */
static struct str code_of_reason(struct str reason)
{
    if (reason.n == 0 || str_find(reason, ' ') != reason.n) {
        return STR_NULL;
    }
    size_t dot = str_find(reason, '.');
    return dot < reason.n ? (struct str){reason.p + dot + 1, reason.n - dot - 1} : reason;
}

static void judge(struct link *link, const struct ws_close *why, struct buf *room, struct link_failure *ret)
{
    buf_printf(room, "ws-%u", (unsigned)why->code);
    struct str named = why->code >= 3000 ? code_of_reason(why->reason) : STR_NULL;
    ret->code = named.n > 0 ? named : buf_str(room);
    ret->err = link->was_ready || named.n == 0 ? -ERR_CLOSED : why->code == 3000 ? -ERR_AUTH : -ERR_CONFIG;
    ret->message = why->reason.n > 0 ? why->reason : STR("the service closed the session");
}

/* The error event right before the close was the reason. */
static bool knows_why(struct link *link, struct link_failure *ret)
{
    const struct openai_last_error *e = &openai_of(&link->base)->last_error;
    ret->err = e->fresh && link->was_ready ? -ERR_CLOSED : e->fresh ? setup_error(e->code) : ret->err;
    ret->code = e->fresh ? str_from(e->code) : STR_NULL;
    ret->message = e->fresh ? str_from(e->message) : STR_NULL;
    return e->fresh;
}

static const struct link_ops link_events = {
    .on_open = on_open,
    .on_message = on_message,
    .on_binary = on_binary,
    .on_deadline = on_deadline,
    .knows_why = knows_why,
    .judge = judge,
    .destroy = destroy,
};

/* For the socket 0 is never. */
static uint32_t interval(uint32_t ms, uint32_t usual)
{
    return ms == OPENAI_NEVER ? 0 : ms ? ms : usual;
}

static int connect_to(struct openai_model *m, const struct openai_opts *opts, struct str model)
{
    struct buf url;
    struct buf headers;
    buf_init(&url, 8192);
    buf_init(&headers, 32768);
    int err = openai_put_url(&url, opts, model);
    if (err == 0) {
        err = openai_put_headers(&headers, opts);
    }
    if (err == 0) {
        struct ws_client_opts o = {
            .ws = {.max_message_bytes =
                       opts->max_message_bytes ? MIN(opts->max_message_bytes, MAX_MESSAGE_BYTES) : MAX_MESSAGE_BYTES,
                   .ping_ms = interval(opts->ping_ms, 20000),
                   .pong_deadline_ms = interval(opts->pong_ms, 60000),
                   .close_deadline_ms = CLOSE_WAIT_MS},
            .url = buf_str(&url),
            .headers = buf_str(&headers),
            .tls = opts->tls,
            .connect_deadline_ms = opts->connect_ms,
        };
        err = link_connect(&m->link, &o);
    }
    buf_done(&url);
    buf_done(&headers);
    return err;
}

static struct str choose_model(struct openai_model *m, const struct openai_opts *opts)
{
    struct str name = opts->model.n > 0 ? opts->model : STR(OPENAI_DEFAULT_MODEL);
    /* Deployments of dated previews bear old names rightly. */
    struct str current = opts->dialect == OPENAI_GA ? openai_model_current(name) : name;
    if (!str_eq(current, name) && warn_first_time(name)) {
        log_warn(&m->link.scope, "model.retired", "model=\"" STR_FMT "\" using=\"" STR_FMT "\"", STR_ARG(name),
                 STR_ARG(current));
    }
    return current;
}

static void birth(struct openai_model *m, const struct openai_opts *opts)
{
    m->created_ms = opts->created_ms ? opts->created_ms : 5000;
    m->updated_ms = opts->updated_ms ? opts->updated_ms : 5000;
    openai_scratch_init(&m->own_scratch);
    m->scratch = opts->scratch ? opts->scratch : &m->own_scratch;
    openai_tools_init(&m->tools);
    m->link.on_raw = opts->on_raw;
    m->link.raw_arg = opts->raw_arg;
}

int openai_open(struct loop *loop, const struct openai_opts *opts, const struct call_opts *call,
                const struct model_handler *h, void *arg, struct model **ret)
{
    struct openai_model *m = calloc(1, sizeof(*m));
    if (!m) {
        return -ENOMEM;
    }
    birth(m, opts);
    link_listen(&m->link, &openai_model_ops, h, arg);
    int err = link_init(&m->link, loop, &link_events, call->call_id, OPENAI_SETUP_MAX);
    struct str model = choose_model(m, opts);
    if (err == 0) {
        err = openai_setup_write(m, opts, call, model);
    }
    if (err == 0) {
        err = connect_to(m, opts, model);
    }
    if (err < 0) {
        destroy(&m->link);
        return err;
    }
    *ret = &m->link.base;
    return 0;
}

static struct str event_id(uint32_t request, char (*text)[16])
{
    int n = snprintf(*text, sizeof(*text), "rt_%u", (unsigned)request);
    return (struct str){*text, (size_t)n};
}

static void put_response(struct buf *out, const struct call_action *act)
{
    char id[16];
    struct openai_put_response opts = {
        .instructions = act->model_respond.instructions.n > 0 ? act->model_respond.instructions : STR_NULL,
        .tool_choice = act->model_respond.no_tools ? STR("none") : STR_NULL,
    };
    bool plain = !opts.instructions.p && !opts.tool_choice.p;
    openai_put_response_create(out, event_id(act->model_respond.request, &id), plain ? NULL : &opts);
}

static void put_item(struct buf *out, uint32_t request, const struct openai_put_item *item)
{
    char id[16];
    openai_put_item_create(out, request ? event_id(request, &id) : STR_NULL, item);
}

/* Writes the message of an action of a model. */
static void put_action(struct buf *out, const struct call_action *act)
{
    char id[16];
    switch (act->type) {
    case ACT_MODEL_APPEND:
        openai_put_append(out, act->model_append.audio);
        break;
    case ACT_MODEL_COMMIT:
        openai_put_commit(out, STR_NULL);
        break;
    case ACT_MODEL_CLEAR_INPUT:
        openai_put_input_clear(out, STR_NULL);
        break;
    case ACT_MODEL_RESPOND:
        put_response(out, act);
        break;
    case ACT_MODEL_CANCEL:
        openai_put_response_cancel(out, event_id(act->model_cancel.request, &id),
                                   act->model_cancel.response_id.n > 0 ? act->model_cancel.response_id : STR_NULL);
        break;
    case ACT_MODEL_TRUNCATE:
        openai_put_truncate(out, event_id(act->model_truncate.request, &id), act->model_truncate.item_id,
                            act->model_truncate.heard_ms);
        break;
    case ACT_MODEL_TOOL_OUTPUT:
        put_item(out, act->model_tool_output.request,
                 &(struct openai_put_item){.kind = OPENAI_PUT_FUNCTION_OUTPUT,
                                           .call_id = act->model_tool_output.tool_call_id,
                                           .text = act->model_tool_output.output});
        break;
    case ACT_MODEL_USER_TEXT:
        put_item(out, 0,
                 &(struct openai_put_item){
                     .kind = OPENAI_PUT_USER,
                     .id = act->model_user_text.item_id.n ? act->model_user_text.item_id : STR_NULL,
                     .text = act->model_user_text.text,
                 });
        break;
    case ACT_MODEL_UPDATE: /* perform_apart */
    case ACT_MODEL_ITEM:
    case ACT_LEG_MEDIA:
    case ACT_LEG_MARK:
    case ACT_LEG_CLEAR:
    case ACT_LEG_HANGUP:
    case ACT_LEG_TRANSFER:
    case ACT_MODEL_OPEN:
    case ACT_MODEL_CLOSE:
    case ACT_TOOL_CHECK:
    case ACT_TOOL_APPROVAL:
    case ACT_TOOL_DECIDED:
    case ACT_TOOL_RUN:
    case ACT_TOOL_CANCEL:
    case ACT_GUARD_CHECK:
    case ACT_GUARD_TRIP:
    case ACT_VAD:
    case ACT_RECORD:
    case ACT_LINE:
    case ACT_TURN:
    case ACT_NOTE:
    case ACT_SIGNAL:
    case ACT_USAGE:
    case ACT_END:
    case CALL_ACTION_N:
        break;
    }
}

/* What may turn out to be unfit is written apart, so that nothing was begun then. */
static int perform_apart(struct openai_model *m, const struct call_action *act)
{
    char id[16];
    struct buf out;
    buf_init(&out, MAX_MESSAGE_BYTES);
    int err = act->type == ACT_MODEL_UPDATE
                  ? openai_setup_update(m, &out, event_id(act->model_update.request, &id), &act->model_update.persona)
                  : openai_put_call_item(&out, event_id(act->model_item.request, &id), act->model_item.item);
    if (err < 0) {
        log_error(&m->link.scope, "model.not-sent", "what=%s error=%s", call_action_name(act->type), err_name(err));
    } else {
        err = ws_send_text(m->link.ws, buf_str(&out));
    }
    buf_done(&out);
    return err;
}

static int perform(struct model *model, const struct call_action *act)
{
    struct openai_model *m = openai_of(model);
    if (act->type == ACT_MODEL_CLOSE) {
        link_end(model);
        return 0;
    }
    int err = link_may_perform(&m->link); /* audio before READY would be taken in the service's default format */
    if (err < 0) {
        return err;
    }
    if (act->type < ACT_MODEL_APPEND || act->type > ACT_MODEL_USER_TEXT) {
        return -EINVAL; /* not a model's; nothing may be begun for it */
    }
    if (act->type == ACT_MODEL_UPDATE || act->type == ACT_MODEL_ITEM) {
        return perform_apart(m, act);
    }
    put_action(ws_begin(m->link.ws), act);
    return ws_end(m->link.ws);
}

const struct model_ops openai_model_ops = {
    .name = "openai",
    .caps = OPENAI_CAPS,
    .perform = perform,
    .close = link_end,
    .prefetch = link_prefetch,
};
