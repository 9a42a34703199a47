/*
 * Tools: the shared ones under tools:, and entries of agent.tools that are maps. All go into one pool, which agents
 * refer to. What a tool needs, and what its parts may say.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json_schema.h"
#include "base/loopback.h"
#include "base/template.h"
#include "config/draft.h"

#define MAX_JSON_BYTES (256 * 1024)
#define NO_PARAMETERS  "{\"type\":\"object\",\"properties\":{},\"required\":[]}"

/* One entry while it is read. */
struct reading {
    struct draft *d;
    struct config_tool *tool;
    const struct yaml_node *node;
    const struct json_doc *properties; /* of the parameters, NULL: none */
    char prefix[96];                   /* "agent.tools[2]." or "tools.lookup." */
    struct origin origins[DRAFT_MAX_OPTIONS];
};

static struct origin key_origin(const struct yaml_node *n)
{
    return (struct origin){
        .kind = ORIGIN_FILE, .line = n->key.p ? n->key_line : n->line, .col = n->key.p ? n->key_col : n->col};
}

/* Where a key got its value, else where the entry begins. */
static struct origin origin_of(const struct reading *r, const char *key)
{
    const struct origin *at = &r->origins[option_find(OPTION_TOOL, str_from(key)) - option_table];

    return at->kind == ORIGIN_DEFAULT ? (struct origin){.kind = ORIGIN_FILE, .line = r->node->line, .col = r->node->col}
                                      : *at;
}

#define FAIL(r, key, ...)                                                                                              \
    do {                                                                                                               \
        struct origin at_ = origin_of(r, key);                                                                         \
        draft_fail((r)->d, &at_, __VA_ARGS__);                                                                         \
    } while (0)

/* ------------------------------------------------------------------------------------------------ YAML to JSON */

static void put_scalar(const struct yaml_node *n, struct buf *out)
{
    static const char *const yes[] = {"true", "True", "TRUE"}, *const no[] = {"false", "False", "FALSE"};
    struct json_val v;

    for (uint32_t i = 0; n->plain && i < ARRAY_LEN(yes); i++) {
        if (str_is(n->text, yes[i]) || str_is(n->text, no[i])) {
            buf_puts(out, str_is(n->text, yes[i]) ? "true" : "false");
            return;
        }
    }
    if (yaml_is_null(n)) {
        buf_puts(out, "null");
    } else if (n->plain && json_parse(n->text, &v) == 0 && v.type == JSON_NUMBER) {
        buf_put_str(out, n->text);
    } else {
        json_put_quoted(out, n->text);
    }
}

/* The parser has bounded the nesting; aliases can still make much of little, so the buffer bounds the rest. */
static void put_json(const struct yaml_node *n, struct buf *out)
{
    if (n->kind == YAML_SCALAR) {
        put_scalar(n, out);
        return;
    }
    buf_putc(out, n->kind == YAML_MAP ? '{' : '[');
    for (const struct yaml_node *c = n->first; c && out->err == 0; c = c->next) {
        buf_puts(out, c == n->first ? "" : ",");
        if (n->kind == YAML_MAP) {
            json_put_quoted(out, c->key);
            buf_putc(out, ':');
        }
        put_json(c, out);
    }
    buf_putc(out, n->kind == YAML_MAP ? '}' : ']');
}

int schema_keep(struct draft *d, const struct yaml_node *n, struct str *ret)
{
    struct buf json;
    struct str kept = STR_NULL;
    int err;

    buf_init(&json, MAX_JSON_BYTES);
    put_json(n, &json);
    err = json.err;
    if (err >= 0) {
        kept = arena_str(d->arena, buf_str(&json));
        err = kept.p ? 0 : -ENOMEM;
    }
    buf_done(&json);
    if (err >= 0) {
        *ret = kept;
    }
    return err;
}

/* ------------------------------------------------------------------------------------------------ the schema */

