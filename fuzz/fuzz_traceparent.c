/*
 * The W3C trace context: the first line is a traceparent, the rest a tracestate. What is accepted prints as a version
 * 00 header that reads back as the same.
 */
#include "fuzz.h"

#include "obs/traceparent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str state = {(const char *)data, size};
    struct str parent;
    struct trace_parent p = {0}, again = {0};
    char text[TRACE_PARENT_TEXT + 1];
    if (!str_split(&state, '\n', &parent) || traceparent_parse(parent, state, &p) < 0) {
        return 0;
    }
    traceparent_print(&p, text);
    REQUIRE(strlen(text) == TRACE_PARENT_TEXT);
    REQUIRE(traceparent_parse(str_from(text), str_from(p.state), &again) >= 0);
    REQUIRE(memcmp(p.trace_id, again.trace_id, sizeof(p.trace_id)) == 0);
    REQUIRE(p.sampled == again.sampled && strcmp(p.state, again.state) == 0);
    return 0;
}
