/* The sandbox's session against the protocol: order, shapes, numbers and errors, in virtual time. */
#include "session_talk.h"

#define AUDIO_RESPONSE                                                                                                 \
    "response.created", "response.output_item.added", "conversation.item.added", "response.content_part.added",        \
        "(deltas)", "response.output_audio.done", "response.output_audio_transcript.done",                             \
        "response.content_part.done", "conversation.item.done", "response.output_item.done", "response.done",          \
        "rate_limits.updated"

/* ---- session ---- */

TEST(created_is_the_first_event_and_complete)
{
    struct box *b = box_open(&(struct box_opts){0});
    struct json_val e = box_next(b, "session.created");
    assert_int_equal(b->n, 1);
    assert_at(e, "session.object", "realtime.session");
    assert_at(e, "session.model", "gpt-realtime");
    assert_at(e, "session.expires_at", "1700003600");
    assert_at(e, "session.audio.input.turn_detection.type", "server_vad");
    assert_at(e, "session.audio.input.turn_detection.interrupt_response", "true");
    assert_at(e, "session.audio.input.format.rate", "24000");
    box_free(b);
}

TEST(update_answers_with_the_whole_session_or_an_error_and_nothing_changed)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, "{\"type\":\"session.update\",\"event_id\":\"me\",\"session\":{\"type\":\"realtime\",\"voise\":1}}");
    struct json_val e = box_next(b, "error");
    assert_at(e, "error.code", "unknown_parameter");
    assert_at(e, "error.param", "session.voise");
    assert_at(e, "error.event_id", "me");
    box_do(b, "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"instructions\":\"x\"}}");
    e = box_next(b, "session.updated");
    assert_at(e, "session.audio.output.format.type", "audio/pcmu");
    assert_at(e, "session.audio.input.turn_detection.silence_duration_ms", "400");
    box_free(b);
}

TEST(bad_messages_are_errors_and_the_session_lives)
{
    static const struct {
        const char *json, *code, *param;
    } cases[] = {
        {"no json", "invalid_json", "null"},
        {"{}", "invalid_event", "null"},
        {"{\"type\":\"nonsense\"}", "invalid_value", "type"},
        {"{\"type\":\"session.update\",\"session\":{}}", "missing_required_parameter", "session.type"},
        {"{\"type\":\"input_audio_buffer.append\",\"audio\":\"@@@@\"}", "invalid_value", "audio"},
        {"{\"type\":\"conversation.item.truncate\",\"item_id\":\"a\",\"content_index\":0,\"audio_end_ms\":1}",
         "item_truncate_invalid_item_id", "item_id"},
        {"{\"type\":\"response.cancel\"}", "response_cancel_not_active", "null"},
    };
    struct box *b = box_open(&(struct box_opts){0});
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        box_do(b, cases[i].json);
        struct json_val e = box_next(b, "error");
        assert_at(e, "error.type", "invalid_request_error");
        assert_at(e, "error.code", cases[i].code);
        assert_at(e, "error.param", cases[i].param);
    }
    sandbox_session_binary(b->s, b->now_us);
    assert_at(box_next(b, "error"), "error.code", "invalid_event");
    assert_false(b->closed);
    box_free(b);
}

TEST(the_session_expires_with_an_error_and_1001)
{
    struct box *b = box_open(&(struct box_opts){.session_s = 120});
    box_run(b, 119 * 1000);
    assert_false(b->closed);
    box_run(b, 2000);
    assert_true(b->closed);
    assert_int_equal(b->close_code, 1001);
    assert_string_equal(b->close_reason, "Your session hit the maximum duration of 2 minutes.");
    assert_at(box_next(b, "error"), "error.code", "session_expired");
    box_do(b, CREATE); /* too late: silently nothing */
    box_free(b);
}

/* ---- responses ---- */

