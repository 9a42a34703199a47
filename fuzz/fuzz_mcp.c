/* Messages of a server of the Model Context Protocol, and its streams. What is taken stays within its limits. */
#include "fuzz.h"

#include "wire/mcp.h"

static void see(const struct mcp_tool *t, void *arg)
{
    uint32_t *n = arg;
    REQUIRE(t->name.n > 0 && t->name.n <= MCP_NAME_MAX && t->description.n <= MCP_DESCRIBE_MAX);
    REQUIRE(t->schema.n >= 2 && t->schema.n <= MCP_SCHEMA_MAX && t->schema.p[0] == '{');
    ++*n;
}

static void take(struct str text)
{
    struct mcp_message m;
    struct mcp_welcome w;
    struct buf scratch, out;
    char cursor[MCP_CURSOR_MAX];
    uint32_t n = 0, skipped = 0;
    bool failed;
    buf_init(&scratch, 1 << 20);
    buf_init(&out, 1 << 20);
    if (mcp_read(text, &m) >= 0) {
        if (m.kind == MCP_ERROR) {
            mcp_error_text(&m, &out);
            REQUIRE(out.len > 0);
        } else if (m.kind == MCP_REQUEST) {
            struct mcp_message again;
            mcp_put_empty_result(&out, m.raw_id);
            REQUIRE(mcp_read(buf_str(&out), &again) >= 0);
        } else if (m.kind == MCP_RESULT) {
            if (mcp_read_welcome(&m, &w) >= 0) {
                mcp_version_known(w.version);
            }
            if (mcp_read_tools(&m, &scratch, see, &n, &skipped, cursor) >= 0) {
                REQUIRE(memchr(cursor, 0, sizeof(cursor)) != NULL);
            }
            REQUIRE(mcp_read_result(&m, 100, &out, &failed) < 0 || out.len <= 100);
        }
    }
    buf_done(&scratch);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    struct buf event;
    if (size > 65536) {
        return 0;
    }
    take(rest);
    buf_init(&event, 1 << 17);
    while (mcp_next_event(&rest, &event)) {
        REQUIRE(event.len <= size);
        take(buf_str(&event));
    }
    buf_done(&event);
    return 0;
}
