/* What the session inside says, in the words and the order of Gemini Live. */
#include <stdio.h>

#include "base/err.h"
#include "peer/sandbox/sandbox_live_impl.h"

#define TOKENS_PER_S 25  /* of audio, either way */
#define TEXT_TOKENS  312 /* instructions and tools; nobody counts them */

static uint32_t tokens(uint64_t ms)
{
    return (uint32_t)(ms * TOKENS_PER_S / 1000);
}

/* ---- turns ---- */

static void open_turn(struct live *l)
{
    if (!l->turn_open) {
        l->turn_open = true;
        l->turn_audio_ms = 0;
        l->heard_us = l->now_us;
    }
}

void live_turn_over(struct live *l, struct str reason)
{
    l->turn_over_us = UINT64_MAX;
    l->turn_open = false;
    live_send_content(l, &(struct gemini_server_content){.turn_complete = true,
                                                         .reason = reason,
                                                         .usage = true,
                                                         .prompt_text = TEXT_TOKENS,
                                                         .prompt_audio = tokens(l->prompt_audio_ms),
                                                         .response_audio = tokens(l->turn_audio_ms)});
    l->prompt_audio_ms += l->turn_audio_ms; /* every turn is billed for what was said before it */
    l->turn_audio_ms = 0;
    if (l->resumable) {
        live_new_handle(l);
    }
    if (l->again && !l->closed) {
        l->again = false;
        live_tell_type(l, "response.create");
    }
}

/* Words without sound go out when there is nothing that they could ride on. */
static void flush_said(struct live *l)
{
    if (l->said.len > 0 && l->says) {
        live_send_content(l, &(struct gemini_server_content){.said = buf_str(&l->said)});
    }
    buf_clear(&l->said);
}

static void on_audio(struct live *l, struct str base64)
{
    uint32_t ms = (uint32_t)(base64.n / 4 * 3 / (GEMINI_OUT_HZ / 1000 * 2));
    open_turn(l);
    l->turn_audio_ms += ms;
    l->heard_us += (uint64_t)ms * 1000;
    live_send_content(l,
                      &(struct gemini_server_content){.audio = base64, .said = l->says ? buf_str(&l->said) : STR("")});
    buf_clear(&l->said);
}

/* ---- tools ---- */

static void on_call(struct live *l, const struct openai_item *item)
{
    for (size_t i = 0; i < LIVE_CALLS; i++) {
        struct live_call *c = &l->calls[i];
        if (!c->used) {
            c->used = true;
            buf_init(&c->args, LIVE_TEXT);
            buf_put_str(&c->args, item->arguments);
            ignore_result(str_copy(c->id, sizeof(c->id), item->call_id)); /* of our own making: they fit */
            ignore_result(str_copy(c->name, sizeof(c->name), item->name));
            return;
        }
    }
}

/* All calls of a response come in one message. */
static bool tell_calls(struct live *l)
{
    struct gemini_server_call calls[LIVE_CALLS];
    size_t n = 0;
    for (size_t i = 0; i < LIVE_CALLS; i++) {
        struct live_call *c = &l->calls[i];
        if (c->used && !c->told) {
            c->told = true;
            calls[n++] = (struct gemini_server_call){str_from(c->id), str_from(c->name), buf_str(&c->args)};
        }
    }
    if (n > 0) {
        open_turn(l);
        gemini_server_put_calls(&l->out, calls, n);
        live_send(l);
    }
    return n > 0;
}

/* ---- ends ---- */

static void on_done(struct live *l, const struct openai_response *r)
{
    l->generating = false;
    flush_said(l);
    if (r->status == OPENAI_STATUS_CANCELLED) {
        return; /* whoever cut it told */
    }
    if (r->status == OPENAI_STATUS_FAILED) {
        live_turn_over(l, STR("RESPONSE_REJECTED"));
        return;
    }
    if (tell_calls(l) && l->blocking) {
        return; /* the turn goes on with the answers */
    }
    live_send_content(l, &(struct gemini_server_content){.generation_complete = true});
    l->turn_over_us = l->turn_open ? MAX(l->heard_us, l->now_us) : l->now_us;
}

static void on_speech(struct live *l, bool start, uint64_t at_ms)
{
    bool talks = l->turn_open;
    if (l->family != LIVE_25) {
        gemini_server_put_voice(&l->out, start, at_ms);
        live_send(l);
    }
    if (start && talks && !l->no_interruption) {
        l->generating = false; /* the inside has cancelled it by itself */
        live_interrupt(l);
    }
}

static void on_heard(struct live *l, struct str text)
{
    if (l->hears && text.n > 0) {
        live_send_content(l, &(struct gemini_server_content){.heard = text});
    }
}

void live_on_event(struct live *l, struct str json)
{
    struct openai_event e;
    if (l->quiet || l->closed || !l->host || openai_decode(json, &l->scratch, &e, NULL) < 0) {
        return;
    }
    switch ((int)e.type) {
    case OPENAI_RESPONSE_CREATED:
        l->generating = true;
        buf_clear(&l->said);
        break;
    case OPENAI_AUDIO_DELTA:
        on_audio(l, e.text);
        break;
    case OPENAI_TRANSCRIPT_DELTA:
    case OPENAI_TEXT_DELTA:
        buf_put_str(&l->said, e.text);
        break;
    case OPENAI_OUTPUT_ITEM_DONE:
        if (e.item.type == OPENAI_ITEM_FUNCTION_CALL) {
            on_call(l, &e.item);
        }
        break;
    case OPENAI_RESPONSE_DONE:
        on_done(l, &e.response);
        break;
    case OPENAI_SPEECH_STARTED:
        on_speech(l, true, e.audio.start_ms);
        break;
    case OPENAI_SPEECH_STOPPED:
        on_speech(l, false, e.audio.end_ms);
        break;
    case OPENAI_INPUT_TRANSCRIPT_DONE:
        on_heard(l, e.text);
        break;
    default: /* has no counterpart */
        break;
    }
}
