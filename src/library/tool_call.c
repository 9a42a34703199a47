#include "library/tool_call.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

#define WHY_MAX 8192

/* The program's view of a use is the very same object. */
static struct rt_tool_call *public_of(struct code_call *call)
{
    return (struct rt_tool_call *)(void *)call;
}

static struct code_call *call_of(struct rt_tool_call *call)
{
    return (struct code_call *)(void *)call;
}

static const struct code_call *const_of(const struct rt_tool_call *call)
{
    return (const struct code_call *)(const void *)call;
}

void tool_call_run(struct code_call *call, void *arg)
{
    const struct rt_tool *tool = arg;
    if (tool->enabled && tool->enabled(tool->enabled_arg) <= 0) { /* it was, when the model was told of it */
        ignore_result(code_answer(call, STR("{\"error\":\"The tool is not available now.\"}"), true));
        return;
    }
    tool->fn(public_of(call), tool->arg);
}

bool tool_call_asks(const struct code_call *call, void *arg)
{
    const struct rt_tool *tool = arg;
    return tool->ask((const struct rt_tool_call *)(const void *)call, tool->ask_arg) != 0;
}

const char *rt_tool_call_name(const struct rt_tool_call *call)
{
    return code_name(const_of(call));
}

const char *rt_tool_call_id(const struct rt_tool_call *call)
{
    return code_tool_call_id(const_of(call));
}

const char *rt_tool_call_arguments(const struct rt_tool_call *call)
{
    return code_arguments(const_of(call));
}

const char *rt_tool_call_agent(const struct rt_tool_call *call)
{
    return code_agent(const_of(call));
}

const char *rt_tool_call_session_id(const struct rt_tool_call *call)
{
    return code_call_id(const_of(call));
}

void *rt_tool_call_context(const struct rt_tool_call *call)
{
    return code_context(const_of(call));
}

int rt_tool_call_cancelled(const struct rt_tool_call *call)
{
    return code_cancelled(const_of(call));
}

int rt_tool_call_done(struct rt_tool_call *call, const char *output)
{
    return code_answer(call_of(call), str_from(output ? output : ""), false);
}

int rt_tool_call_fail(struct rt_tool_call *call, const char *why)
{
    struct buf text;
    buf_init(&text, WHY_MAX);
    buf_puts(&text, "{\"error\":");
    json_put_quoted(&text, str_from(why ? why : "The tool failed."));
    buf_putc(&text, '}');
    int err = code_answer(call_of(call), text.err < 0 ? STR("{\"error\":\"The tool failed.\"}") : buf_str(&text), true);
    buf_done(&text);
    return err;
}
