/* What a call says, as events of ringtrip/event.h. Loop thread. */
#include "base/err.h"
#include "library/session.h"
#include "library/wording.h"

/* Texts of events are NUL-terminated; most of the core's are not. */
static const char *text_of(struct arena *a, struct str s)
{
    const char *kept = s.n > 0 ? arena_str(a, s).p : "";
    return kept ? kept : "";
}

static const char *agent_name(const struct rt_session *s, uint32_t agent)
{
    return agent < s->n_agents ? s->agents[agent] : "";
}

struct rt_event session_blank(struct rt_session *s, enum rt_event_type type)
{
    return (struct rt_event){
        .type = type,
        .name = rt_event_name(type),
        .context = s->o.context,
        .at_us = clock_now_us(),
        .agent = agent_name(s, s->agent),
        .from_agent = "",
        .to_agent = "",
        .response_id = "",
        .item_id = "",
        .text = "",
        .tool_name = "",
        .tool_call_id = "",
        .arguments = "",
        .output = "",
        .guardrail = "",
        .message = "",
        .code = "",
    };
}

void session_event(struct rt_session *s, struct rt_event *e, struct rt_history *owner, uint32_t mark)
{
    if (s->o.on_event) {
        s->o.on_event(s, e, s->o.event_arg);
        rt_history_free(owner);
        return;
    }
    bool first_loss = s->outbox.lost == 0;
    if (outbox_put(&s->outbox, e, owner, mark) == -ERR_LIMIT && first_loss) {
        struct rt_event lost = session_blank(s, RT_EVENT_ERROR);
        lost.err = -ERR_LIMIT;
        lost.code = "events-lost";
        lost.text = "Events were not taken and more of them had no room.";
        ignore_result(outbox_put(&s->outbox, &lost, NULL, 0)); /* then there is no room for that either */
    }
}

/* ---- audio ---- */

/* The end of an item is told behind the last of its audio. */
static void check_audio_end(struct rt_session *s, const char *item_id, uint64_t out_ms)
{
    if (s->audio_whole && !s->audio_told && strcmp(item_id, s->audio_item) == 0 && out_ms + 1 >= s->audio_total_ms) {
        struct rt_event e = session_blank(s, RT_EVENT_AUDIO_END);
        s->audio_told = true;
        e.item_id = s->audio_item;
        e.response_id = s->audio_response;
        session_event(s, &e, NULL, 0);
    }
}

void session_audio(struct rt_session *s, const struct embedded_audio *a)
{
    struct rt_event e = session_blank(s, RT_EVENT_AUDIO);
    char item_id[CALL_ID_MAX + 1];
    uint32_t ms = (uint32_t)(a->audio.n / audio_bytes_per_ms(s->format));
    if (str_copy(item_id, sizeof(item_id), a->item_id) < 0) {
        return;
    }
    if (s->o.delivery == RT_DELIVERY_PACED) {
        e.item_id = item_id;
        e.response_id = strcmp(item_id, s->audio_item) == 0 ? s->audio_response : "";
        e.audio = a->audio.p;
        e.audio_bytes = a->audio.n;
        session_event(s, &e, NULL, a->mark);
        check_audio_end(s, item_id, (uint64_t)a->item_ms + ms);
    }
}

static void on_audio(struct rt_session *s, const struct call_signal *sig)
{
    if (!str_is(sig->item_id, s->audio_item)) {
        ignore_result(str_copy(s->audio_item, sizeof(s->audio_item), sig->item_id));             /* ids are bounded */
        ignore_result(str_copy(s->audio_response, sizeof(s->audio_response), sig->response_id)); /* likewise */
        s->audio_total_ms = 0;
        s->audio_whole = s->audio_told = false;
    }
    s->audio_total_ms += sig->audio.n / audio_bytes_per_ms(s->model_out);
    if (s->o.delivery == RT_DELIVERY_IMMEDIATE) {
        struct rt_event e = session_blank(s, RT_EVENT_AUDIO);
        e.item_id = s->audio_item;
        e.response_id = s->audio_response;
        e.audio = sig->audio.p;
        e.audio_bytes = sig->audio.n;
        session_event(s, &e, NULL, 0);
    }
}

static void on_audio_end(struct rt_session *s, const struct call_signal *sig)
{
    if (str_is(sig->item_id, s->audio_item)) {
        s->audio_whole = true;
        if (s->o.delivery == RT_DELIVERY_IMMEDIATE) {
            check_audio_end(s, s->audio_item, s->audio_total_ms);
        }
    }
}

/* ---- history ---- */