TEST(a_greeting_comes_in_the_vendors_order)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, CREATE);
    box_run(b, 20000);
    assert_types(b, AUDIO_RESPONSE);
    b->seen = 0;
    struct json_val done = box_next(b, "response.done");
    assert_at(done, "response.status", "completed");
    struct json_val item = elem_at(done, "response.output", 0);
    char said[2000];
    assert_ok(json_copy_str(json_get(elem_at(item, "content", 0), "transcript"), said, sizeof(said)));
    assert_has(str_from(said), "Hello, this is Robin, your shop assistant.");
    /* The deltas are the transcript. */
    struct buf joined;
    buf_init(&joined, 4000);
    for (uint32_t i = 0; i < b->n; i++) {
        if (box_is(b, i, "response.output_audio_transcript.delta")) {
            buf_puts(&joined, text_at(box_event(b, i), "delta"));
        }
    }
    assert_string_equal(buf_cstr(&joined), said);
    buf_done(&joined);
    box_free(b);
}

TEST(audio_comes_four_times_faster_than_it_sounds_in_uneven_pieces)
{
    struct box *b = open_ready(NULL, NULL);
    b->ms_per_char = 100; /* a long sentence */
    box_do(b, CREATE);
    box_run(b, 1000);
    size_t bytes = 0, sizes[3] = {0};
    for (uint32_t i = 0, k = 0; i < b->n; i++) {
        if (box_is(b, i, "response.output_audio.delta")) {
            struct json_val d = json_get(box_event(b, i), "delta");
            bytes += d.s.n / 4 * 3;
            if (k < 3) {
                sizes[k++] = d.s.n;
            }
        }
    }
    assert_in_range(bytes, 3800 * 8, 4400 * 8);
    assert_true(sizes[0] != sizes[1] && sizes[1] != sizes[2]);
    box_free(b);
}

TEST(usage_counts_audio_and_text)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, "{\"type\":\"response.create\",\"response\":{\"instructions\":\"Say exactly: \\\"Ten chars.\\\"\"}}");
    box_run(b, 3000);
    struct json_val u = json_path(box_next(b, "response.done"), "response.usage");
    assert_at(u, "output_token_details.audio_tokens", "12"); /* 10 characters, 60 ms each: 600 ms */
    assert_at(u, "output_token_details.text_tokens", "3");
    assert_int_equal(number_at(u, "output_tokens"), 15);
    assert_int_equal(number_at(u, "total_tokens"), number_at(u, "input_tokens") + 15);
    box_free(b);
}

/* A picture stands in the conversation as it came, and in the usage of what is answered from then on. */
TEST(pictures_are_checked_counted_and_kept)
{
    static const char pixel[] =
        "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADh"
        "gGAWjR9awAAAABJRU5ErkJggg==";
    struct box *b = open_ready(NULL, NULL);
    format_do(
        b,
        "{\"type\":\"conversation.item.create\",\"item\":{\"id\":\"item_p\",\"type\":\"message\",\"role\":\"user\","
        "\"content\":[{\"type\":\"input_text\",\"text\":\"hello\"},{\"type\":\"input_image\",\"image_url\":\"%s\"}]}}",
        pixel);
    struct json_val item = json_get(box_next(b, "conversation.item.added"), "item");
    assert_string_equal(text_at(elem_at(item, "content", 1), "type"), "input_image");
    assert_string_equal(text_at(elem_at(item, "content", 1), "image_url"), pixel);
    assert_string_equal(text_at(elem_at(item, "content", 1), "detail"), "auto");
    box_do(b, "{\"type\":\"conversation.item.retrieve\",\"item_id\":\"item_p\"}");
    item = json_get(box_next(b, "conversation.item.retrieved"), "item");
    assert_string_equal(text_at(elem_at(item, "content", 1), "image_url"), pixel);
    box_do(b, "{\"type\":\"response.create\"}");
    box_run(b, 6000);
    struct json_val u = json_path(box_next(b, "response.done"), "response.usage");
    assert_int_equal(number_at(u, "input_token_details.image_tokens"), 255);
    assert_int_equal(number_at(u, "input_tokens"), number_at(u, "input_token_details.text_tokens") + 255);
    box_do(
        b,
        "{\"type\":\"conversation.item.create\",\"event_id\":\"e1\",\"item\":{\"type\":\"message\",\"role\":\"user\","
        "\"content\":[{\"type\":\"input_image\",\"image_url\":\"https://example.com/a.png\"}]}}");
    struct json_val e = json_get(box_next(b, "error"), "error");
    assert_string_equal(text_at(e, "param"), "item.content[0].image_url");
    assert_string_equal(text_at(e, "event_id"), "e1");
    box_free(b);
}