/* The node that a pointer leads to, or the last one on the way. */
static const struct yaml_node *node_at(const struct yaml_node *n, struct str pointer)
{
    struct str part;

    while (pointer.n && n && n->kind != YAML_SCALAR) {
        const struct yaml_node *c = n->first;
        uint32_t i = 0;
        char index[16];

        pointer = (struct str){pointer.p + 1, pointer.n - 1};
        part = (struct str){pointer.p, str_find(pointer, '/')};
        pointer = (struct str){pointer.p + part.n, pointer.n - part.n};
        for (; c; c = c->next, i++) {
            snprintf(index, sizeof(index), "%u", i); /* eleven characters at most */
            if (n->kind == YAML_MAP ? str_eq(c->key, part) : str_is(part, index)) {
                break;
            }
        }
        if (!c) {
            return n;
        }
        n = c;
    }
    return n;
}

static const struct yaml_node *member(const struct yaml_node *map, const char *key)
{
    for (const struct yaml_node *c = map->first; c; c = c->next) {
        if (str_is(c->key, key)) {
            return c;
        }
    }
    return map;
}

/* "/properties/a/type" reads as "parameters.properties.a.type". */
static void dotted(struct str pointer, char *out, size_t cap)
{
    size_t n = 0;

    for (size_t i = 0; i < pointer.n && n + 1 < cap; i++) {
        out[n++] = pointer.p[i] == '/' ? '.' : pointer.p[i];
    }
    out[n] = '\0';
}

static void on_schema_error(struct str pointer, struct str text, void *arg)
{
    struct reading *r = arg;
    struct origin at = key_origin(node_at(member(r->node, "parameters"), pointer));
    char path[300];

    dotted(pointer, path, sizeof(path));
    draft_fail(r->d, &at, "%sparameters%s " STR_FMT, r->prefix, path, STR_ARG(text));
}

static void on_schema_ignored(struct str pointer, struct str text, void *arg)
{
    struct reading *r = arg;
    struct origin at = key_origin(node_at(member(r->node, "parameters"), pointer));
    char path[300];

    dotted(pointer, path, sizeof(path));
    draft_warn(r->d, STR_FMT ":%u:%u: %sparameters%s " STR_FMT, STR_ARG(r->d->name), at.line, at.col, r->prefix, path,
               STR_ARG(text));
}

static void check_schema(struct reading *r)
{
    struct json_schema *schema = NULL;
    int err = json_schema_new(r->tool->parameters, on_schema_error, on_schema_ignored, r, &schema);

    if (err == -ENOMEM) {
        r->d->out_of_memory = true;
    } else if (err < 0 && err != -ERR_CONFIG) {
        FAIL(r, "parameters", "%sparameters: %s", r->prefix, err_text(err));
    }
    json_schema_free(schema);
}

/* ------------------------------------------------------------------------------------------------ templates */

static const struct option_word words_names[] = {
    {"arguments", 0, false}, {"call.id", 0, false}, {"caller", 0, false},       {"called", 0, false},
    {"agent", 0, false},     {"tool", 0, false},    {"tool_call_id", 0, false}, {NULL, 0, false}};

static bool is_name(struct str name)
{
    for (const struct option_word *w = words_names; w->word; w++) {
        if (str_is(name, w->word)) {
            return true;
        }
    }
    return false;
}

static void check_name(struct reading *r, const char *key, struct str name)
{
    const char *near = NULL;

    if (str_starts(name, STR("arguments."))) {
        struct str first = {name.p + 10, name.n - 10};

        first.n = str_find(first, '.');
        if (!json_doc_get(r->properties, first)) {
            FAIL(r, key, "%s%s: {{" STR_FMT "}}: parameters.properties has no \"" STR_FMT "\"", r->prefix, key,
                 STR_ARG(name), STR_ARG(first));
        }
    } else if (!is_name(name)) {
        bool found = option_word_nearest(words_names, name, &near);

        FAIL(r, key, "%s%s: there is no {{%.*s}}%s%s%s", r->prefix, key, (int)MIN(name.n, 60u), name.p,
             found ? "; did you mean {{" : "", found ? near : "", found ? "}}?" : "");
    }
}