static void on_history(struct rt_session *s, const struct call_signal *sig)
{
    struct rt_history *one = NULL, *all = NULL;
    struct rt_event e = session_blank(s, RT_EVENT_HISTORY_UPDATED);
    bool added = sig->kind == SIGNAL_HISTORY_ADDED;
    int err = sig->item ? history_of_item(sig->item, agent_name(s, sig->item->agent), &one) : 0;
    pthread_mutex_lock(&s->lock);
    if (err >= 0 && sig->kind == SIGNAL_HISTORY_REMOVED) {
        history_book_remove(&s->book, sig->index);
    } else if (err >= 0 && one) {
        err = history_book_put(&s->book, sig->index, !added, one);
    }
    if (err >= 0 && !added) {
        err = history_book_copy(&s->book, &all);
    }
    pthread_mutex_unlock(&s->lock);
    if (err >= 0 && added) {
        err = history_of_item(sig->item, agent_name(s, sig->item->agent), &all);
    }
    if (err < 0) {
        return; /* out of memory: the next update tells it */
    }
    if (added) {
        e.type = RT_EVENT_HISTORY_ADDED;
        e.name = rt_event_name(e.type);
        e.item = &all->items[0];
        e.item_id = e.item->item_id;
    } else {
        e.history = all;
    }
    session_event(s, &e, all, 0);
}

/* ---- signals ---- */

static enum rt_event_type type_of(enum call_signal_kind kind)
{
    switch (kind) {
    case SIGNAL_AGENT_START:
        return RT_EVENT_AGENT_START;
    case SIGNAL_AGENT_END:
        return RT_EVENT_AGENT_END;
    case SIGNAL_INTERRUPTED:
        return RT_EVENT_AUDIO_INTERRUPTED;
    case SIGNAL_TEXT:
        return RT_EVENT_TRANSCRIPT_DELTA;
    case SIGNAL_TEXT_END:
        return RT_EVENT_TRANSCRIPT_DONE;
    case SIGNAL_TOOL_START:
        return RT_EVENT_TOOL_START;
    case SIGNAL_TOOL_END:
        return RT_EVENT_TOOL_END;
    case SIGNAL_HANDOFF:
        return RT_EVENT_HANDOFF;
    case SIGNAL_GUARDRAIL:
        return RT_EVENT_GUARDRAIL_TRIPPED;
    case SIGNAL_IDLE_TIMEOUT:
        return RT_EVENT_INPUT_TIMEOUT;
    case SIGNAL_ERROR:
        return RT_EVENT_ERROR;
    case SIGNAL_AUDIO:
    case SIGNAL_AUDIO_END:
    case SIGNAL_AGENT_CHANGED:
    case SIGNAL_TOOL_APPROVAL: /* on_approval */
    case SIGNAL_HISTORY_ADDED:
    case SIGNAL_HISTORY_UPDATED:
    case SIGNAL_HISTORY_REMOVED:
    case CALL_SIGNAL_N:
        break;
    }
    return RT_EVENT_N;
}

/* The signal's text means different things. */
static void fill(struct rt_event *e, struct arena *a, const struct call_signal *sig)
{
    const char *text = text_of(a, sig->text), *name = text_of(a, sig->name);
    e->response_id = text_of(a, sig->response_id);
    e->item_id = text_of(a, sig->item_id);
    e->tool_call_id = text_of(a, sig->tool_call_id);
    e->heard_ms = sig->ms;
    switch (e->type) {
    case RT_EVENT_TOOL_START:
        e->tool_name = name;
        e->arguments = text;
        break;
    case RT_EVENT_TOOL_END:
        e->tool_name = name;
        e->output = text;
        break;
    case RT_EVENT_GUARDRAIL_TRIPPED:
        e->guardrail = name;
        e->message = text;
        break;
    case RT_EVENT_ERROR:
        e->code = name;
        e->text = text;
        e->err = -ERR_HTTP;
        break;
    default:
        e->text = text;
        break;
    }
}

/* ---- failures of tools ---- */

static void keep_failure(struct rt_session *s, struct str tool_call_id)
{
    char *slot = s->failed[s->n_failed++ % ARRAY_LEN(s->failed)];
    if (str_copy(slot, sizeof(s->failed[0]), tool_call_id) < 0) {
        slot[0] = '\0'; /* no id that the core would give */
    }
}

static bool has_failed(const struct rt_session *s, struct str tool_call_id)
{
    for (size_t i = 0; i < ARRAY_LEN(s->failed); i++) {
        if (tool_call_id.n > 0 && str_is(tool_call_id, s->failed[i])) {
            return true;
        }
    }
    return false;
}

