/* TwiML: a tree that parses is within its limits and well-formed; its text written again parses to the same text. */
#include "fuzz.h"

#include "wire/twiml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct twiml t, again; /* large; the harness has one thread */
    struct twiml_error e = {0};
    struct buf out;
    if (twiml_parse((struct str){(const char *)data, size}, &t, &e) < 0) {
        REQUIRE(e.text[0]);
        return 0;
    }
    REQUIRE(t.n_nodes >= 1 && t.n_nodes <= TWIML_NODES_MAX && t.n_attrs <= TWIML_ATTRS_MAX);
    REQUIRE(t.nodes[0].kind == TWIML_RESPONSE);
    uint32_t walked = 0;
    for (uint32_t parent = 0; parent < t.n_nodes; parent++) {
        REQUIRE(t.nodes[parent].parent <= parent);
        for (uint32_t i = parent; (i = twiml_next(&t, parent, i)) != 0;) {
            walked++;
        }
    }
    REQUIRE(walked == t.n_nodes - 1);
    uint32_t say = twiml_child(&t, 0, TWIML_SAY);
    if (say) {
        buf_init(&out, 1 << 20);
        struct twiml_w w = twiml_w(&out);
        twiml_w_say(&w, t.nodes[say].text, twiml_attr(&t, say, "voice"), STR_NULL);
        twiml_w_end(&w);
        if (out.len < TWIML_TEXT_MAX / 2) { /* else escapes may have made it too long */
            REQUIRE(twiml_parse(buf_str(&out), &again, &e) == 0);
            uint32_t said = twiml_child(&again, 0, TWIML_SAY);
            REQUIRE(said && str_eq(again.nodes[said].text, t.nodes[say].text));
            twiml_done(&again);
        }
        buf_done(&out);
    }
    twiml_done(&t);
    return 0;
}