static bool check_template(struct reading *r, const char *key, struct str text)
{
    uint32_t problems = r->d->problems;
    struct str before, name;
    int more;

    while ((more = template_next(&text, &before, &name)) > 0) {
        check_name(r, key, name);
    }
    if (more < 0) {
        FAIL(r, key, "%s%s has a {{ without a name and a closing }}", r->prefix, key);
    }
    return r->d->problems == problems;
}

/* ------------------------------------------------------------------------------------------------ the request */

static bool host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || strchr(".-_:[]", c);
}

static bool host_ok(struct str host)
{
    for (size_t i = 0; i < host.n; i++) {
        if (!host.p[i] || !host_char(host.p[i])) {
            return false;
        }
    }
    return host.n > 0 && host.n < 256;
}

/* Blanks may stand within {{ }} only. */
static bool url_text_ok(struct str url)
{
    struct str before, name;
    int more = 1;

    while (more > 0) {
        more = template_next(&url, &before, &name);
        for (size_t i = 0; more >= 0 && i < before.n; i++) {
            if ((uint8_t)before.p[i] <= ' ' || (uint8_t)before.p[i] >= 0x7F || strchr("#\"<>\\^`{|}", before.p[i])) {
                return false;
            }
        }
    }
    return true;
}

static void check_url(struct reading *r)
{
    struct str url = r->tool->url;
    bool tls = str_starts(url, STR("https://"));
    size_t scheme = tls ? 8 : 7;
    struct str rest, host;

    if (url.n == 0) {
        FAIL(r, "webhook.url", "%swebhook.url is missing", r->prefix);
        return;
    }
    if (!tls && !str_starts(url, STR("http://"))) {
        FAIL(r, "webhook.url", "%swebhook.url must begin with https:// or http://", r->prefix);
        return;
    }
    rest = (struct str){url.p + scheme, url.n - scheme};
    host = (struct str){rest.p, MIN(str_find(rest, '/'), str_find(rest, '?'))};
    if (!host_ok(host)) {
        FAIL(r, "webhook.url", "%swebhook.url must have a host name, without user, password and {{ }}", r->prefix);
        return;
    }
    if (check_template(r, "webhook.url", url) && !url_text_ok(url)) {
        FAIL(r, "webhook.url", "%swebhook.url holds a character that cannot stand in an address", r->prefix);
    }
    if (!tls && !loopback_host(host)) {
        draft_warn(r->d, "%swebhook.url is not encrypted: arguments and keys travel in the clear", r->prefix);
    }
}

static void check_headers(struct reading *r)
{
    static const char *const ours[] = {"Host",       "Content-Length", "Transfer-Encoding",
                                       "Connection", "Expect",         "X-Ringtrip-Signature"};
    const struct config_map *h = &r->tool->headers;

    for (uint32_t i = 0; i < h->n; i++) {
        for (uint32_t j = 0; j < ARRAY_LEN(ours); j++) {
            if (str_ieq(h->v[i].name, str_from(ours[j]))) {
                FAIL(r, "webhook.headers", "%swebhook.headers: %s is ours to send", r->prefix, ours[j]);
            }
        }
        check_template(r, "webhook.headers", h->v[i].value);
    }
}

static struct json_doc any_value(void *arg, struct str name)
{
    return (struct json_doc){.type = JSON_STRING, .text = STR("x")};
}

