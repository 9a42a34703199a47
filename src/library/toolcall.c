#include "base/err.h"
#include "ringtrip/tool.h"

const char *rt_tool_call_name(const struct rt_tool_call *call)
{
    (void)call;
    return "";
}

const char *rt_tool_call_id(const struct rt_tool_call *call)
{
    (void)call;
    return "";
}

const char *rt_tool_call_arguments(const struct rt_tool_call *call)
{
    (void)call;
    return "";
}

const char *rt_tool_call_agent(const struct rt_tool_call *call)
{
    (void)call;
    return "";
}

const char *rt_tool_call_session_id(const struct rt_tool_call *call)
{
    (void)call;
    return "";
}

void *rt_tool_call_context(const struct rt_tool_call *call)
{
    (void)call;
    return NULL;
}

int rt_tool_call_cancelled(const struct rt_tool_call *call)
{
    (void)call;
    return 0;
}

int rt_tool_call_done(struct rt_tool_call *call, const char *output)
{
    (void)call;
    (void)output;
    return -ENOSYS;
}

int rt_tool_call_fail(struct rt_tool_call *call, const char *why)
{
    return rt_tool_call_done(call, why);
}
