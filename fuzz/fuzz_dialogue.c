/* Dialogue files: any text is read or refused with a place, and what was read answers anything. */
#include "fuzz.h"

#include "base/err.h"
#include "peer/sandbox/sandbox_dialogue.h"

static bool any_tool(struct str name, void *arg)
{
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const said[] = {"hello", "order 12", "", "a b c d"};
    struct dialogue *d = NULL;
    struct buf err;
    buf_init(&err, 8192);
    int rc = dialogue_load((struct str){(const char *)data, size}, "f", &err, &d);
    REQUIRE(rc == 0 ? d != NULL : d == NULL && err.len > 0);
    for (size_t i = 0; d && i < ARRAY_LEN(said); i++) {
        struct dialogue_talk talk;
        struct dialogue_reply reply;
        struct dialogue_tools tools = {any_tool, NULL};
        dialogue_talk_init(&talk, d);
        dialogue_reply_init(&reply);
        REQUIRE(dialogue_hear(&talk, str_from(said[i]), i % 2, tools, &reply) == 0);
        REQUIRE(dialogue_digits(&talk, STR("12#"), tools, &reply) == 0);
        REQUIRE(dialogue_tool_result(&talk, STR("t"), STR("{\"status\":\"x\"}"), tools, &reply) == 0);
        dialogue_reply_done(&reply);
    }
    dialogue_free(d);
    buf_done(&err);
    return 0;
}
