/*
 * Both OpenAI decoders. The first byte chooses: even, server events as the gateway reads them; odd, client events as
 * the strict server reads them, with session.update applied and the session echoed and read again.
 */
#include "fuzz_wire.h"

#include "wire/openai_server.h"

static void server_event(struct world *w, struct str text)
{
    struct openai_event e;
    const char *field = NULL;
    if (openai_decode(text, &w->scratch, &e, &field) < 0) {
        return;
    }
    REQUIRE(e.type < OPENAI_EVENT_N);
    REQUIRE(e.event_id.n <= OPENAI_ID_MAX && e.item_id.n <= OPENAI_ID_MAX && e.response_id.n <= OPENAI_ID_MAX);
    if (e.type == OPENAI_RESPONSE_DONE) {
        struct openai_item item;
        for (struct json_it it = json_array(e.response.output); openai_item_next(&it, &w->scratch, &item);) {
            REQUIRE(item.id.n <= OPENAI_ID_MAX && item.type < OPENAI_ITEM_TYPE_N);
        }
    }
    /* Text survives the server's writer. What is no UTF-8 (the socket lets none through) grows when it is written. */
    if (e.type == OPENAI_TRANSCRIPT_DELTA && utf8_valid(text)) {
        struct openai_server_ref ref = {.response_id = e.response_id, .item_id = e.item_id};
        openai_server_put_text(&w->out, e.event_id, e.type, &ref, e.text);
        struct openai_event again;
        REQUIRE(openai_decode(buf_str(&w->out), &w->other, &again, NULL) == 0);
        REQUIRE(str_eq(again.text, e.text));
    }
}

static void apply(struct world *w, struct json_val update)
{
    struct openai_server_session s;
    struct openai_server_error e;
    if (openai_server_session_init(&s, STR("sess_1"), STR("gpt-realtime")) < 0) {
        return;
    }
    if (openai_server_apply_update(&s, update, &e) < 0) {
        REQUIRE(e.message[0] && e.code);
    }
    openai_server_put_session(&w->out, STR("e"), OPENAI_SESSION_UPDATED, &s);
    if (w->out.err == 0) {
        struct json_val v;
        struct openai_event echoed;
        REQUIRE(json_parse(buf_str(&w->out), &v) == 0);
        REQUIRE(openai_decode(buf_str(&w->out), &w->other, &echoed, NULL) == 0);
        REQUIRE(echoed.session.input_format == s.input_format);
        REQUIRE(echoed.session.n_tools == openai_server_tool_count(&s));
    }
    openai_server_session_done(&s);
}

static void client_event(struct world *w, struct str text)
{
    struct openai_client_event ev;
    struct openai_server_error e = {0};
    if (openai_server_decode(text, &w->scratch, &ev, &e) < 0) {
        REQUIRE(e.message[0] && e.code);
        openai_server_put_error(&w->out, STR("e"), &e, ev.event_id);
        struct json_val v;
        REQUIRE(json_parse(buf_str(&w->out), &v) == 0);
        return;
    }
    REQUIRE(ev.type < OPENAI_CLIENT_N);
    if (ev.type == OPENAI_CLIENT_SESSION_UPDATE) {
        apply(w, ev.session);
    } else if (ev.type == OPENAI_CLIENT_ITEM_CREATE) {
        struct openai_part part;
        for (struct json_it it = json_array(ev.create.item.content); openai_part_next(&it, &w->scratch, &part);) {
            REQUIRE(part.type != OPENAI_PART_NONE);
        }
    } else if (ev.type == OPENAI_CLIENT_RESPONSE_CREATE && ev.response.has_input) {
        struct openai_item item;
        for (struct json_it it = json_array(ev.response.input); openai_item_next(&it, &w->scratch, &item);) {
            REQUIRE(item.type != OPENAI_ITEM_UNKNOWN);
        }
    }
}

FUZZ_READERS(server_event, client_event)
