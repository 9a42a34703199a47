#include "wire/mcp.h"

#include "base/err.h"

/* ---- what we send ---- */

static struct json_w begin(struct buf *out, uint64_t id, const char *method)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "jsonrpc", "2.0");
    if (id) {
        json_w_ki64(&w, "id", (int64_t)id);
    }
    json_w_kz(&w, "method", method);
    return w;
}

void mcp_put_initialize(struct buf *out, uint64_t id, const char *client, const char *version)
{
    struct json_w w = begin(out, id, "initialize");
    json_w_key(&w, "params");
    json_w_open(&w);
    json_w_kz(&w, "protocolVersion", MCP_VERSION);
    json_w_key(&w, "capabilities");
    json_w_open(&w);
    json_w_close(&w);
    json_w_key(&w, "clientInfo");
    json_w_open(&w);
    json_w_kz(&w, "name", client);
    json_w_kz(&w, "version", version);
    json_w_close(&w);
    json_w_close(&w);
    json_w_close(&w);
}

void mcp_put_initialized(struct buf *out)
{
    struct json_w w = begin(out, 0, "notifications/initialized");
    json_w_close(&w);
}

void mcp_put_list(struct buf *out, uint64_t id, struct str cursor)
{
    struct json_w w = begin(out, id, "tools/list");
    if (cursor.n) {
        json_w_key(&w, "params");
        json_w_open(&w);
        json_w_kstr(&w, "cursor", cursor);
        json_w_close(&w);
    }
    json_w_close(&w);
}

void mcp_put_call(struct buf *out, uint64_t id, const struct mcp_use *use)
{
    struct json_w w = begin(out, id, "tools/call");
    json_w_key(&w, "params");
    json_w_open(&w);
    json_w_kstr(&w, "name", use->tool);
    json_w_key(&w, "arguments");
    json_w_raw(&w, use->arguments);
    if (use->traceparent.n > 0) {
        json_w_key(&w, "_meta");
        json_w_open(&w);
        json_w_kstr(&w, "traceparent", use->traceparent);
        if (use->tracestate.n > 0) {
            json_w_kstr(&w, "tracestate", use->tracestate);
        }
        json_w_close(&w);
    }
    json_w_close(&w);
    json_w_close(&w);
}

void mcp_put_cancelled(struct buf *out, uint64_t id, const char *reason)
{
    struct json_w w = begin(out, 0, "notifications/cancelled");
    json_w_key(&w, "params");
    json_w_open(&w);
    json_w_ki64(&w, "requestId", (int64_t)id);
    json_w_kz(&w, "reason", reason);
    json_w_close(&w);
    json_w_close(&w);
}

static struct json_w begin_answer(struct buf *out, struct str id)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "jsonrpc", "2.0");
    json_w_key(&w, "id");
    json_w_raw(&w, id);
    return w;
}

void mcp_put_empty_result(struct buf *out, struct str id)
{
    struct json_w w = begin_answer(out, id);
    json_w_key(&w, "result");
    json_w_open(&w);
    json_w_close(&w);
    json_w_close(&w);
}

void mcp_put_no_method(struct buf *out, struct str id)
{
    struct json_w w = begin_answer(out, id);
    json_w_key(&w, "error");
    json_w_open(&w);
    json_w_ki64(&w, "code", -32601);
    json_w_kz(&w, "message", "Method not found");
    json_w_close(&w);
    json_w_close(&w);
}

/* ---- envelopes ---- */

/* Ours are small whole numbers; some servers send them back as text. */
static uint64_t own_id(struct json_val v)
{
    int64_t id = 0;
    bool ours = v.type == JSON_NUMBER ? json_to_i64(v, &id) == 0 : v.type == JSON_STRING && str_to_i64(v.s, &id) == 0;
    return ours && id > 0 ? (uint64_t)id : 0;
}

static int read_answer(struct json_val id, struct json_val result, struct json_val error, struct mcp_message *ret)
{
    ret->id = own_id(id);
    if (error.type == JSON_OBJECT) {
        ret->kind = MCP_ERROR;
        ret->body = error;
        if (json_to_i64(json_get(error, "code"), &ret->code) < 0) {
            ret->code = 0;
        }
        return 0;
    }
    ret->kind = MCP_RESULT;
    ret->body = result;
    return result.type == JSON_OBJECT ? 0 : result.type == JSON_NONE ? -ERR_MISSING : -ERR_TYPE;
}