/* Whatever the values are, the escaping keeps them in their place: with one value that is JSON it always is. */
static void check_body(struct reading *r)
{
    struct str body = r->tool->body;
    const struct json_doc *doc = NULL;
    struct str name;
    struct buf out;
    int err;

    if (body.n == 0) {
        return;
    }
    if (r->tool->method == WEBHOOK_GET) {
        FAIL(r, "webhook.body", "%swebhook.body: a GET request has none", r->prefix);
        return;
    }
    if (!check_template(r, "webhook.body", body)) {
        return;
    }
    buf_init(&out, MAX_JSON_BYTES);
    err = template_write(body, TEMPLATE_JSON, any_value, NULL, &out, &name);
    err = err < 0 ? err : json_doc_parse(buf_str(&out), &doc); /* also refuses a backslash before {{ */
    json_doc_free(doc);
    if (err == -ENOMEM) {
        r->d->out_of_memory = true;
    } else if (err < 0) {
        FAIL(r, "webhook.body", "%swebhook.body must be JSON once the values are put in", r->prefix);
    }
    buf_done(&out);
}

/* ------------------------------------------------------------------------------------------------ an entry */

static bool tool_name_ok(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return false;
        }
    }
    return s.n > 0 && s.n <= 64;
}

/* Tools that are built in; the gateway refuses one that it cannot run. */
const char *const option_builtins[] = {"check_order_status", "send_sms",        "schedule_callback",
                                       "transfer_call",      "send_dtmf",       "end_call",
                                       "hangup_call",        "find_restaurant", "initiate_reservation_call"};
const uint32_t option_builtin_count = ARRAY_LEN(option_builtins);

static bool is_builtin(struct str name)
{
    for (uint32_t i = 0; i < option_builtin_count; i++) {
        if (str_is(name, option_builtins[i])) {
            return true;
        }
    }
    return false;
}

static void check_tool_name(struct reading *r)
{
    const struct draft *d = r->d;
    struct str name = r->tool->name;

    if (name.n == 0) {
        FAIL(r, "name", "%sname is missing", r->prefix);
        return;
    }
    if (!tool_name_ok(name)) {
        FAIL(r, "name", "%sname must be 1 to 64 letters, digits, _ and -, not \"%.60s\"", r->prefix, name.p);
    }
    for (uint32_t i = 0; i + 1 < d->tool_count; i++) {
        if (str_eq(d->tools[i].name, name)) {
            FAIL(r, "name", "%sname: there is another tool %s", r->prefix, name.p);
        }
    }
}

/* Settings of a tool that is built in: it brings its own parameters and needs no endpoint. */
static void check_builtin(struct reading *r)
{
    r->tool->builtin = true;
    if (r->tool->parameters.n) {
        FAIL(r, "parameters", "%sparameters: %s is built in and has its own", r->prefix, r->tool->name.p);
    }
}

static void fill_retries(struct config_tool *t)
{
    for (uint32_t i = 0; i < t->retry_on.n; i++) {
        int64_t status = 0;

        t->retry_mask |= str_to_i64(t->retry_on.v[i], &status) < 0 ? 0 : webhook_retry_bit((int)status);
    }
}

static void check_tool(struct reading *r)
{
    const struct json_doc *doc = NULL, *type;

    check_tool_name(r);
    fill_retries(r->tool);
    if (is_builtin(r->tool->name)) {
        if (r->tool->url.n) {
            FAIL(r, "webhook.url", "%swebhook: %s is the name of a built-in tool", r->prefix, r->tool->name.p);
        } else {
            check_builtin(r);
        }
        return;
    }
    if (r->tool->description.n == 0) {
        draft_warn(r->d, "%sdescription is missing: the model knows only the name of %s", r->prefix, r->tool->name.p);
    }
    if (r->tool->parameters.n == 0) {
        r->tool->parameters = STR(NO_PARAMETERS);
    } else {
        check_schema(r);
    }
    if (json_doc_parse(r->tool->parameters, &doc) < 0) { /* else reported already */
        r->d->out_of_memory = r->d->problems == 0;
        return;
    }
    type = json_doc_get(doc, STR("type"));
    if (!type || !str_is(type->text, "object")) {
        FAIL(r, "parameters", "%sparameters must have type: object", r->prefix);
    }
    r->properties = json_doc_get(doc, STR("properties"));
    check_url(r);
    check_headers(r);
    check_body(r);
    if (r->tool->ca_file.n && access(r->tool->ca_file.p, R_OK) < 0) {
        FAIL(r, "webhook.ca_file", "%swebhook.ca_file: %.200s: %s", r->prefix, r->tool->ca_file.p, err_text(-errno));
    }
    json_doc_free(doc);
}