/* Five pictures of five megabytes: the sixteen newest megabytes are kept, the messages all. */
TEST(old_pictures_are_dropped_their_messages_not)
{
    static char event[5 << 20];
    static const char head[] =
        "{\"type\":\"conversation.item.create\",\"item\":{\"id\":\"item_%u\",\"type\":\"message\",\"role\":"
        "\"user\",\"content\":[{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,"
        "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYA";
    struct box *b = open_ready(NULL, NULL);
    for (unsigned i = 0; i < 5; i++) {
        size_t n = (size_t)snprintf(event, sizeof(event), head, i);
        size_t end = sizeof(event) - 16;
        end -= (end - n) % 4;
        memset(event + n, 'A', end - n);
        memcpy(event + end, "\"}]}}", sizeof("\"}]}}"));
        box_do(b, event);
        assert_non_null(box_next(b, "conversation.item.done").s.p);
    }
    for (unsigned i = 0; i < 5; i++) {
        format_do(b, "{\"type\":\"conversation.item.retrieve\",\"item_id\":\"item_%u\"}", i);
        struct json_val item = json_get(box_next(b, "conversation.item.retrieved"), "item");
        struct json_val url = json_get(elem_at(item, "content", 0), "image_url");
        assert_int_equal(url.s.n > 0, i >= 2);
    }
    box_free(b);
}

TEST(a_prompt_by_id_is_echoed_and_refused_by_its_form)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"prompt\":{\"id\":\"pmpt_1\","
              "\"version\":\"3\","
              "\"variables\":{\"who\":\"Ann\"}}}}");
    struct json_val prompt = json_path(box_next(b, "session.updated"), "session.prompt");
    assert_string_equal(text_at(prompt, "id"), "pmpt_1");
    assert_string_equal(text_at(prompt, "variables.who"), "Ann");
    box_do(b, "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"prompt\":{\"version\":\"3\"}}}");
    assert_string_equal(text_at(box_next(b, "error"), "error.param"), "session.prompt.id");
    box_do(b, "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"prompt\":null}}");
    assert_int_equal(json_path(box_next(b, "session.updated"), "session.prompt").type, JSON_NULL);
    box_free(b);
}

TEST(exact_texts_are_spoken_word_by_word)
{
    static const struct {
        const char *instructions, *want;
    } cases[] = {
        {"Say exactly: \\\"Good morning.\\\"", "Good morning."},
        {"Say exactly: \\\"Call me \\\"Al\\\".\\\" Say nothing else.", "Call me \"Al\"."},
        {"The call is ending. Say goodbye to the caller in one short sentence.", "Thank you for calling. Goodbye."},
        {"Please say EXACTLY \\\"A \\\\\\\"quoted\\\\\\\" word.\\\" and stop.", "A \"quoted\" word."},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct box *b = open_ready(NULL, NULL);
        format_do(b, "{\"type\":\"response.create\",\"response\":{\"instructions\":\"%s\"}}", cases[i].instructions);
        box_run(b, 6000);
        assert_string_equal(text_at(box_next(b, "response.output_audio_transcript.done"), "transcript"), cases[i].want);
        box_free(b);
    }
}

