#include "providers/gemini/gemini_tools.h"

#include <stdio.h>

#include "base/err.h"
#include "base/json_hash.h"

#define AGAIN_US   UINT64_C(30000000) /* a call that was dropped comes again within seconds */
#define CROSSED_US UINT64_C(2000000)  /* an output and the word that the call was dropped pass one another */
#define OUTPUT_MAX 16384

void gemini_tools_init(struct gemini_tools *t, uint64_t born_us)
{
    *t = (struct gemini_tools){.born_us = born_us};
}

static void clear(struct gemini_tool *tool)
{
    buf_done(&tool->output);
    *tool = (struct gemini_tool){.state = GEMINI_TOOL_FREE};
}

void gemini_tools_done(struct gemini_tools *t)
{
    for (size_t i = 0; i < GEMINI_TOOLS_MAX; i++) {
        clear(&t->list[i]);
    }
}

struct gemini_tool *gemini_tools_find(struct gemini_tools *t, struct str id)
{
    for (size_t i = 0; i < GEMINI_TOOLS_MAX; i++) {
        if (t->list[i].state != GEMINI_TOOL_FREE && str_is(id, t->list[i].id)) {
            return &t->list[i];
        }
    }
    return NULL;
}

struct gemini_tool *gemini_tools_find_wire(struct gemini_tools *t, struct str wire_id)
{
    for (size_t i = 0; wire_id.n > 0 && i < GEMINI_TOOLS_MAX; i++) {
        if (t->list[i].state != GEMINI_TOOL_FREE && str_is(wire_id, t->list[i].wire_id)) {
            return &t->list[i];
        }
    }
    return NULL;
}

/* A free one, else the oldest that nobody waits for, else the oldest of all. */
static struct gemini_tool *slot(struct gemini_tools *t)
{
    struct gemini_tool *settled = NULL;
    struct gemini_tool *oldest = &t->list[0];
    for (size_t i = 0; i < GEMINI_TOOLS_MAX; i++) {
        struct gemini_tool *tool = &t->list[i];
        bool over = tool->state != GEMINI_TOOL_PENDING && tool->state != GEMINI_TOOL_WITHDRAWN;
        if (tool->state == GEMINI_TOOL_FREE) {
            return tool;
        }
        settled = over && (!settled || tool->order < settled->order) ? tool : settled;
        oldest = tool->order < oldest->order ? tool : oldest;
    }
    struct gemini_tool *found = settled ? settled : oldest;
    clear(found);
    return found;
}

static struct gemini_tool *add(struct gemini_tools *t, enum gemini_tool_state state, struct str id, struct str name)
{
    struct gemini_tool *tool = slot(t);
    *tool = (struct gemini_tool){.state = state, .order = ++t->orders};
    buf_init(&tool->output, OUTPUT_MAX);
    ignore_result(str_copy(tool->name, sizeof(tool->name), name)); /* both were measured by the decoder */
    ignore_result(str_copy(tool->wire_id, sizeof(tool->wire_id), id));
    if (id.n == 0 || id.n >= sizeof(tool->id)) {
        snprintf(tool->id, sizeof(tool->id), "gc_%llx_%u", (unsigned long long)t->born_us, ++t->invented);
    } else {
        ignore_result(str_copy(tool->id, sizeof(tool->id), id)); /* it fits */
    }
    return tool;
}

static uint64_t hash_of(const struct gemini_call *call)
{
    return str_hash(call->name) ^ json_hash(call->args);
}

struct gemini_tool *gemini_tools_called(struct gemini_tools *t, const struct gemini_call *call)
{
    if (gemini_tools_find_wire(t, call->id)) {
        return NULL;
    }
    struct gemini_tool *tool = add(t, GEMINI_TOOL_PENDING, call->id, call->name);
    tool->what = hash_of(call);
    return tool;
}

void gemini_tools_told(struct gemini_tools *t, struct str id, struct str name)
{
    if (!gemini_tools_find(t, id)) {
        add(t, GEMINI_TOOL_TOLD, id, name);
    }
}

struct gemini_tool *gemini_tools_again(struct gemini_tools *t, const struct gemini_call *call, uint64_t now_us)
{
    uint64_t what = hash_of(call);
    for (size_t i = 0; i < GEMINI_TOOLS_MAX; i++) {
        struct gemini_tool *tool = &t->list[i];
        bool dropped = tool->state == GEMINI_TOOL_WITHDRAWN || tool->state == GEMINI_TOOL_ANSWERED;
        if (dropped && tool->what == what && now_us - tool->withdrawn_us <= AGAIN_US) {
            ignore_result(str_copy(tool->wire_id, sizeof(tool->wire_id), call->id)); /* it fits */
            return tool;
        }
    }
    return NULL;
}

void gemini_tools_answered(struct gemini_tool *tool, struct str output, uint64_t now_us)
{
    buf_clear(&tool->output);
    buf_put_str(&tool->output, output);
    bool kept = tool->output.err == 0;
    bool dropped = tool->state == GEMINI_TOOL_WITHDRAWN;
    tool->state = dropped && kept ? GEMINI_TOOL_ANSWERED : GEMINI_TOOL_DONE;
    tool->answered_us = kept ? now_us : 0;
}

void gemini_tools_withdraw(struct gemini_tools *t, uint64_t now_us)
{
    for (size_t i = 0; i < GEMINI_TOOLS_MAX; i++) {
        struct gemini_tool *tool = &t->list[i];
        bool crossed = tool->state == GEMINI_TOOL_DONE && tool->answered_us && now_us - tool->answered_us <= CROSSED_US;
        if (tool->state == GEMINI_TOOL_PENDING || crossed) {
            tool->state = crossed ? GEMINI_TOOL_ANSWERED : GEMINI_TOOL_WITHDRAWN;
            tool->withdrawn_us = now_us;
        }
    }
}

bool gemini_tools_pending(const struct gemini_tools *t)
{
    for (size_t i = 0; i < GEMINI_TOOLS_MAX; i++) {
        if (t->list[i].state == GEMINI_TOOL_PENDING) {
            return true;
        }
    }
    return false;
}
