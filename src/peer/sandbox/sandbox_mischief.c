/* Faults that concern responses: to which of them they apply, and what they do in the middle of one. */
#include "base/err.h"
#include "peer/sandbox/sandbox_session_impl.h"

bool mischief(const struct sandbox_session *s, const struct response *r, enum sandbox_fault fault)
{
    return r->faulty && s->faults.on[fault];
}

uint32_t mischief_number(const struct sandbox_session *s, const struct response *r, enum sandbox_fault fault)
{
    return r->faulty ? fault_number(&s->faults, fault) : 0;
}

bool mischief_next(struct sandbox_session *s)
{
    uint32_t i = s->responses_asked++;
    uint32_t after = fault_number(&s->faults, FAULT_AFTER);
    return i >= after && (!s->faults.on[FAULT_TIMES] || i - after < fault_number(&s->faults, FAULT_TIMES));
}

/* ---- once per response ---- */

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

static void send_error(struct sandbox_session *s)
{
    struct openai_server_error e;
    openai_server_error_set(&e, s->faults.value[FAULT_ERROR], NULL,
                            "The server had an error while processing your request.");
    e.type = "server_error";
    session_error(s, &e, STR_NULL);
}

void mischief_midway(struct sandbox_session *s, struct response *r)
{
    static const uint8_t bytes[] = {0, 1, 2, 0xff};
    if (r->midway_done) {
        return;
    }
    r->midway_done = true;
    if (mischief(s, r, FAULT_UNKNOWN)) {
        send_unknown(s, r);
    }
    if (mischief(s, r, FAULT_HUGE)) {
        send_huge(s, r);
    }
    if (mischief(s, r, FAULT_ERROR)) {
        send_error(s);
    }
    if (mischief(s, r, FAULT_BAD_JSON)) {
        buf_puts(session_begin(s), "{\"type\":\"response.output_audio.delta\",");
        session_send(s);
    }
    if (mischief(s, r, FAULT_BINARY)) {
        s->host->send_binary(span_from(bytes, sizeof(bytes)), s->arg);
    }
    if (mischief(s, r, FAULT_CLOSE)) {
        session_close(s, (uint16_t)fault_number(&s->faults, FAULT_CLOSE), STR("told to close"));
    } else if (mischief(s, r, FAULT_DROP)) {
        session_close(s, 0, STR("told to drop"));
    }
}

void mischief_put_bad_audio(struct sandbox_session *s, const struct response *r, const struct openai_server_ref *ref)
{
    buf_printf(session_begin(s),
               "{\"type\":\"response.output_audio.delta\",\"event_id\":\"" STR_FMT
               "\",\"response_id\":\"%s\",\"item_id\":\"" STR_FMT
               "\",\"output_index\":%u,\"content_index\":0,\"delta\":\"!!not*base64!!\"}",
               STR_ARG(session_event_id(s)), r->id, STR_ARG(ref->item_id), ref->output_index);
}

/* ---- after a response ---- */

struct leftover mischief_leftover(const struct sandbox_session *s, const struct response *r)
{
    struct leftover l = {0};
    if (mischief(s, r, FAULT_LATE_AUDIO) && r->message.open && r->message.clip) {
        l.clip = clip_ref(r->message.clip);
        memcpy(l.response_id, r->id, sizeof(l.response_id));
        memcpy(l.item_id, response_item(r)->id, sizeof(l.item_id));
    }
    return l;
}

void mischief_send_leftover(struct sandbox_session *s, struct leftover *l)
{
    struct openai_server_ref ref = {.response_id = str_from(l->response_id), .item_id = str_from(l->item_id)};
    for (int i = 0; l->clip && i < 3; i++) {
        size_t n = MIN(l->clip->audio.n, (size_t)100 * clip_bytes_per_ms(l->clip->format));
        openai_server_put_audio(session_begin(s), session_event_id(s), &ref, span_from(l->clip->audio.p, n));
        session_send(s);
        openai_server_put_text(session_begin(s), session_event_id(s), OPENAI_TRANSCRIPT_DELTA, &ref, STR(" late"));
        session_send(s);
    }
    l->clip = clip_unref(l->clip);
}
