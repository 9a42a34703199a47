/* A call whose model sessions come and go, with ids and words of what is said, as its tests need them. */
#ifndef TESTS_CALL_SESSION_STAGE_H
#define TESTS_CALL_SESSION_STAGE_H

#include "stage.h"

static UNUSED void fail_session(uint32_t session, int err, const char *code, bool was_ready)
{
    struct call_event ev = {.type = EV_MODEL_FAILED};
    ev.model_failed.err = err;
    ev.model_failed.code = str_from(code);
    ev.model_failed.was_ready = was_ready;
    s.says = session;
    sim_event(&s, &ev);
}

static UNUSED void speech(enum call_event_type type, const char *id)
{
    struct call_event ev = {.type = type};
    ev.model_speech.item_id = str_from(id);
    sim_event(&s, &ev);
}

static UNUSED void words(const char *id, const char *text)
{
    struct call_event ev = {.type = EV_MODEL_USER_TEXT};
    ev.model_user_text.item_id = str_from(id);
    ev.model_user_text.text = str_from(text);
    sim_event(&s, &ev);
}

/* The service hears the caller, and then what was said; text NULL: not yet. */
static UNUSED void caller_says(const char *id, const char *text)
{
    speech(EV_MODEL_SPEECH_STARTED, id);
    later(800);
    speech(EV_MODEL_SPEECH_STOPPED, id);
    speech(EV_MODEL_COMMITTED, id);
    if (text) {
        words(id, text);
    }
}

static UNUSED void agent_says(const char *response, uint8_t item, uint32_t ms, const char *text)
{
    sim_created(&s, response);
    for (uint32_t done = 0; done < ms; done += 100) {
        sim_audio(&s, response, item, 100);
    }
    sim_audio_done(&s, response, item, text);
    sim_response_done(&s, response, RESPONSE_COMPLETED);
}

#endif