static bool raises(const struct rt_session *s, struct str name)
{
    const struct graph *g = s->runner->graph;
    for (uint32_t i = 0; g && i < g->n; i++) {
        const struct rt_agent *a = g->agents[i].agent;
        for (uint32_t t = 0; t < a->n_tools; t++) {
            if (str_is(name, a->tools[t]->name)) {
                return a->tools[t]->failure == RT_TOOL_FAILURE_RAISE;
            }
        }
    }
    return false;
}

static void raise_failure(struct rt_session *s, struct str name, const char *code, int err)
{
    if (raises(s, name)) {
        struct arena a;
        struct rt_event e = session_blank(s, RT_EVENT_ERROR);
        arena_init(&a, LIBRARY_TEXT_MAX);
        e.tool_name = text_of(&a, name);
        e.text = e.tool_name;
        e.code = code;
        e.err = err;
        session_event(s, &e, NULL, 0);
        arena_done(&a);
    }
}

static void on_signal(struct rt_session *s, const struct call_signal *sig)
{
    enum rt_event_type type = type_of(sig->kind);
    struct arena a;
    if (sig->kind == SIGNAL_HISTORY_ADDED || sig->kind == SIGNAL_HISTORY_UPDATED ||
        sig->kind == SIGNAL_HISTORY_REMOVED) {
        on_history(s, sig);
    } else if (sig->kind == SIGNAL_AUDIO) {
        on_audio(s, sig);
    } else if (sig->kind == SIGNAL_AUDIO_END) {
        on_audio_end(s, sig);
    } else if (sig->kind == SIGNAL_AGENT_CHANGED) {
        s->agent = sig->to;
    }
    if (type == RT_EVENT_N) {
        return;
    }
    arena_init(&a, LIBRARY_TEXT_MAX);
    struct rt_event e = session_blank(s, type);
    fill(&e, &a, sig);
    if (type == RT_EVENT_HANDOFF) {
        e.from_agent = agent_name(s, sig->agent);
        e.to_agent = agent_name(s, sig->to);
        s->agent = sig->to;
    } else if (sig->agent < s->n_agents) {
        e.agent = agent_name(s, sig->agent);
    }
    if (type == RT_EVENT_AUDIO_INTERRUPTED) {
        s->audio_told = true; /* no end of an item that was cut */
        outbox_drop_audio(&s->outbox);
    }
    e.failed = type == RT_EVENT_TOOL_END && has_failed(s, sig->tool_call_id);
    session_event(s, &e, NULL, 0);
    if (e.failed) {
        raise_failure(s, sig->name, "tool-failed", -ERR_STATE);
    }
    arena_done(&a);
}

/* ---- the rest ---- */

static void on_usage(struct rt_session *s, const struct call_usage *u)
{
    struct rt_usage one = {
        .struct_size = sizeof(one),
        .responses = 1,
        .input_tokens = (uint64_t)u->in_text + u->in_audio,
        .output_tokens = (uint64_t)u->out_text + u->out_audio,
        .input_text_tokens = u->in_text,
        .input_audio_tokens = u->in_audio,
        .cached_text_tokens = u->cached_text,
        .cached_audio_tokens = u->cached_audio,
        .output_text_tokens = u->out_text,
        .output_audio_tokens = u->out_audio,
    };
    one.total_tokens = one.input_tokens + one.output_tokens;
    struct rt_usage *all = &s->usage;
    pthread_mutex_lock(&s->lock);
    all->responses++;
    all->input_tokens += one.input_tokens;
    all->output_tokens += one.output_tokens;
    all->total_tokens += one.total_tokens;
    all->input_text_tokens += one.input_text_tokens;
    all->input_audio_tokens += one.input_audio_tokens;
    all->cached_text_tokens += one.cached_text_tokens;
    all->cached_audio_tokens += one.cached_audio_tokens;
    all->output_text_tokens += one.output_text_tokens;
    all->output_audio_tokens += one.output_audio_tokens;
    pthread_mutex_unlock(&s->lock);
    struct rt_event e = session_blank(s, RT_EVENT_USAGE);
    e.usage = &one;
    session_event(s, &e, NULL, 0);
}

static void tell(struct rt_session *s, enum rt_event_type type, struct str text)
{
    struct arena a;
    struct rt_event e = session_blank(s, type);
    arena_init(&a, LIBRARY_TEXT_MAX);
    e.text = text_of(&a, text);
    session_event(s, &e, NULL, 0);
    arena_done(&a);
}

void session_raw(struct str text, void *arg)
{
    tell(arg, RT_EVENT_RAW_MODEL, text);
}