static struct config_tool *tool_new(struct draft *d, const struct origin *at)
{
    if (!d->tools) {
        d->tools = arena_alloc(d->arena, sizeof(*d->tools) * DRAFT_MAX_TOOLS);
        d->out_of_memory = d->out_of_memory || !d->tools;
    }
    if (!d->tools) {
        return NULL;
    }
    if (d->tool_count == DRAFT_MAX_TOOLS) {
        draft_fail(d, at, "more than %u tools", DRAFT_MAX_TOOLS);
        return NULL;
    }
    draft_defaults(d, OPTION_TOOL, &d->tools[d->tool_count]);
    return &d->tools[d->tool_count++];
}

/* name: the key in a map of tools; empty: it stands in the entry. */
static const struct config_tool *take_tool(struct draft *d, const struct yaml_node *n, struct str name,
                                           const char *prefix)
{
    struct origin at = {.kind = ORIGIN_FILE, .line = n->line, .col = n->col};
    struct reading r = {.d = d, .node = n};
    uint32_t problems = d->problems;

    r.tool = tool_new(d, &at);
    if (!r.tool) {
        return NULL;
    }
    snprintf(r.prefix, sizeof(r.prefix), "%s", prefix); /* for messages */
    if (name.n) {
        r.tool->name = arena_str(d->arena, name);
        d->out_of_memory = d->out_of_memory || !r.tool->name.p;
        r.origins[option_find(OPTION_TOOL, STR("name")) - option_table] =
            (struct origin){.kind = ORIGIN_FILE, .line = n->key_line, .col = n->key_col};
    }
    walk_struct(d, OPTION_TOOL, n, r.tool, r.origins, r.prefix);
    if (d->problems == problems && !d->out_of_memory) { /* what follows from a mistake is not worth telling */
        check_tool(&r);
        check_tool_rules(d, r.tool, r.prefix, r.origins, &at);
    }
    return d->problems == problems ? r.tool : NULL;
}

int take_tool_refs(struct draft *d, const struct yaml_node *list, struct buf *why)
{
    uint32_t index = 0;
    int err = 0;

    d->tool_refs.n = 0;
    for (const struct yaml_node *c = list->first; c && err >= 0; c = c->next, index++) {
        struct draft_ref ref = {.at = {.kind = ORIGIN_FILE, .line = c->line, .col = c->col}};

        if (c->kind == YAML_MAP) {
            char prefix[32];
            const struct config_tool *tool;

            snprintf(prefix, sizeof(prefix), "agent.tools[%u].", index); /* it fits */
            tool = take_tool(d, c, STR_NULL, prefix);
            ref.name = tool ? tool->name : STR(""); /* empty: refused, and reported */
        } else if (c->kind == YAML_SCALAR && !yaml_is_null(c)) {
            err = env_expand(&d->env, c->text, why, &ref.name);
        } else {
            buf_puts(why, "must be a list of tools: names, or maps that describe one");
            return -ERR_CONFIG;
        }
        if (err >= 0 && ref.name.n) { /* ${VAR:-} may come to nothing */
            err = draft_ref_add(d, &d->tool_refs, &ref, why);
        }
    }
    return err;
}

/* tools: {lookup: {...}}, or a list of maps with names. */
void walk_tools(struct draft *d, const struct yaml_node *n)
{
    struct origin at = {.kind = ORIGIN_FILE, .line = n->line, .col = n->col};
    uint32_t index = 0;

    if (n->kind == YAML_SCALAR && !yaml_is_null(n)) {
        draft_fail(d, &at, "tools must be a map of tools");
        return;
    }
    for (const struct yaml_node *c = n->first; c; c = c->next, index++) {
        char prefix[96];

        if (n->kind == YAML_MAP) {
            snprintf(prefix, sizeof(prefix), "tools.%.64s.", c->key.p); /* for messages */
        } else {
            snprintf(prefix, sizeof(prefix), "tools[%u].", index); /* it fits */
        }
        at = (struct origin){.kind = ORIGIN_FILE, .line = c->line, .col = c->col};
        if (c->kind != YAML_MAP) {
            draft_fail(d, &at, "%.*s must be a map of keys", (int)strlen(prefix) - 1, prefix);
        } else {
            ignore_result(take_tool(d, c, n->kind == YAML_MAP ? c->key : STR_NULL, prefix) != NULL); /* reports */
        }
    }
}