int mcp_read(struct str text, struct mcp_message *ret)
{
    struct json_val msg, v;
    struct json_val version = {0}, id = {0}, method = {0}, params = {0}, result = {0}, error = {0};
    struct str key;
    *ret = (struct mcp_message){0};
    int err = json_parse(text, &msg);
    if (err < 0) {
        return err;
    }
    struct json_it it = json_object(msg);
    while (json_next(&it, &key, &v)) {
        struct json_val *slot = str_is(key, "jsonrpc")  ? &version
                                : str_is(key, "id")     ? &id
                                : str_is(key, "method") ? &method
                                : str_is(key, "params") ? &params
                                : str_is(key, "result") ? &result
                                : str_is(key, "error")  ? &error
                                                        : NULL;
        if (slot) {
            *slot = v;
        }
    }
    if (it.err < 0) {
        return it.err;
    }
    if (version.type != JSON_STRING || !str_is(version.s, "2.0")) {
        return -ERR_TYPE;
    }
    if (method.type == JSON_NONE) {
        return read_answer(id, result, error, ret);
    }
    if (method.type != JSON_STRING) {
        return -ERR_TYPE;
    }
    ret->method = method.escaped ? STR("") : method.s;
    ret->body = params;
    ret->kind = id.type == JSON_NONE ? MCP_NOTIFICATION : MCP_REQUEST;
    if (ret->kind == MCP_REQUEST) {
        if (id.type != JSON_NUMBER && id.type != JSON_STRING) {
            return -ERR_TYPE;
        }
        /* With its quotes: they lie around the slice. */
        ret->raw_id = id.type == JSON_STRING ? (struct str){id.s.p - 1, id.s.n + 2} : id.s;
    }
    return 0;
}

void mcp_error_text(const struct mcp_message *m, struct buf *out)
{
    struct json_val message = json_get(m->body, "message");
    size_t before = out->len;
    if (message.type != JSON_STRING || json_unescape(message.s, out) < 0 || out->len == before) {
        buf_printf(out, "error %lld", (long long)m->code);
    }
}

/* ---- initialize ---- */

static struct str plain(struct json_val v)
{
    return v.type == JSON_STRING && !v.escaped ? v.s : STR("");
}

int mcp_read_welcome(const struct mcp_message *m, struct mcp_welcome *ret)
{
    *ret = (struct mcp_welcome){0};
    struct json_val version = json_get(m->body, "protocolVersion");
    if (version.type != JSON_STRING) {
        return version.type == JSON_NONE ? -ERR_MISSING : -ERR_TYPE;
    }
    struct json_val tools = json_path(m->body, "capabilities.tools");
    ret->version = plain(version);
    ret->name = plain(json_path(m->body, "serverInfo.name"));
    ret->server_version = plain(json_path(m->body, "serverInfo.version"));
    ret->tools = tools.type == JSON_OBJECT;
    ret->tells_changes = json_get(tools, "listChanged").type == JSON_TRUE;
    return 0;
}

bool mcp_version_known(struct str version)
{
    static const char *const known[] = {"2025-11-25", MCP_VERSION, "2025-03-26", "2024-11-05"};
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (str_is(version, known[i])) {
            return true;
        }
    }
    return false;
}

/* ---- tools/list ---- */

/* Appends the text of a string to scratch and lends it from there once all are in: room was taken before. */
static bool take_text(struct json_val v, size_t max, struct buf *scratch, struct str *ret)
{
    size_t at = scratch->len;
    if (v.type != JSON_STRING || json_unescape(v.s, scratch) < 0 || scratch->len - at > max) {
        return false;
    }
    *ret = (struct str){(const char *)buf_ptr(scratch) + at, scratch->len - at};
    return true;
}

/* Names go to a model's service as function names later: only what these take. */
static bool usable_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
              c == '.' || c == '/')) {
            return false;
        }
    }
    return name.n > 0 && name.n <= MCP_NAME_MAX;
}

static bool read_tool(struct json_val v, struct buf *scratch, struct mcp_tool *ret)
{
    struct json_val name = json_get(v, "name");
    struct json_val description = json_get(v, "description");
    struct json_val schema = json_get(v, "inputSchema");
    struct json_val hints = json_get(v, "annotations");
    *ret = (struct mcp_tool){.description = STR("")};
    buf_clear(scratch);
    if (description.type != JSON_STRING) {
        description = json_get(v, "title");
    }
    if (!buf_room(scratch, name.s.n + description.s.n + 1) || !take_text(name, MCP_NAME_MAX, scratch, &ret->name) ||
        !usable_name(ret->name) || schema.type != JSON_OBJECT || schema.s.n > MCP_SCHEMA_MAX) {
        return false;
    }
    if (description.type == JSON_STRING && !take_text(description, MCP_DESCRIBE_MAX, scratch, &ret->description)) {
        return false;
    }
    ret->schema = schema.s;
    ret->read_only =
        json_get(hints, "readOnlyHint").type == JSON_TRUE || json_get(hints, "idempotentHint").type == JSON_TRUE;
    return scratch->err == 0;
}