static void on_approval(struct rt_session *s, const struct call_action *act)
{
    struct arena a;
    struct rt_event e = session_blank(s, RT_EVENT_TOOL_APPROVAL_REQUIRED);
    arena_init(&a, LIBRARY_TEXT_MAX);
    e.tool_call_id = text_of(&a, act->tool_ask.tool_call_id);
    e.tool_name = text_of(&a, act->tool_ask.name);
    e.arguments = text_of(&a, act->tool_ask.arguments);
    session_waits(s, act->tool_ask.tool_call_id);
    session_event(s, &e, NULL, 0);
    arena_done(&a);
}

static void on_turn(struct rt_session *s, const struct call_turn *t)
{
    struct rt_event e = session_blank(s, RT_EVENT_TURN);
    e.latency_ms = call_turn_latency_ms(t);
    e.heard_ms = t->heard_ms;
    session_event(s, &e, NULL, 0);
}

static void on_action(struct rt_session *s, const struct call_action *act)
{
    if (act->type == ACT_TURN) {
        on_turn(s, &act->turn);
        return;
    }
    if (act->type == ACT_TOOL_APPROVAL) {
        on_approval(s, act);
    } else if (act->type == ACT_TOOL_DECIDED) {
        ignore_result(session_decided(s, act->tool_decided.tool_call_id)); /* by us, or by its deadline */
    } else if (act->type == ACT_LINE && act->line.who == PARTY_CALLER) {
        tell(s, RT_EVENT_INPUT_TRANSCRIPT, act->line.text);
    } else if (act->type == ACT_NOTE && act->note.note == NOTE_PAUSE) {
        outbox_drop_audio(&s->outbox);
        tell(s, RT_EVENT_AUDIO_PAUSED, STR(""));
    } else if (act->type == ACT_NOTE && act->note.note == NOTE_TOOL_TIMEOUT) {
        raise_failure(s, act->note.text, "tool-timeout", -ETIMEDOUT);
    } else if (act->type == ACT_NOTE && act->note.note == NOTE_RESUME) {
        tell(s, RT_EVENT_AUDIO_RESUMED, act->note.text);
    }
}

/* The history as it is at first, so that whoever shows it has something to show. */
static void tell_beginning(struct rt_session *s)
{
    struct rt_history *all = NULL;
    struct rt_event e = session_blank(s, RT_EVENT_HISTORY_UPDATED);
    pthread_mutex_lock(&s->lock);
    int err = history_book_copy(&s->book, &all);
    pthread_mutex_unlock(&s->lock);
    if (err >= 0) {
        e.history = all;
        session_event(s, &e, all, 0);
    }
}

static void on_ready(struct rt_session *s, const struct call_event *ev)
{
    s->model_out = ev->model_ready.out;
    tell(s, RT_EVENT_CONNECTION, STR("connected"));
    if (!s->was_live) {
        tell_beginning(s);
    }
    pthread_mutex_lock(&s->lock);
    s->was_live = true;
    if (s->state == SESSION_CONNECTING) {
        s->state = SESSION_LIVE;
        pthread_cond_broadcast(&s->news);
    }
    pthread_mutex_unlock(&s->lock);
}

static void on_failed(struct rt_session *s, const struct call_event *ev)
{
    struct buf text;
    buf_init(&text, sizeof(s->error));
    buf_put_str(&text,
                ev->model_failed.message.n > 0 ? ev->model_failed.message : str_from(err_text(ev->model_failed.err)));
    pthread_mutex_lock(&s->lock);
    s->end_err = ev->model_failed.err < 0 ? ev->model_failed.err : -ERR_CLOSED;
    wording_give(s->error, sizeof(s->error), buf_str(&text));
    pthread_mutex_unlock(&s->lock);
    buf_done(&text);
    tell(s, RT_EVENT_CONNECTION, STR("disconnected"));
}

void session_tap(const struct tap_event *e, void *arg)
{
    struct rt_session *s = arg;
    switch (e->kind) {
    case TAP_MODEL_READY:
        on_ready(s, e->ev);
        break;
    case TAP_MODEL_FAILED:
        on_failed(s, e->ev);
        break;
    case TAP_ACTION:
        on_action(s, e->action);
        break;
    case TAP_SIGNAL:
        if (e->action->type == ACT_SIGNAL) {
            on_signal(s, &e->action->signal);
        } else if (e->action->type == ACT_USAGE) {
            on_usage(s, &e->action->usage);
        }
        break;
    case TAP_END:
        session_ended(s, e->action);
        break;
    case TAP_TOOL_RESULT:
        if (e->ev->tool_result.failed) {
            keep_failure(s, e->ev->tool_result.tool_call_id);
        }
        break;
    case TAP_BEGIN:
    case TAP_LEG_START:
        break;
    }
}