/* Clients repeat the session's instructions in front of what they want of one response. */
TEST(words_of_the_sessions_own_instructions_are_no_wish)
{
    static const struct {
        const char *wish, *want;
    } cases[] = {
        {"You have called this person, and they have just picked up.",
         "Hello, this is Robin, the assistant of the shop."},
        {"The call is ending. Say goodbye in one short sentence.", "Thank you for calling. Goodbye."},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct box *b = open_ready(NULL, NULL);
        box_do(b, "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"instructions\":"
                  "\"Apologise once, say goodbye, then end the call.\"}}");
        format_do(b,
                  "{\"type\":\"response.create\",\"response\":{\"instructions\":\"Apologise once, say goodbye, then "
                  "end the call.\\n\\n%s\"}}",
                  cases[i].wish);
        box_run(b, 9000);
        const char *said = text_at(box_next(b, "response.output_audio_transcript.done"), "transcript");
        assert_int_equal(strncmp(said, cases[i].want, strlen(cases[i].want)), 0);
        box_free(b);
    }
}

TEST(one_response_at_a_time_and_others_out_of_band)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, CREATE);
    box_do(b, "{\"type\":\"response.create\",\"event_id\":\"x1\"}");
    struct json_val e = box_next(b, "error");
    assert_at(e, "error.code", "conversation_already_has_active_response");
    assert_at(e, "error.event_id", "x1");
    box_forget(b);
    box_do(b, "{\"type\":\"response.create\",\"response\":{\"conversation\":\"none\",\"output_modalities\":[\"text\"],"
              "\"metadata\":{\"k\":\"v\"},\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":"
              "\"input_text\",\"text\":\"what are your opening hours\"}]}]}}");
    e = box_next(b, "response.created");
    assert_at(e, "response.conversation_id", "null");
    assert_at(e, "response.metadata.k", "v");
    box_run(b, 30000);
    assert_int_equal(box_count(b, "response.done"), 2);
    assert_int_equal(box_count(b, "conversation.item.done"), 1); /* of the greeting only */
    box_free(b);
}

TEST(cancel_closes_the_response_out)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, CREATE);
    box_run(b, 500);
    box_forget(b);
    box_do(b, CANCEL);
    assert_types(b, "response.output_audio.done", "response.output_audio_transcript.done", "response.content_part.done",
                 "conversation.item.done", "response.output_item.done", "response.done", "rate_limits.updated");
    b->seen = 0;
    struct json_val e = box_next(b, "response.done");
    assert_at(e, "response.status", "cancelled");
    assert_at(e, "response.status_details.type", "cancelled");
    assert_at(e, "response.status_details.reason", "client_cancelled");
    assert_at(elem_at(e, "response.output", 0), "status", "incomplete");
    box_run(b, 5000);
    assert_int_equal(box_count(b, "response.output_audio.delta"), 0);
    box_free(b);
}

TEST(max_output_tokens_makes_it_incomplete)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, "{\"type\":\"response.create\",\"response\":{\"max_output_tokens\":20}}");
    box_run(b, 20000);
    struct json_val e = box_next(b, "response.done");
    assert_at(e, "response.status", "incomplete");
    assert_at(e, "response.status_details.reason", "max_output_tokens");
    assert_at(e, "response.max_output_tokens", "20");
    box_free(b);
}

