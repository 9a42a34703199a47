/* What the call wants, in the service's words. */
#include "providers/gemini/gemini_impl.h"

#define SLICE_BYTES 6400 /* 200 ms in one message */
#define UPDATE_MAX  (4u << 20)
#define STOPPED_US  1000000
#define SILENT_US   10000000 /* speech that was heard and came to nothing */
#define DIRECTION   "[Direction, not said by the caller] "
#define ANSWERED    "The call has just been answered. Greet the caller now."

/* ---- sending ---- */

static int send_mark(struct gemini_model *m, enum gemini_mark mark)
{
    gemini_put_mark(ws_begin(m->link.ws), mark);
    return ws_end(m->link.ws);
}

static int send_audio(struct gemini_model *m, struct span audio)
{
    int err = 0;
    for (size_t at = 0; at < audio.n && err >= 0; at += SLICE_BYTES) {
        gemini_put_audio(ws_begin(m->link.ws), span_from(audio.p + at, MIN(audio.n - at, (size_t)SLICE_BYTES)));
        err = ws_end(m->link.ws);
    }
    return err;
}

static int put_turns(struct gemini_model *m, bool complete)
{
    gemini_put_content(ws_begin(m->link.ws), buf_str(&m->turns), complete);
    buf_clear(&m->turns);
    return ws_end(m->link.ws);
}

/* What comes first is what was said before this session; behind it content counts as usual. Nobody answers it. */
static int end_history(struct gemini_model *m)
{
    m->history = false;
    return put_turns(m, true);
}

static int send_turns(struct gemini_model *m, bool complete)
{
    return m->history ? end_history(m) : put_turns(m, complete);
}

void gemini_send_results(struct gemini_model *m, const struct gemini_result *list, size_t n)
{
    gemini_put_tool_response(ws_begin(m->link.ws), list, n);
    ignore_result(ws_end(m->link.ws)); /* a failure comes as on_closed */
}

void gemini_flush_turns(struct gemini_model *m)
{
    bool busy = m->response.state != GEMINI_NO_RESPONSE || m->turn.open || m->turn.working || m->expects;
    if (m->link.state == LINK_READY && m->turns.len > 0 && !busy && !(m->manual && m->caller.open)) {
        ignore_result(send_turns(m, false)); /* as above */
    }
}

/* ---- the caller's audio ---- */

/* Input ends the history, too. */
static int begin_input(struct gemini_model *m)
{
    return m->history ? end_history(m) : 0;
}

static bool must_hold(const struct gemini_model *m)
{
    return m->family == GEMINI_25 && gemini_tools_pending(&m->tools);
}

static void hold(struct gemini_model *m, struct span audio)
{
    size_t room = m->held.max_bytes;
    if (m->held.len + audio.n > room) {
        buf_consume(&m->held, MIN(m->held.len, m->held.len + audio.n - room)); /* the oldest */
    }
    buf_put(&m->held, audio.p, MIN(audio.n, room));
}

void gemini_release_held(struct gemini_model *m)
{
    if (must_hold(m) || m->link.state != LINK_READY) {
        return;
    }
    int err = m->held_start ? send_mark(m, GEMINI_ACTIVITY_START) : 0;
    err = err < 0 ? err : send_audio(m, buf_span(&m->held));
    if (err >= 0 && m->held_end) {
        err = send_mark(m, GEMINI_ACTIVITY_END);
    }
    ignore_result(err); /* a failure comes as on_closed */
    buf_clear(&m->held);
    m->held_start = m->held_end = false;
}

/* The first audio of a turn: what was put into the conversation stands before it. */
static int begin_activity(struct gemini_model *m)
{
    int err = m->turns.len > 0 ? send_turns(m, false) : 0;
    gemini_supersede(m);
    m->expects = false;
    gemini_caller_begin(m);
    if (must_hold(m)) {
        m->held_start = true;
        return err;
    }
    return err < 0 ? err : send_mark(m, GEMINI_ACTIVITY_START);
}

static int append(struct gemini_model *m, struct span audio)
{
    int err = begin_input(m);
    err = err < 0 || !m->manual || m->caller.open ? err : begin_activity(m);
    m->streams = true;
    m->appended_us = loop_now_us(m->link.loop);
    if (err < 0) {
        return err;
    }
    if (must_hold(m)) {
        if (m->manual) {
            hold(m, audio);
        }
        return 0;
    }
    return send_audio(m, audio);
}

