#include <stdlib.h>

#include "base/err.h"
#include "base/json_schema.h"
#include "library/describe.h"
#include "library/wording.h"

#define NAME_MAX_BYTES 64
#define TIMEOUT_MIN_MS 100
#define TIMEOUT_MAX_MS 600000
#define NO_ARGUMENTS   "{\"type\":\"object\",\"properties\":{}}"

bool describe_name_ok(const char *name)
{
    size_t n = 0;
    for (; name && name[n]; n++) {
        char c = name[n];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (!ok || n == NAME_MAX_BYTES) {
            return false;
        }
    }
    return n > 0;
}

static int check_schema(const char *text)
{
    struct json_schema *schema = NULL;
    const struct json_doc *doc = NULL;
    int err = json_doc_parse(str_from(text), &doc);
    if (err < 0) {
        return err == -ENOMEM ? err : -ERR_SYNTAX;
    }
    err = doc->type == JSON_OBJECT ? json_schema_new(str_from(text), NULL, NULL, NULL, &schema) : -ERR_TYPE;
    json_doc_free(doc);
    json_schema_free(schema);
    return err == -ERR_CONFIG ? -ERR_TYPE : err;
}

static int fill(struct rt_tool *t, const char *name, const char *description, const char *schema)
{
    int err = wording_set(&t->name, name);
    if (err >= 0) {
        err = wording_set(&t->description, description ? description : "");
    }
    return err < 0 ? err : wording_set(&t->schema, schema);
}

int rt_tool_new(const char *name, const char *description, const char *schema_json, rt_tool_fn fn, void *arg,
                struct rt_tool **ret)
{
    const char *schema = schema_json ? schema_json : NO_ARGUMENTS;
    if (!describe_name_ok(name) || !fn || !ret) {
        return -EINVAL;
    }
    int err = check_schema(schema);
    if (err < 0) {
        return err;
    }
    struct rt_tool *t = calloc(1, sizeof(*t));
    if (!t) {
        return -ENOMEM;
    }
    t->fn = fn;
    t->arg = arg;
    err = fill(t, name, description, schema);
    if (err < 0) {
        rt_tool_free(t);
        return err;
    }
    *ret = t;
    return 0;
}

int describe_tool_copy(const struct rt_tool *tool, struct rt_tool **ret)
{
    struct rt_tool *t = malloc(sizeof(*t));
    if (!t) {
        return -ENOMEM;
    }
    *t = *tool;
    t->name = t->description = t->schema = NULL;
    int err = fill(t, tool->name, tool->description, tool->schema);
    if (err < 0) {
        rt_tool_free(t);
        return err;
    }
    *ret = t;
    return 0;
}

void rt_tool_free(struct rt_tool *tool)
{
    if (tool) {
        free(tool->name);
        free(tool->description);
        free(tool->schema);
        free(tool);
    }
}

int rt_tool_set_timeout(struct rt_tool *tool, uint32_t ms)
{
    if (!tool || (ms != 0 && (ms < TIMEOUT_MIN_MS || ms > TIMEOUT_MAX_MS))) {
        return -EINVAL;
    }
    tool->timeout_ms = ms;
    return 0;
}

int rt_tool_set_approval(struct rt_tool *tool, enum rt_approval approval)
{
    if (!tool || (approval != RT_APPROVAL_NEVER && approval != RT_APPROVAL_ALWAYS)) {
        return -EINVAL;
    }
    tool->approval = approval;
    return 0;
}

int rt_tool_set_approval_fn(struct rt_tool *tool, rt_tool_ask_fn fn, void *arg)
{
    if (!tool || !fn) {
        return -EINVAL;
    }
    tool->approval = RT_APPROVAL_ASK;
    tool->ask = fn;
    tool->ask_arg = arg;
    return 0;
}

int rt_tool_set_failure(struct rt_tool *tool, enum rt_tool_failure failure)
{
    if (!tool || (failure != RT_TOOL_FAILURE_TELL && failure != RT_TOOL_FAILURE_RAISE)) {
        return -EINVAL;
    }
    tool->failure = failure;
    return 0;
}

int rt_tool_set_enabled_fn(struct rt_tool *tool, rt_enabled_fn fn, void *arg)
{
    if (!tool) {
        return -EINVAL;
    }
    tool->enabled = fn;
    tool->enabled_arg = arg;
    return 0;
}