TEST(truncation_is_checked_and_drops_the_words)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, "{\"type\":\"response.create\",\"response\":{\"instructions\":\"Say exactly: \\\"Ten chars.\\\"\"}}");
    box_run(b, 3000);
    const char *id = text_at(elem_at(box_next(b, "response.done"), "response.output", 0), "id");
    format_do(
        b, "{\"type\":\"conversation.item.truncate\",\"item_id\":\"%s\",\"content_index\":0,\"audio_end_ms\":601}", id);
    struct json_val e = box_next(b, "error");
    assert_at(e, "error.code", "invalid_value");
    assert_at(e, "error.message", "Audio content of 600ms is already shorter than 601ms");
    format_do(
        b, "{\"type\":\"conversation.item.truncate\",\"item_id\":\"%s\",\"content_index\":0,\"audio_end_ms\":250}", id);
    e = box_next(b, "conversation.item.truncated");
    assert_at(e, "audio_end_ms", "250");
    format_do(b, "{\"type\":\"conversation.item.retrieve\",\"item_id\":\"%s\"}", id);
    e = elem_at(box_next(b, "conversation.item.retrieved"), "item.content", 0);
    assert_at(e, "transcript", "");
    assert_int_equal(json_get(e, "audio").s.n, base64_enc_len(250 * 8));
    box_do(b, TEXT("hello"));
    id = text_at(box_next(b, "conversation.item.added"), "item.id");
    format_do(b, "{\"type\":\"conversation.item.truncate\",\"item_id\":\"%s\",\"content_index\":0,\"audio_end_ms\":0}",
              id);
    assert_at(box_next(b, "error"), "error.code", "item_truncate_invalid_item_id");
    box_free(b);
}

/* ---- tools ---- */

TEST(a_function_call_goes_round)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, TEXT("where is my order 4711"));
    box_do(b, "{\"type\":\"response.create\",\"response\":{\"output_modalities\":[\"text\"]}}");
    box_run(b, 5000);
    assert_types(b, "conversation.item.added", "conversation.item.done", "response.created",
                 "response.output_item.added", "conversation.item.added", "response.content_part.added", "(deltas)",
                 "response.output_text.done", "response.content_part.done", "conversation.item.done",
                 "response.output_item.done", "response.output_item.added", "conversation.item.added", "(deltas)",
                 "response.function_call_arguments.done", "conversation.item.done", "response.output_item.done",
                 "response.done", "rate_limits.updated");
    b->seen = 0;
    struct json_val call = box_next(b, "response.function_call_arguments.done");
    assert_at(call, "name", "check_order_status");
    assert_string_equal(text_at(call, "arguments"), "{\"order_number\":\"4711\"}");
    assert_at(call, "output_index", "1");
    struct json_val done = elem_at(box_next(b, "response.done"), "response.output", 1);
    assert_at(done, "status", "completed");
    const char *call_id = text_at(call, "call_id");
    box_forget(b);
    box_do(b, "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"function_call_output\",\"call_id\":\"nope\","
              "\"output\":\"\"}}");
    struct json_val e = box_next(b, "error");
    assert_at(e, "error.code", "invalid_tool_call_id");
    assert_at(e, "error.message", "Tool call ID 'nope' not found in conversation.");
    format_do(b,
              "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"function_call_output\",\"call_id\":\"%s\","
              "\"output\":\"{\\\"status\\\":\\\"delivered\\\",\\\"order_number\\\":\\\"4711\\\"}\"}}",
              call_id);
    box_run(b, 2000);
    assert_types(b, "conversation.item.added", "conversation.item.done"); /* nothing more without response.create */
    box_do(b, CREATE);
    box_run(b, 8000);
    assert_string_equal(text_at(box_next(b, "response.output_audio_transcript.done"), "transcript"),
                        "Your order 4 7 1 1 has been delivered.");
    box_free(b);
}

#define OFFER_BILLING                                                                                                  \
    "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"tools\":[{\"type\":\"function\",\"name\":"      \
    "\"transfer_to_front_desk\",\"parameters\":{}}]}}"

