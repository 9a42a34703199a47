/* What a program says to a live session: audio, messages, agents, decisions. Any thread. */
#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "library/session_order.h"

#define AUDIO_MAX_MS 10000
#define MESSAGE_MAX  (256u << 10)

/* ---- what the user says ---- */

static int say_audio(struct order *o, struct host *h)
{
    struct rt_session *s = o->s;
    if (!h || !s->leg) {
        session_audio_taken(s, o->bytes);
        return -ERR_CLOSED;
    }
    if (s->manual && !s->turn_open && o->bytes > 0) {
        s->turn_open = true;
        host_turn(h, TURN_CUE_START);
    }
    if (o->bytes > 0 && embedded_audio(s->leg, span_from(o->audio, o->bytes)) < 0) {
        session_audio_taken(s, o->bytes);
        return -ENOMEM;
    }
    if (o->commit && s->leg) {
        embedded_commit(s->leg);
    }
    return 0;
}

int rt_session_send_audio(struct rt_session *session, const void *audio, size_t bytes, int commit)
{
    struct rt_session *s = session;
    if (!s || (!audio && bytes > 0) || bytes % audio_sample_bytes(s->format) != 0) {
        return -EINVAL;
    }
    size_t max = (size_t)AUDIO_MAX_MS * audio_bytes_per_ms(s->format);
    pthread_mutex_lock(&s->lock);
    int err = s->state != SESSION_LIVE ? -ERR_CLOSED : s->audio_waiting + bytes > max ? -EAGAIN : 0;
    s->audio_waiting += err < 0 ? 0 : bytes;
    pthread_mutex_unlock(&s->lock);
    if (err < 0) {
        return err;
    }
    struct order *o = order_new(s, say_audio);
    uint8_t *copy = o ? malloc(MAX(bytes, (size_t)1)) : NULL;
    if (!copy) {
        if (o) {
            order_free(o);
        }
        session_audio_taken(s, bytes);
        return -ENOMEM;
    }
    if (bytes > 0) {
        memcpy(copy, audio, bytes);
    }
    o->audio = copy;
    o->bytes = bytes;
    o->commit = commit != 0;
    err = order_give(o, false);
    if (err < 0) { /* it was never carried out */
        session_audio_taken(s, bytes);
    }
    return err;
}

static int keep_part(struct order *o, size_t i, enum part_kind kind, const char *text, const char *detail)
{
    struct call_part *part = &o->item.parts[o->item.n_parts];
    o->texts[i * 2] = str_dup(str_from(text));
    o->texts[i * 2 + 1] = str_dup(str_from(detail ? detail : ""));
    if (!o->texts[i * 2] || !o->texts[i * 2 + 1]) {
        return -ENOMEM;
    }
    *part = (struct call_part){kind, str_from(o->texts[i * 2]), str_from(o->texts[i * 2 + 1])};
    o->item.n_parts++;
    return 0;
}

static int message(struct order *o, struct host *h)
{
    o->ev.control_message.item = &o->item;
    if (h && host_control_refused(h, &o->ev)) {
        return -ERR_RANGE; /* nobody waits: the event tells it */
    }
    return order_control(o, h);
}

int rt_session_send_parts(struct rt_session *session, const struct rt_part *parts, size_t count)
{
    size_t bytes = 0;
    if (!session || !parts || count == 0 || count > ORDER_PARTS) {
        return count > ORDER_PARTS ? -ERR_TOO_BIG : -EINVAL;
    }
    struct order *o = order_new(session, message);
    int err = o ? 0 : -ENOMEM;
    for (size_t i = 0; i < count && err >= 0; i++) {
        const struct rt_part *p = &parts[i];
        const char *text = p->kind == RT_PART_TEXT ? p->text : p->url;
        if (!text || !*text || !utf8_valid(str_from(text))) {
            continue; /* left out, as said */
        }
        bytes += strlen(text);
        err = bytes > MESSAGE_MAX * (p->kind == RT_PART_IMAGE ? 64u : 1u) ? -ERR_TOO_BIG : 0;
        err = err < 0 ? err : keep_part(o, i, p->kind == RT_PART_TEXT ? PART_TEXT : PART_IMAGE, text, p->detail);
    }
    if (err >= 0 && o->item.n_parts == 0) {
        err = -EINVAL;
    }
    if (err < 0) {
        if (o) {
            order_free(o);
        }
        return err;
    }
    o->item.type = ITEM_MESSAGE;
    o->item.role = ITEM_USER;
    o->ev.type = EV_CONTROL_MESSAGE;
    o->ev.control_message.respond = true;
    return order_ask(o, false);
}

