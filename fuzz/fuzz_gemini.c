/*
 * Gemini Live both ways. The first byte chooses: server messages as the gateway reads them, client messages as the
 * strict server reads them, or a schema as it is said in the API's dialect.
 */
#include "fuzz_wire.h"

#include <stdlib.h>

#include "wire/gemini_server.h"

static void server_message(struct world *w, struct str text)
{
    struct gemini_message m;
    struct gemini_part p;
    struct gemini_call c;
    struct str id;
    if (gemini_decode(text, &w->scratch, &m, NULL) < 0) {
        return;
    }
    REQUIRE(m.handle.n <= GEMINI_HANDLE_MAX && (!m.resumable || m.handle.n > 0));
    for (struct json_it it = json_array(m.parts); gemini_part_next(&it, &m, &w->scratch, &p);) {
        REQUIRE(p.kind != GEMINI_PART_AUDIO || p.rate_hz > 0);
        REQUIRE(p.kind != GEMINI_PART_THOUGHT || p.text.n == 0);
    }
    for (struct json_it it = json_array(m.calls); gemini_call_next(&it, &m, &w->scratch, &c);) {
        REQUIRE(c.name.n > 0 && c.name.n <= GEMINI_ID_MAX && c.id.n <= GEMINI_ID_MAX);
        gemini_put_compact(&w->out, c.args);
    }
    for (struct json_it it = json_array(m.cancelled); gemini_id_next(&it, &m, &w->scratch, &id);) {
        REQUIRE(id.n <= GEMINI_ID_MAX);
    }
}

static void client_message(struct world *w, struct str text)
{
    struct gemini_client_message m;
    struct gemini_refusal why = {0};
    uint8_t *bytes = NULL;
    size_t n = 0;
    if (gemini_server_decode(text, &w->scratch, &m, &why) < 0) {
        REQUIRE(why.code != 0 && why.reason[0]);
        return;
    }
    if (m.type == GEMINI_CLIENT_INPUT && m.input.audio.p && gemini_server_audio(m.input.audio, &bytes, &n) == 0) {
        free(bytes);
    }
    if (m.type == GEMINI_CLIENT_CONTENT) {
        struct json_val turn;
        for (struct json_it it = json_array(m.turns); json_elem(&it, &turn);) {
            gemini_server_content_text(turn, &w->out);
        }
    }
}

static void schema(struct world *w, struct str text)
{
    struct json_w json = json_w(&w->out);
    struct json_val v;
    if (gemini_put_schema(&json, text) == 0 && w->out.err == 0) {
        REQUIRE(json_parse(buf_str(&w->out), &v) == 0 && v.type == JSON_OBJECT);
    }
}

FUZZ_READERS(server_message, client_message, schema)