int mcp_read_tools(const struct mcp_message *m, struct buf *scratch, mcp_tool_fn fn, void *arg, uint32_t *skipped,
                   char cursor[MCP_CURSOR_MAX])
{
    struct json_val tools = json_get(m->body, "tools");
    struct json_val next = json_get(m->body, "nextCursor");
    struct json_val v;
    cursor[0] = '\0';
    if (tools.type != JSON_ARRAY) {
        return tools.type == JSON_NONE ? -ERR_MISSING : -ERR_TYPE;
    }
    struct json_it it = json_array(tools);
    while (json_elem(&it, &v)) {
        struct mcp_tool tool;
        if (read_tool(v, scratch, &tool)) {
            fn(&tool, arg);
        } else {
            ++*skipped;
        }
    }
    if (it.err < 0 || next.type != JSON_STRING) {
        return it.err;
    }
    return json_copy_str(next, cursor, MCP_CURSOR_MAX);
}

/* ---- tools/call ---- */

static void put_note(struct json_val part, struct buf *out)
{
    struct str type = plain(json_get(part, "type"));
    struct str mime = plain(json_get(part, "mimeType"));
    struct str uri = plain(json_get(part, "uri"));
    buf_printf(out, "[" STR_FMT "%s" STR_FMT, STR_ARG(type.n ? type : STR("something")), mime.n ? " " : "",
               STR_ARG(mime));
    buf_printf(out, "%s" STR_FMT "]", uri.n ? ": " : ", not shown", STR_ARG(uri));
}

static void put_part(struct json_val part, struct buf *out)
{
    struct json_val text = json_get(part, "text");
    if (text.type == JSON_NONE) {
        text = json_path(part, "resource.text");
    }
    buf_puts(out, out->len ? "\n" : "");
    if (text.type != JSON_STRING || json_unescape(text.s, out) < 0) {
        put_note(part, out);
    }
}

/* Back to the end of a character. */
static void cut(struct buf *out, size_t max)
{
    static const struct str said = STR(" [cut]");
    const uint8_t *p = buf_ptr(out);
    size_t n = max - said.n;
    while (n > 0 && (p[n] & 0xC0) == 0x80) {
        n--;
    }
    out->len = n;
    buf_put_str(out, said);
}

int mcp_read_result(const struct mcp_message *m, size_t max, struct buf *out, bool *ret_failed)
{
    struct json_val content = json_get(m->body, "content");
    struct json_val structured = json_get(m->body, "structuredContent");
    struct json_val part;
    *ret_failed = json_get(m->body, "isError").type == JSON_TRUE;
    if (content.type != JSON_ARRAY && structured.type != JSON_OBJECT) {
        return content.type == JSON_NONE ? -ERR_MISSING : -ERR_TYPE;
    }
    if (content.type == JSON_ARRAY) {
        struct json_it it = json_array(content);
        while (json_elem(&it, &part)) {
            put_part(part, out);
        }
        if (it.err < 0) {
            return it.err;
        }
    }
    if (out->len == 0 && structured.type == JSON_OBJECT) {
        buf_put_str(out, structured.s);
    }
    if (out->err == 0 && out->len > max) {
        cut(out, max);
    }
    return out->err;
}

/* ---- server-sent events ---- */

bool mcp_next_event(struct str *rest, struct buf *data)
{
    struct str line;
    bool any = false;
    buf_clear(data);
    while (str_split(rest, '\n', &line)) {
        if (line.n && line.p[line.n - 1] == '\r') {
            line.n--;
        }
        if (line.n == 0 && any) {
            return true;
        }
        if (str_starts(line, STR("data:"))) {
            line = (struct str){line.p + 5, line.n - 5};
            if (line.n && line.p[0] == ' ') {
                line = (struct str){line.p + 1, line.n - 1};
            }
            buf_puts(data, any ? "\n" : "");
            buf_put_str(data, line);
            any = true;
        }
    }
    return any;
}
