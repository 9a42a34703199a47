#include "gateway/event_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"

#define MAX_VIEWS (16 + 2 * CALL_MAX_PARTS)

struct queued_event {
    struct queued_event *next;
    struct call_event ev;
    struct call_item item; /* what ev points at, when it does */
    uint8_t bytes[];       /* all that ev's views point at */
};

/* The views inside an event, by type; spans count as strings here. */
struct views {
    struct str *strs[MAX_VIEWS];
    struct span *span;
    const struct call_item **item; /* where the event keeps it */
    size_t n;
};

static void add(struct views *v, struct str *s)
{
    v->strs[v->n++] = s;
}

static void add_item(struct views *v, struct call_item *it)
{
    struct str *texts[] = {&it->id,        &it->previous_id, &it->call_id, &it->name,
                           &it->arguments, &it->output,      &it->unheard};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        add(v, texts[i]);
    }
    for (uint32_t i = 0; i < it->n_parts; i++) {
        add(v, &it->parts[i].text);
        add(v, &it->parts[i].detail);
    }
}

/* Flat and exhaustive, so that the compiler names an event that is missing here. */
static void find_views(struct call_event *ev, struct views *v)
{
    switch (ev->type) {
    case EV_LEG_START:
        add(v, &ev->leg_start.stream_id);
        add(v, &ev->leg_start.carrier_call_id);
        add(v, &ev->leg_start.caller);
        add(v, &ev->leg_start.called);
        break;
    case EV_LEG_MEDIA:
        v->span = &ev->leg_media.audio;
        break;
    case EV_MODEL_READY:
        add(v, &ev->model_ready.session_id);
        add(v, &ev->model_ready.model);
        add(v, &ev->model_ready.voice);
        break;
    case EV_MODEL_FAILED:
        add(v, &ev->model_failed.code);
        add(v, &ev->model_failed.message);
        break;
    case EV_MODEL_SPEECH_STARTED:
    case EV_MODEL_SPEECH_STOPPED:
    case EV_MODEL_COMMITTED:
        add(v, &ev->model_speech.item_id);
        break;
    case EV_MODEL_USER_TEXT:
        add(v, &ev->model_user_text.item_id);
        add(v, &ev->model_user_text.text);
        break;
    case EV_MODEL_USER_DELTA:
        add(v, &ev->model_user_text.item_id);
        add(v, &ev->model_user_text.text);
        break;
    case EV_MODEL_ITEM:
        add(v, &ev->model_item.response_id);
        v->item = &ev->model_item.item;
        break;
    case EV_MODEL_ITEM_DELETED:
    case EV_MODEL_ITEM_TRUNCATED:
        add(v, &ev->model_item_gone.item_id);
        break;
    case EV_MODEL_RESPONSE_CREATED:
        add(v, &ev->model_response.response_id);
        break;
    case EV_MODEL_ITEM_ADDED:
        add(v, &ev->model_item_added.response_id);
        add(v, &ev->model_item_added.item_id);
        break;
    case EV_MODEL_AUDIO:
    case EV_MODEL_AUDIO_DONE:
        v->span = &ev->model_audio.audio;
        add(v, &ev->model_audio.response_id);
        add(v, &ev->model_audio.item_id);
        break;
    case EV_MODEL_TEXT_DELTA:
    case EV_MODEL_TEXT_DONE:
        add(v, &ev->model_text.response_id);
        add(v, &ev->model_text.item_id);
        add(v, &ev->model_text.text);
        break;
    case EV_MODEL_TOOL_CALL:
        add(v, &ev->model_tool.response_id);
        add(v, &ev->model_tool.item_id);
        add(v, &ev->model_tool.tool_call_id);
        add(v, &ev->model_tool.name);
        add(v, &ev->model_tool.arguments);
        break;
    case EV_MODEL_RESPONSE_DONE:
        add(v, &ev->model_done.response_id);
        add(v, &ev->model_done.reason);
        break;
    case EV_MODEL_ERROR:
        add(v, &ev->model_error.code);
        add(v, &ev->model_error.message);
        add(v, &ev->model_error.param);
        break;
    case EV_TOOL_CHECKED:
        add(v, &ev->tool_checked.tool_call_id);
        add(v, &ev->tool_checked.output);
        break;
    case EV_TOOL_APPROVAL:
        add(v, &ev->tool_approval.tool_call_id);
        add(v, &ev->tool_approval.message);
        break;
    case EV_TOOL_RESULT:
        add(v, &ev->tool_result.tool_call_id);
        add(v, &ev->tool_result.output);
        break;
    case EV_GUARD:
        add(v, &ev->guard.info);
        break;
    case EV_LEG_TRANSFER_FAILED:
        add(v, &ev->leg_transfer_failed.message);
        break;
    case EV_CONTROL_TRANSFER:
        add(v, &ev->control_transfer.tool_call_id);
        add(v, &ev->control_transfer.to);
        add(v, &ev->control_transfer.name);
        break;
    case EV_CONTROL_KEYS:
        add(v, &ev->control_keys.tool_call_id);
        add(v, &ev->control_keys.keys);
        break;
    case EV_CONTROL_VOICEMAIL:
        add(v, &ev->control_voicemail.text);
        v->span = &ev->control_voicemail.sound;
        break;
    case EV_CONTROL_USER_TEXT:
        add(v, &ev->control_text.text);
        break;
    case EV_CONTROL_INTERRUPT:
        add(v, &ev->control_interrupt.response_id);
        break;
    case EV_CONTROL_RESPOND:
        add(v, &ev->control_respond.instructions);
        break;
    case EV_CONTROL_SAY:
        add(v, &ev->control_say.text);
        break;
    case EV_CONTROL_MESSAGE:
        v->item = &ev->control_message.item;
        break;
    case EV_CONTROL_AGENT:
        add(v, &ev->control_agent.instructions);
        break;
    case EV_MODEL_UPDATED:
    case EV_MODEL_TOOL_WITHDRAWN:
        add(v, &ev->model_withdrawn.tool_call_id);
        break;
    case EV_MODEL_IDLE:
    case EV_MODEL_USAGE:
    case EV_MODEL_LEAVING:
    case EV_MODEL_RESUMABLE:
    case EV_CONTROL_COMMIT:
    case EV_CONTROL_ENABLE:
    case EV_BEGIN:
    case EV_TICK:
    case EV_VAD:
    case EV_CONTROL_TURN:
    case EV_CONTROL_SHED:
    case EV_LEG_MARK:
    case EV_LEG_DTMF:
    case EV_LEG_STOP:
    case EV_LEG_CLOSED:
    case EV_CONTROL_HANGUP:
    case EV_CONTROL_RENEW:
    case CALL_EVENT_N:
        break;
    }
}