TEST(who_is_asked_for_is_handed_over_to_when_the_tool_is_offered)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, TEXT("please connect me to the front desk"));
    box_do(b, CREATE);
    box_run(b, 8000);
    for (uint32_t i = 0; i < b->n; i++) { /* not offered, not called */
        assert_has_not(str_from(b->events[i]), "transfer_to");
    }
    box_forget(b);
    box_do(b, OFFER_BILLING);
    box_do(b, TEXT("please connect me to the front desk"));
    box_do(b, CREATE);
    box_run(b, 8000);
    b->seen = 0;
    struct json_val call = box_next(b, "response.function_call_arguments.done");
    assert_at(call, "name", "transfer_to_front_desk");
    const char *call_id = text_at(call, "call_id");
    format_do(b,
              "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"function_call_output\",\"call_id\":\"%s\","
              "\"output\":\"{\\\"assistant\\\":\\\"Front Desk\\\"}\"}}",
              call_id);
    box_do(b, CREATE);
    box_run(b, 8000);
    assert_string_equal(text_at(box_next(b, "response.output_audio_transcript.done"), "transcript"),
                        "This is Front Desk. How can I help you?");
    box_free(b);
}

TEST(the_listing_of_tools_elsewhere_fails_at_once)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b,
           "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"tools\":[{\"type\":\"function\",\"name\":"
           "\"a\",\"parameters\":{}},{\"type\":\"mcp\",\"server_label\":\"wiki \\\"x\\\"\",\"server_url\":"
           "\"https://mcp.example.com\"}]}}");
    box_next(b, "session.updated");
    struct json_val e = box_next(b, "mcp_list_tools.in_progress");
    char id[80];
    assert_ok(str_copy(id, sizeof(id), json_get(e, "item_id").s));
    e = box_next(b, "conversation.item.added");
    assert_at(e, "item.id", id);
    assert_at(e, "item.type", "mcp_list_tools");
    assert_at(e, "item.tools", "[]");
    assert_str_is(json_path(e, "item.server_label").s, "wiki \\\"x\\\"");
    box_next(b, "conversation.item.done");
    e = box_next(b, "mcp_list_tools.failed");
    assert_at(e, "item_id", id);
    format_do(b, "{\"type\":\"conversation.item.retrieve\",\"item_id\":\"%s\"}", id);
    assert_at(box_next(b, "conversation.item.retrieved"), "item.tools", "[]");
    uint32_t n = b->n;
    box_do(b, "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"instructions\":\"x\"}}");
    assert_int_equal(b->n, n + 1); /* the tools are as they were: nobody asks again */
    box_free(b);
}

TEST(tool_choice_none_forbids_and_a_named_function_forces)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, TEXT("where is my order 4711"));
    box_do(b, "{\"type\":\"response.create\",\"response\":{\"tool_choice\":\"none\"}}");
    box_run(b, 8000);
    assert_int_equal(box_count(b, "response.function_call_arguments.done"), 0);
    box_do(b,
           "{\"type\":\"response.create\",\"response\":{\"tool_choice\":{\"type\":\"function\",\"name\":\"end_call\"}}"
           "}");
    box_run(b, 8000);
    assert_at(box_next(b, "response.function_call_arguments.done"), "name", "end_call");
    box_free(b);
}

/* ---- a conversation that began elsewhere ---- */

#define SAID(role, part, status, words)                                                                                \
    "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"" role "\",\"status\":\"" status \
    "\",\"content\":[{\"type\":\"" part "\",\"text\":\"" words "\"}]}}"
#define CALLED                                                                                                         \
    "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"function_call\",\"call_id\":\"call_1\",\"name\":"     \
    "\"check_order_status\",\"arguments\":\"{}\"}}"
#define RESULT                                                                                                         \
    "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"function_call_output\",\"call_id\":\"call_1\","       \
    "\"output\":"                                                                                                      \
    "\"{\\\"status\\\":\\\"nonsense\\\"}\"}}"

static void assert_says(struct box *b, const char *words)
{
    box_run(b, 12000);
    const char *said = text_at(box_next(b, "response.output_audio_transcript.done"), "transcript");
    assert_has(str_from(said), words);
}

