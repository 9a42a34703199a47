/* Conditions: the first line is one, the rest a document. It answers, and always the same. */
#include "fuzz.h"

#include "base/condition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str rest = {(const char *)data, size};
    size_t line = size ? str_find(rest, '\n') : 0;
    struct str text = {rest.p, line};
    struct str json = {rest.p + MIN(line + 1, size), size - MIN(line + 1, size)};
    struct condition *c = NULL;
    const struct json_doc *doc = NULL;
    struct buf why;
    buf_init(&why, 4096);
    int err = condition_new(text, &why, &c);
    REQUIRE(err >= 0 || !c);
    if (err >= 0) {
        bool parsed = json_doc_parse(json, &doc) >= 0;
        enum condition_answer answer = condition_ask(c, parsed ? doc : NULL);
        REQUIRE(answer == CONDITION_FALSE || answer == CONDITION_TRUE || answer == CONDITION_UNKNOWN);
        REQUIRE(parsed || answer == CONDITION_UNKNOWN);
        REQUIRE(condition_ask(c, parsed ? doc : NULL) == answer);
        json_doc_free(parsed ? doc : NULL);
    }
    condition_free(c);
    buf_done(&why);
    return 0;
}