static int commit(struct gemini_model *m)
{
    int err = 0;
    if (!m->manual) {
        m->streams = false;
        err = send_mark(m, GEMINI_STREAM_END);
    } else if (!m->caller.open) {
        gemini_caller_begin(m); /* nothing was said: it is confirmed all the same */
    } else if (must_hold(m)) {
        m->held_end = true;
    } else {
        err = send_mark(m, GEMINI_ACTIVITY_END);
    }
    if (!m->turn.open) {
        m->turn.stale = false;
    }
    m->expects = true;
    m->turn.asked_us = loop_now_us(m->link.loop);
    gemini_caller_commit(m);
    return err;
}

/* A turn cannot be taken back: it is ended, and what the model makes of it is not listened to. */
static int discard(struct gemini_model *m)
{
    if (!m->manual || !m->caller.open) {
        return 0;
    }
    m->caller.open = false;
    m->turn.stale = true;
    m->turn.asked_us = 0;
    buf_clear(&m->held);
    m->held_end = m->held_start;
    return m->held_start ? 0 : send_mark(m, GEMINI_ACTIVITY_END);
}

/* A turn whose words nobody knows is heard again, and its words are told as those of that item. */
static int replay_audio(struct gemini_model *m, const struct call_item *it, struct span audio)
{
    int err = m->turns.len > 0 ? send_turns(m, false) : 0;
    err = err < 0 || !m->manual ? err : send_mark(m, GEMINI_ACTIVITY_START);
    err = err < 0 ? err : send_audio(m, audio);
    err = err < 0 ? err : send_mark(m, m->manual ? GEMINI_ACTIVITY_END : GEMINI_STREAM_END);
    ignore_result(
        str_copy(m->caller.item_id, sizeof(m->caller.item_id), it->id)); /* ids were measured on their way in */
    buf_clear(&m->caller.words);
    m->caller.open = m->caller.told = m->caller.worded = false;
    m->caller.committed = true;
    m->expects = true;
    return err;
}

void gemini_pulse(struct gemini_model *m)
{
    uint64_t now_us = loop_now_us(m->link.loop);
    if (m->link.state != LINK_READY) {
        return;
    }
    if (m->streams && now_us - m->appended_us > STOPPED_US) {
        m->streams = false;
        ignore_result(send_mark(m, GEMINI_STREAM_END)); /* a failure comes as on_closed */
    }
    if (m->caller.open && m->caller.words.len == 0 && now_us - m->caller.since_us > SILENT_US) {
        gemini_caller_commit(m);
    }
}

/* ---- the conversation ---- */

static void add_direction(struct gemini_model *m, struct str text)
{
    struct buf words;
    buf_init(&words, text.n + sizeof(DIRECTION));
    buf_puts(&words, DIRECTION);
    buf_put_str(&words, text);
    gemini_add_turn(&m->turns, GEMINI_ROLE_USER, buf_str(&words));
    buf_done(&words);
}

static void add_tool_note(struct gemini_model *m, const char *name, const char *verb, struct str what)
{
    struct buf words;
    buf_init(&words, what.n + 512);
    buf_printf(&words, "The tool %s %s ", name, verb);
    buf_put_str(&words, what);
    add_direction(m, buf_str(&words));
    buf_done(&words);
}

/* "data:image/jpeg;base64,...": pictures are frames of video here, not parts of a turn. Nothing is fetched. */
static int send_image(struct gemini_model *m, struct str url)
{
    size_t at = str_search(url, STR(";base64,"));
    if (!str_starts(url, STR("data:image/")) || at == SIZE_MAX) {
        log_warn(&m->link.scope, "model.image-dropped", "why=\"only data:image/...;base64 can be sent\" bytes=%zu",
                 url.n);
        return 0;
    }
    struct str type = {url.p + 5, at - 5};
    struct str data = {url.p + at + 8, url.n - at - 8};
    int err = begin_input(m);
    if (err < 0) {
        return err;
    }
    gemini_put_image(ws_begin(m->link.ws), type, data);
    return ws_end(m->link.ws);
}