TEST(what_was_answered_before_is_not_answered_again)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, SAID("user", "input_text", "completed", "what is the status of my order one two three four"));
    box_do(b, CALLED);
    box_do(b, RESULT);
    box_do(b, SAID("assistant", "output_text", "completed", "It is on its way."));
    box_do(b, TEXT("what are your opening hours"));
    assert_int_equal(box_count(b, "error"), 0);
    box_forget(b);
    box_do(b, CREATE);
    assert_says(b, "We are open");
    assert_int_equal(box_count(b, "response.function_call_arguments.done"), 0);
    box_free(b);
}

TEST(an_output_of_an_earlier_call_is_answered_here)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, SAID("user", "input_text", "completed", "what is the status of my order one two three four"));
    box_do(b, CALLED);
    box_do(b, RESULT);
    box_forget(b);
    box_do(b, CREATE);
    assert_says(b, "order");
    assert_int_equal(box_count(b, "response.function_call_arguments.done"), 0);
    box_free(b);
}

TEST(a_message_that_broke_off_is_gone_on_with)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, SAID("user", "input_text", "completed", "what are your opening hours"));
    box_do(b, SAID("assistant", "output_text", "incomplete", "We are open from nine in the morning"));
    box_forget(b);
    box_do(b, "{\"type\":\"response.create\",\"response\":{\"instructions\":\"Your last message broke off. Go on.\"}}");
    assert_says(b, "to six in the evening");
    box_free(b);
}

/* Nothing of the answer was heard: it is given, whatever else the wish says must not be done. */
TEST(an_answer_that_broke_off_before_its_first_word_is_given)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, SAID("user", "input_text", "completed", "what are your opening hours"));
    box_forget(b);
    box_do(b, "{\"type\":\"response.create\",\"response\":{\"instructions\":\"Say goodbye politely. Your last message "
              "broke off. Go on and do not apologise.\"}}");
    assert_says(b, "nine in the morning");
    box_free(b);
}

TEST(words_that_were_to_be_said_exactly_are_gone_on_with)
{
    struct box *b = open_ready(NULL, NULL);
    box_do(b, SAID("assistant", "output_text", "incomplete", "Welcome to the"));
    box_forget(b);
    box_do(b,
           "{\"type\":\"response.create\",\"response\":{\"instructions\":\"Say exactly: \\\"Welcome to the shop.\\\" "
           "Your last message broke off.\"}}");
    box_run(b, 6000);
    assert_string_equal(text_at(box_next(b, "response.output_audio_transcript.done"), "transcript"), "shop.");
    box_free(b);
}

TEST_MAIN(T(created_is_the_first_event_and_complete),
          T(update_answers_with_the_whole_session_or_an_error_and_nothing_changed),
          T(bad_messages_are_errors_and_the_session_lives), T(the_session_expires_with_an_error_and_1001),
          T(a_greeting_comes_in_the_vendors_order), T(audio_comes_four_times_faster_than_it_sounds_in_uneven_pieces),
          T(usage_counts_audio_and_text), T(pictures_are_checked_counted_and_kept),
          T(old_pictures_are_dropped_their_messages_not), T(a_prompt_by_id_is_echoed_and_refused_by_its_form),
          T(exact_texts_are_spoken_word_by_word), T(words_of_the_sessions_own_instructions_are_no_wish),
          T(one_response_at_a_time_and_others_out_of_band), T(cancel_closes_the_response_out),
          T(max_output_tokens_makes_it_incomplete), T(truncation_is_checked_and_drops_the_words),
          T(a_function_call_goes_round), T(who_is_asked_for_is_handed_over_to_when_the_tool_is_offered),
          T(the_listing_of_tools_elsewhere_fails_at_once), T(tool_choice_none_forbids_and_a_named_function_forces),
          T(what_was_answered_before_is_not_answered_again), T(an_output_of_an_earlier_call_is_answered_here),
          T(a_message_that_broke_off_is_gone_on_with), T(an_answer_that_broke_off_before_its_first_word_is_given),
          T(words_that_were_to_be_said_exactly_are_gone_on_with))