/* ------------------------------------------------------------------------------------------------ references */

bool tool_nearest(const struct draft *d, struct str name, struct str *ret)
{
    uint32_t best = NEAREST_NONE;

    for (uint32_t i = 0; i < d->tool_count; i++) {
        option_consider(d->tools[i].name, name, &best, ret);
    }
    for (uint32_t i = 0; i < option_builtin_count; i++) {
        option_consider(str_from(option_builtins[i]), name, &best, ret);
    }
    return best < NEAREST_NONE;
}

static uint32_t find_tool(const struct draft *d, struct str name)
{
    for (uint32_t i = 0; i < d->tool_count; i++) {
        if (str_eq(d->tools[i].name, name)) {
            return i;
        }
    }
    return CONFIG_NONE;
}

/* A built-in tool that nobody has described comes into the pool when it is used. */
static uint32_t use_tool(struct draft *d, const struct draft_ref *ref)
{
    uint32_t found = find_tool(d, ref->name);
    struct str near = STR_NULL;
    struct config_tool *tool;

    if (found != CONFIG_NONE) {
        return found;
    }
    if (!is_builtin(ref->name)) {
        bool has_near = tool_nearest(d, ref->name, &near);

        draft_fail(d, &ref->at, "agent.tools: there is no tool \"%.60s\"%s" STR_FMT "%s", ref->name.p,
                   has_near ? "; did you mean \"" : "", STR_ARG(near), has_near ? "\"?" : "");
        return CONFIG_NONE;
    }
    tool = tool_new(d, &ref->at);
    if (!tool) {
        return CONFIG_NONE;
    }
    tool->name = ref->name;
    tool->builtin = true;
    return d->tool_count - 1;
}

/* The default ones are the demonstration's; of several agents each can hang up. */
void default_agent_tools(struct draft *d)
{
    struct buf why;

    if (d->several && !draft_given(d, "agent.tools")) {
        buf_init(&why, 256);
        d->tool_refs.v = NULL; /* others may share the list */
        d->out_of_memory = draft_refs_text(d, &d->tool_refs, STR("end_call"), &why) < 0 || d->out_of_memory;
        buf_done(&why);
    }
}

void finish_agent_tools(struct draft *d)
{
    struct config_agent *a = &d->cfg->agent;
    uint32_t n = d->tool_refs.n;
    uint32_t *refs = arena_alloc(d->arena, sizeof(*refs) * MAX(n, 1u));
    struct str *names = arena_alloc(d->arena, sizeof(*names) * MAX(n, 1u));
    uint32_t kept = 0;

    if (!refs || !names) {
        d->out_of_memory = true;
        return;
    }
    for (uint32_t i = 0; i < n; i++) {
        uint32_t tool = use_tool(d, &d->tool_refs.v[i]);

        if (tool != CONFIG_NONE) {
            names[kept] = d->tools[tool].name;
            refs[kept++] = tool;
        }
    }
    a->tools = (struct config_list){names, kept};
    a->tool_refs = refs;
    a->tool_ref_count = kept;
    if (kept > CALL_MAX_TOOLS) {
        draft_fail(d, draft_origin(d, "agent.tools"), "agent.tools has more than %u entries", CALL_MAX_TOOLS);
    }
}

void finish_tools(struct draft *d)
{
    d->cfg->tools = d->tools;
    d->cfg->tool_count = d->tool_count;
}
