#include "ringtrip/session.h"
#include "base/err.h"

int rt_session_new(struct rt_runner *runner, const struct rt_session_opts *opts, struct rt_session **ret)
{
    (void)runner;
    (void)opts;
    (void)ret;
    return -ENOSYS;
}

int rt_session_free(struct rt_session *session)
{
    (void)session;
    return -ENOSYS;
}

int rt_session_connect(struct rt_session *session)
{
    (void)session;
    return -ENOSYS;
}

const char *rt_session_error(struct rt_session *session)
{
    (void)session;
    return "";
}

int rt_session_close(struct rt_session *session)
{
    (void)session;
    return -ENOSYS;
}

const char *rt_session_id(const struct rt_session *session)
{
    (void)session;
    return "";
}

void *rt_session_context(const struct rt_session *session)
{
    (void)session;
    return NULL;
}

int rt_session_next_event(struct rt_session *session, int timeout_ms, struct rt_event **ret)
{
    (void)session;
    (void)timeout_ms;
    (void)ret;
    return -ENOSYS;
}

int rt_session_fd(const struct rt_session *session)
{
    (void)session;
    return -ENOSYS;
}

int rt_session_send_audio(struct rt_session *session, const void *audio, size_t bytes, int commit)
{
    (void)session;
    (void)audio;
    (void)bytes;
    (void)commit;
    return -ENOSYS;
}

int rt_session_send_message(struct rt_session *session, const char *text)
{
    (void)session;
    (void)text;
    return -ENOSYS;
}

int rt_session_send_parts(struct rt_session *session, const struct rt_part *parts, size_t count)
{
    (void)session;
    (void)parts;
    (void)count;
    return -ENOSYS;
}

int rt_session_generate_response(struct rt_session *session)
{
    (void)session;
    return -ENOSYS;
}

int rt_session_interrupt(struct rt_session *session)
{
    (void)session;
    return -ENOSYS;
}

int rt_session_update_agent(struct rt_session *session, const struct rt_agent *agent)
{
    (void)session;
    (void)agent;
    return -ENOSYS;
}

int rt_session_switch_agent(struct rt_session *session, const char *name)
{
    (void)session;
    (void)name;
    return -ENOSYS;
}

int rt_session_approve(struct rt_session *session, const char *tool_call_id, int always)
{
    (void)session;
    (void)tool_call_id;
    (void)always;
    return -ENOSYS;
}

int rt_session_reject(struct rt_session *session, const char *tool_call_id, int always, const char *message)
{
    (void)session;
    (void)tool_call_id;
    (void)always;
    (void)message;
    return -ENOSYS;
}

int rt_session_reconnect(struct rt_session *session)
{
    (void)session;
    return -ENOSYS;
}

int rt_session_history(struct rt_session *session, struct rt_history **ret)
{
    (void)session;
    (void)ret;
    return -ENOSYS;
}

int rt_session_usage(struct rt_session *session, struct rt_usage *ret)
{
    (void)session;
    (void)ret;
    return -ENOSYS;
}

void rt_event_free(struct rt_event *event)
{
    (void)event;
}
