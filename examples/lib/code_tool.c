/*
 * A tool that is a function of this program, and asks before it runs. Type what you want to know; q leaves.
 *
 *     cc code_tool.c -o code_tool $(pkg-config --cflags --libs ringtrip)
 *     echo "Where is my order 1234?" | ./code_tool
 *
 * Without OPENAI_API_KEY the offline sandbox answers. An address as the first argument names another service.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ringtrip/ringtrip.h>

static const char schema[] = "{\"type\":\"object\",\"properties\":{\"order_number\":{\"type\":\"string\"}},"
                             "\"required\":[\"order_number\"]}";

/* On a thread of the library's: it may block as long as it likes. */
static void check_order(struct rt_tool_call *call, void *arg)
{
    int *uses = (int *)arg;
    fprintf(stderr, "[%s %s]\n", rt_tool_call_name(call), rt_tool_call_arguments(call));
    ++*uses;
    rt_tool_call_done(call, "{\"order_number\":\"1234\",\"status\":\"shipped\"}");
}

static int read_line(char *line, size_t cap)
{
    if (!fgets(line, (int)cap, stdin)) {
        return 0;
    }
    line[strcspn(line, "\r\n")] = '\0';
    return strcmp(line, "q") != 0;
}

/* The agent waits meanwhile; a telephone caller would be told so. */
static void decide(struct rt_session *s, const struct rt_event *e)
{
    char line[64] = "";
    printf("May it use %s with %s? (y/n)\n", e->tool_name, e->arguments);
    fflush(stdout);
    if (read_line(line, sizeof(line)) && line[0] == 'y') {
        rt_session_approve(s, e->tool_call_id, 0);
    } else {
        rt_session_reject(s, e->tool_call_id, 0, "The user does not want that.");
    }
}

/* Until the agent has answered, also to the result of a tool. */
static int hear(struct rt_session *s)
{
    int answers = 0, tools = 0, asked = 1;
    while (asked || answers > 0 || tools > 0) {
        struct rt_event *e = NULL;
        int got = rt_session_next_event(s, 30000, &e);
        if (got != 1) {
            return got;
        }
        if (e->type == RT_EVENT_AGENT_START) {
            answers++;
            asked = 0;
        } else if (e->type == RT_EVENT_AGENT_END) {
            answers--;
        } else if (e->type == RT_EVENT_TOOL_APPROVAL_REQUIRED) {
            decide(s, e);
            asked = 1; /* either way the agent says something about it */
        } else if (e->type == RT_EVENT_TOOL_START) {
            tools++;
        } else if (e->type == RT_EVENT_TOOL_END) {
            tools -= tools > 0;
            asked = 1;
        } else if (e->type == RT_EVENT_TRANSCRIPT_DONE) {
            printf("%s\n", e->text);
            fflush(stdout);
        }
        rt_event_free(e);
    }
    return 0;
}

static int chat(struct rt_runner *runner, const char *url)
{
    struct rt_session_opts o;
    struct rt_session *s = NULL;
    char line[512];
    rt_session_opts_init(&o);
    o.url = url;
    int err = rt_session_new(runner, &o, &s);
    err = err < 0 ? err : rt_session_connect(s);
    while (err >= 0 && read_line(line, sizeof(line))) {
        err = rt_session_send_message(s, line);
        err = err < 0 ? err : hear(s);
    }
    if (err < 0) {
        fprintf(stderr, "code_tool: %s\n", s && rt_session_error(s)[0] ? rt_session_error(s) : rt_error_text(err));
    }
    rt_session_free(s);
    return err < 0;
}

/* The agent: it has copies of all it needs when this returns. */
static int describe(struct rt_agent **ret, int *uses)
{
    struct rt_tool *tool = NULL;
    int err = rt_tool_new("check_order_status", "Where an order is, by its number.", schema, check_order, uses, &tool);
    err = err < 0 ? err : rt_tool_set_approval(tool, RT_APPROVAL_ALWAYS);
    err = err < 0 ? err : rt_agent_new("shop", ret);
    err = err < 0 ? err : rt_agent_set_instructions(*ret, "You tell customers of a shop where their orders are.");
    err = err < 0 ? err : rt_agent_add_tool(*ret, tool);
    rt_tool_free(tool);
    return err;
}

int main(int argc, char **argv)
{
    struct rt_runner_opts o;
    struct rt_settings *settings = NULL;
    struct rt_agent *agent = NULL;
    struct rt_runner *runner = NULL;
    char why[512] = "";
    int uses = 0, status = 1;
    rt_runner_opts_init(&o);
    int err = rt_settings_new(&settings);
    err = err < 0 ? err : rt_settings_set_json(settings, "modalities", "[\"text\"]");
    err = err < 0 ? err : describe(&agent, &uses);
    o.agent = agent;
    o.settings = settings;
    err = err < 0 ? err : rt_runner_new(&o, &runner, why, sizeof(why));
    if (err < 0) {
        fprintf(stderr, "code_tool: %s\n", why[0] ? why : rt_error_text(err));
    } else {
        status = chat(runner, argc > 1 ? argv[1] : NULL);
    }
    rt_runner_free(runner);
    rt_agent_free(agent);
    rt_settings_free(settings);
    fprintf(stderr, "%d uses\n", uses);
    return status;
}