int rt_session_send_message(struct rt_session *session, const char *text)
{
    return rt_session_send_parts(session, &(struct rt_part){.kind = RT_PART_TEXT, .text = text}, 1);
}

static int ask_event(struct rt_session *s, enum call_event_type type)
{
    struct order *o = s ? order_new(s, order_control) : NULL;
    if (o) {
        o->ev.type = type;
    }
    return s ? order_ask(o, false) : -EINVAL;
}

int rt_session_generate_response(struct rt_session *session)
{
    return ask_event(session, EV_CONTROL_RESPOND);
}

int rt_session_interrupt(struct rt_session *session)
{
    return ask_event(session, EV_CONTROL_INTERRUPT);
}

int rt_session_reconnect(struct rt_session *session)
{
    return ask_event(session, EV_CONTROL_RENEW);
}

/* ---- agents ---- */

static int switch_agent(struct order *o, struct host *h)
{
    struct rt_session *s = o->s;
    for (uint32_t i = 0; i < s->n_agents; i++) {
        if (strcmp(s->agents[i], o->texts[0]) == 0) {
            o->ev.type = EV_CONTROL_AGENT;
            o->ev.control_agent.agent = i;
            o->ev.control_agent.instructions = str_from(o->texts[1]);
            return order_control(o, h);
        }
    }
    return -ENOENT;
}

/* Takes instructions; NULL: as they were at the beginning. */
static int ask_agent(struct rt_session *s, const char *name, char *instructions)
{
    struct order *o = order_new(s, switch_agent);
    if (!o) {
        free(instructions);
        return -ENOMEM;
    }
    o->texts[0] = str_dup(str_from(name));
    o->texts[1] = instructions ? instructions : str_dup(STR(""));
    if (!o->texts[0] || !o->texts[1]) {
        order_free(o);
        return -ENOMEM;
    }
    return order_ask(o, true);
}

int rt_session_switch_agent(struct rt_session *session, const char *name)
{
    return session && name ? ask_agent(session, name, NULL) : -EINVAL;
}

int rt_session_update_agent(struct rt_session *session, const struct rt_agent *agent)
{
    char *instructions = NULL;
    if (!session || !agent) {
        return -EINVAL;
    }
    if (session->runner->graph && graph_find(session->runner->graph, agent->name) == UINT32_MAX) {
        return -ENOENT;
    }
    int err = derive_instructions(agent, &instructions);
    return err < 0 ? err : ask_agent(session, agent->name, instructions);
}

/* ---- approvals ---- */

static int decide(struct order *o, struct host *h)
{
    if (!session_decided(o->s, o->ev.tool_approval.tool_call_id)) {
        return -ENOENT;
    }
    return order_control(o, h);
}

static int ask_decision(struct rt_session *s, const char *tool_call_id, bool approve, int always, const char *message)
{
    struct order *o = s && tool_call_id ? order_new(s, decide) : NULL;
    if (!o) {
        return s && tool_call_id ? -ENOMEM : -EINVAL;
    }
    o->texts[0] = str_dup(str_from(tool_call_id));
    o->texts[1] = str_dup(str_from(message ? message : ""));
    if (!o->texts[0] || !o->texts[1]) {
        order_free(o);
        return -ENOMEM;
    }
    o->ev.type = EV_TOOL_APPROVAL;
    o->ev.tool_approval.tool_call_id = str_from(o->texts[0]);
    o->ev.tool_approval.approve = approve;
    o->ev.tool_approval.always = always != 0;
    o->ev.tool_approval.message = str_from(o->texts[1]);
    return order_ask(o, true);
}

int rt_session_approve(struct rt_session *session, const char *tool_call_id, int always)
{
    return ask_decision(session, tool_call_id, true, always, NULL);
}

int rt_session_reject(struct rt_session *session, const char *tool_call_id, int always, const char *message)
{
    return ask_decision(session, tool_call_id, false, always, message);
}
