/*
 * Plivo's documents, and the text that its signatures cover. The first byte chooses: even, XML by the vendor's grammar;
 * odd, a URL, a nonce and a form, one below the other.
 */
#include "fuzz.h"

#include "wire/plivo_sig.h"
#include "wire/plivo_xml.h"

static void xml(struct str text)
{
    static struct twiml t; /* large; the harness has one thread */
    struct twiml_error e = {0};
    if (twiml_parse_as(&plivo_xml_grammar, text, &t, &e) < 0) {
        REQUIRE(e.text[0]);
        return;
    }
    REQUIRE(t.n_nodes >= 1 && t.n_nodes <= TWIML_NODES_MAX && t.nodes[0].kind == TWIML_RESPONSE);
    for (uint32_t i = 1; i < t.n_nodes; i++) {
        REQUIRE(t.nodes[i].kind < TWIML_KIND_N && t.nodes[i].parent < i);
    }
    twiml_done(&t);
}

static void signature(struct str text)
{
    static struct form form;
    struct buf out;
    struct str parts[3] = {0};
    for (size_t i = 0; i < 3; i++) {
        size_t end = str_find(text, '\n');
        parts[i] = (struct str){text.p, end};
        end = MIN(end + 1, text.n);
        text = (struct str){text.p + end, text.n - end};
    }
    form_init(&form, 1 << 16);
    buf_init(&out, 1 << 20);
    if (form_decode(&form, parts[2]) == 0 && plivo_sign_base(&out, parts[0], &form, parts[1]) == 0) {
        REQUIRE(str_ends(buf_str(&out), parts[1]));
        buf_clear(&out);
        REQUIRE(plivo_sign_base_v2(&out, parts[0], parts[1]) == 0);
    }
    struct str list = parts[1];
    struct str one;
    size_t n = 0;
    while (plivo_next_signature(&list, &one)) {
        REQUIRE(one.n > 0 && ++n <= parts[1].n);
    }
    form_done(&form);
    buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct str text = {(const char *)data + 1, size - 1};
    if (data[0] % 2 == 0) {
        xml(text);
    } else {
        signature(text);
    }
    return 0;
}