static int put_message(struct gemini_model *m, const struct call_item *it)
{
    struct buf words;
    int err = 0;
    buf_init(&words, GEMINI_TEXT_MAX * CALL_MAX_PARTS);
    for (uint32_t i = 0; i < it->n_parts; i++) {
        const struct call_part *p = &it->parts[i];
        if (p->kind == PART_IMAGE) {
            err = err < 0 ? err : send_image(m, p->text);
            continue;
        }
        if (p->audio.n > 0 && it->role != ITEM_ASSISTANT) {
            err = err < 0 ? err : replay_audio(m, it, p->audio);
        }
        buf_puts(&words, words.len > 0 && p->text.n > 0 ? "\n" : "");
        buf_put_str(&words, p->text);
    }
    if (it->role == ITEM_SYSTEM) {
        add_direction(m, buf_str(&words));
    } else {
        gemini_add_turn(&m->turns, it->role == ITEM_ASSISTANT ? GEMINI_ROLE_MODEL : GEMINI_ROLE_USER, buf_str(&words));
    }
    buf_done(&words);
    return err < 0 ? err : m->turns.err;
}

static int put_item(struct gemini_model *m, const struct call_item *it)
{
    const struct gemini_tool *tool = gemini_tools_find(&m->tools, it->call_id);
    char name[GEMINI_ID_MAX + 1];
    switch (it->type) {
    case ITEM_MESSAGE:
        return put_message(m, it);
    case ITEM_FUNCTION_CALL:
        gemini_tools_told(&m->tools, it->call_id, it->name);
        if (str_copy(name, sizeof(name), it->name) < 0) {
            return -EINVAL;
        }
        add_tool_note(m, name, "was called with", it->arguments.n ? it->arguments : STR("{}"));
        return m->turns.err;
    case ITEM_FUNCTION_OUTPUT:
        add_tool_note(m, tool ? tool->name : "that was called", "answered", it->output);
        return m->turns.err;
    case ITEM_OTHER:
    case ITEM_TYPE_N:
        break;
    }
    return -EINVAL;
}

static void answer_call(struct gemini_model *m, struct gemini_tool *tool, struct str output, bool silent)
{
    struct gemini_result r = {.id = str_from(tool->wire_id), .name = str_from(tool->name), .output = output};
    gemini_tools_answered(tool, output, loop_now_us(m->link.loop));
    if (silent && !m->silent_tools) {
        return; /* an answer would make the model speak; the call is dropped with what comes next */
    }
    r.scheduling = silent && m->family != GEMINI_THINKING ? GEMINI_SILENT : m->scheduling;
    m->turn.cut = m->turn.open && r.scheduling == GEMINI_INTERRUPT;
    m->turn.asked_us = loop_now_us(m->link.loop);
    gemini_send_results(m, &r, 1);
    m->expects = !silent && !gemini_tools_pending(&m->tools);
    gemini_release_held(m);
}

static int tool_output(struct gemini_model *m, const struct call_action *act)
{
    struct str output = act->model_tool_output.output;
    struct gemini_tool *tool = gemini_tools_find(&m->tools, act->model_tool_output.tool_call_id);
    if (tool && tool->state == GEMINI_TOOL_PENDING) {
        answer_call(m, tool, output, act->model_tool_output.silent);
        return 0;
    }
    if (tool && tool->state == GEMINI_TOOL_WITHDRAWN) {
        gemini_tools_answered(tool, output, loop_now_us(m->link.loop));
    }
    if (!act->model_tool_output.silent) {
        add_tool_note(m, tool ? tool->name : "that was called", "answered", output);
    }
    return m->turns.err;
}

/* ---- responses ---- */

/* The session's own instructions, which others want repeated for one response, are known. */
static struct str wish_of(const struct gemini_model *m, struct str instructions)
{
    struct str own = buf_str(&m->instructions);
    if (own.n > 0 && str_starts(instructions, own)) {
        instructions = (struct str){instructions.p + own.n, instructions.n - own.n};
    }
    return str_trim(instructions);
}

