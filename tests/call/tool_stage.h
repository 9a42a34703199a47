/* A call with tools of given rules, and what its tests do with them. */
#ifndef TESTS_CALL_TOOL_STAGE_H
#define TESTS_CALL_TOOL_STAGE_H

#include "stage.h"

static uint32_t spoken; /* items of the caller so far */

/* Two tools with these rules, a third without any, and end_call. */
static UNUSED void up(const struct tool_rules *rules)
{
    sim_init(&s);
    spoken = 0;
    s.delay_us = 40000;
    s.opts.greeting.kind = GREETING_NONE;
    s.opts.tools[0].rules = *rules;
    s.opts.tools[2] = (struct call_tool){.name = STR("refund"), .parameters = STR("{}"), .rules = *rules};
    s.opts.tools[3] = (struct call_tool){.name = STR("plain"), .parameters = STR("{}")};
    s.opts.n_tools = 4;
    raise_curtain(true, true);
}

/* The caller says something; its transcript comes with said, or later when that is NULL. Gives the item's id. */
static UNUSED const char *says(const char *said)
{
    static char id[16];
    struct call_event ev = {.type = EV_MODEL_COMMITTED};
    sim_speech(&s, EV_MODEL_SPEECH_STARTED);
    later(400);
    sim_speech(&s, EV_MODEL_SPEECH_STOPPED);
    snprintf(id, sizeof(id), "u%u", 100 + spoken++);
    ev.model_speech.item_id = str_from(id);
    sim_event(&s, &ev);
    if (said) {
        ev = (struct call_event){.type = EV_MODEL_USER_TEXT};
        ev.model_user_text.item_id = str_from(id);
        ev.model_user_text.text = str_from(said);
        sim_event(&s, &ev);
    }
    return id;
}

static UNUSED void transcript(const char *id, const char *text, bool failed)
{
    struct call_event ev = {.type = EV_MODEL_USER_TEXT};
    ev.model_user_text.item_id = str_from(id);
    ev.model_user_text.text = str_from(text);
    ev.model_user_text.failed = failed;
    sim_event(&s, &ev);
}

static UNUSED void call_tool(const char *response, const char *id, const char *name, const char *arguments)
{
    struct call_event ev = {.type = EV_MODEL_TOOL_CALL};
    ev.model_tool.response_id = str_from(response);
    ev.model_tool.item_id = STR("f1");
    ev.model_tool.tool_call_id = str_from(id);
    ev.model_tool.name = str_from(name);
    ev.model_tool.arguments = str_from(arguments);
    sim_event(&s, &ev);
}

static UNUSED void result(const char *id, const char *output)
{
    struct call_event ev = {.type = EV_TOOL_RESULT};
    ev.tool_result.tool_call_id = str_from(id);
    ev.tool_result.output = str_from(output);
    sim_event(&s, &ev);
}

static UNUSED void decide(const char *id, bool approve, bool always, const char *message)
{
    struct call_event ev = {.type = EV_TOOL_APPROVAL};
    ev.tool_approval.tool_call_id = str_from(id);
    ev.tool_approval.approve = approve;
    ev.tool_approval.always = always;
    ev.tool_approval.message = str_from(message);
    sim_event(&s, &ev);
}

static UNUSED void checked(const char *id, enum tool_check check, const char *output)
{
    struct call_event ev = {.type = EV_TOOL_CHECKED};
    ev.tool_checked.tool_call_id = str_from(id);
    ev.tool_checked.check = check;
    ev.tool_checked.output = str_from(output);
    sim_event(&s, &ev);
}

/* A response with 300 ms of speech, heard to its end. */
static UNUSED void speaks(const char *response, uint8_t item)
{
    sim_created(&s, response);
    sim_audio(&s, response, item, 300);
    sim_audio_done(&s, response, item, "Some words.");
    sim_response_done(&s, response, RESPONSE_COMPLETED);
    later(600);
}

/* The caller asks for something, and the model calls this tool without a word. */
static UNUSED void asks_tool(const char *response, const char *id, const char *name, const char *arguments)
{
    says("please do something");
    sim_created(&s, response);
    call_tool(response, id, name, arguments);
    sim_response_done(&s, response, RESPONSE_COMPLETED);
}

static UNUSED const struct tool_rules plain = {0};
static UNUSED const struct tool_rules always = {.approval = {.kind = APPROVAL_ALWAYS, .timeout_ms = 20000}};
static UNUSED const struct tool_rules when = {.approval = {.kind = APPROVAL_WHEN, .timeout_ms = 20000}};
static UNUSED const struct tool_rules by_voice = {.approval = {.kind = APPROVAL_SPOKEN}};

#endif