/* All views of the event in e, whose item (if any) is copied into e first. */
static void own_views(struct queued_event *e, struct views *v)
{
    *v = (struct views){.n = 0};
    find_views(&e->ev, v);
    if (v->item && *v->item) {
        e->item = **v->item;
        *v->item = &e->item;
        add_item(v, &e->item);
    }
}

static size_t bytes_of(const struct call_event *ev)
{
    struct call_event copy = *ev;
    struct call_item item;
    struct views v = {.n = 0};
    find_views(&copy, &v);
    if (v.item && *v.item) {
        item = **v.item;
        add_item(&v, &item);
    }
    size_t bytes = v.span ? v.span->n : 0;
    for (size_t i = 0; i < v.n; i++) {
        bytes += v.strs[i]->n;
    }
    return bytes;
}

int event_queue_put(struct event_queue *q, const struct call_event *ev)
{
    struct views v;
    struct queued_event *e = malloc(sizeof(*e) + bytes_of(ev));
    if (!e) {
        return -ENOMEM;
    }
    e->next = NULL;
    e->ev = *ev;
    own_views(e, &v);
    uint8_t *at = e->bytes;
    for (size_t i = 0; i < v.n; i++) {
        if (v.strs[i]->n > 0) {
            memcpy(at, v.strs[i]->p, v.strs[i]->n);
            v.strs[i]->p = (const char *)at;
            at += v.strs[i]->n;
        }
    }
    if (v.span && v.span->n > 0) {
        memcpy(at, v.span->p, v.span->n);
        v.span->p = at;
    }
    if (!q->end) {
        q->end = &q->first;
    }
    *q->end = e;
    q->end = &e->next;
    return 0;
}

struct queued_event *event_queue_take(struct event_queue *q, const struct call_event **ret)
{
    struct queued_event *e = q->first;
    if (e) {
        q->first = e->next;
        if (!q->first) {
            q->end = &q->first;
        }
        *ret = &e->ev;
    }
    return e;
}

struct queued_event *queued_event_free(struct queued_event *e)
{
    free(e);
    return NULL;
}

void event_queue_done(struct event_queue *q)
{
    const struct call_event *ev;
    struct queued_event *e;
    while ((e = event_queue_take(q, &ev))) {
        queued_event_free(e);
    }
}