/* Typed turns of 3.1 start nothing by themselves. */
static int ask(struct gemini_model *m, struct str direction)
{
    struct buf words;
    if (m->family != GEMINI_31) {
        return send_turns(m, true);
    }
    int err = m->turns.len > 0 ? send_turns(m, false) : begin_input(m);
    buf_init(&words, direction.n + sizeof(DIRECTION));
    buf_puts(&words, direction.n > 0 ? DIRECTION : " ");
    buf_put_str(&words, direction);
    if (err >= 0) {
        gemini_put_realtime_text(ws_begin(m->link.ws), buf_str(&words));
        err = ws_end(m->link.ws);
    }
    buf_done(&words);
    return err;
}

static int respond(struct gemini_model *m, const struct call_action *act)
{
    struct str wish = wish_of(m, act->model_respond.instructions);
    bool comes = (m->expects || m->turn.working) && wish.n == 0 && m->turns.len == 0;
    int err = 0;
    if (!comes) {
        bool first = m->callers == 0 && !m->spoke && m->turns.len == 0 && !m->resumed;
        struct str words = wish.n > 0 ? wish : first ? STR(ANSWERED) : STR("");
        if (words.n > 0 && m->family != GEMINI_31) {
            add_direction(m, words);
        }
        m->turn.cut = m->turn.open;
        gemini_supersede(m);
        err = ask(m, words);
    } else if (m->turn.open) {
        gemini_supersede(m); /* the turn that called a tool may be closed before its answer */
    }
    m->expects = false;
    gemini_response_begin(m);
    m->response.no_tools = act->model_respond.no_tools;
    return err;
}

static int cancel(struct gemini_model *m, const struct call_action *act)
{
    struct str id = act->model_cancel.response_id;
    if (m->response.state == GEMINI_NO_RESPONSE || (id.n > 0 && !str_is(id, m->response.id))) {
        return 0; /* it was over when this was asked for, and the call has been told */
    }
    m->turn.stale = !(m->turn.open && m->turn.generated);
    m->turn.asked_us = 0;
    gemini_response_end(m, RESPONSE_CANCELLED, STR("client_cancelled"));
    return 0;
}

/* What it says from now on is the other agent's; the service confirms nothing. */
static int update(struct gemini_model *m, const struct call_persona *persona)
{
    struct buf out;
    if (!m->updates) {
        return -ENOTSUP; /* the call knows that too */
    }
    buf_init(&out, UPDATE_MAX);
    int err = gemini_setup_update(m, &out, persona); /* before anything is begun: its tools may be unfit */
    err = err < 0 ? err : ws_send_text(m->link.ws, buf_str(&out));
    buf_done(&out);
    if (err >= 0) {
        link_emit(&m->link, &(struct call_event){.type = EV_MODEL_UPDATED});
    }
    return err;
}

/* ---- dispatch ---- */

static int carry_out(struct gemini_model *m, const struct call_action *act)
{
    switch ((int)act->type) {
    case ACT_MODEL_APPEND:
        return append(m, act->model_append.audio);
    case ACT_MODEL_COMMIT:
        return commit(m);
    case ACT_MODEL_CLEAR_INPUT:
        return discard(m);
    case ACT_MODEL_RESPOND:
        return respond(m, act);
    case ACT_MODEL_CANCEL:
        return cancel(m, act);
    case ACT_MODEL_TOOL_OUTPUT:
        return tool_output(m, act);
    case ACT_MODEL_ITEM:
        return put_item(m, act->model_item.item);
    case ACT_MODEL_USER_TEXT:
        gemini_add_turn(&m->turns, GEMINI_ROLE_USER, act->model_user_text.text);
        return m->turns.err;
    case ACT_MODEL_TRUNCATE: /* there is no such thing: the call knows */
        return 0;
    case ACT_MODEL_UPDATE:
        return update(m, &act->model_update.persona);
    default:
        return -EINVAL; /* not a model's; nothing may be begun for it */
    }
}

int gemini_perform(struct model *model, const struct call_action *act)
{
    struct gemini_model *m = gemini_of(model);
    if (act->type == ACT_MODEL_CLOSE) {
        link_end(model);
        return 0;
    }
    int err = link_may_perform(&m->link);
    if (err < 0) {
        return err;
    }
    err = carry_out(m, act);
    if (err < 0) {
        log_error(&m->link.scope, "model.not-sent", "what=%s error=%s", call_action_name(act->type), err_name(err));
        buf_clear(&m->turns);
    }
    return err;
}
