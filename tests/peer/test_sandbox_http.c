/*
 * What the sandbox's server answers besides sessions: the truth about them, client secrets; and its pings, its canned
 * voice and bursts of speech, over real sockets.
 */
#include "sandbox_fixture.h"

#include "net/http_client.h"
#include "peer/sandbox/sandbox_inspect.h"
#include "peer/sandbox/sandbox_secrets.h"
#include "peer/sandbox/sandbox_vad.h"
#include "peer/speech/speech_asr.h"

#define TELEPHONE(turns)                                                                                               \
    "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{\"format\":{\"type\":"      \
    "\"audio/pcmu\"},\"transcription\":{\"model\":\"whisper-1\"},\"turn_detection\":" turns                            \
    "},\"output\":{\"format\":{\"type\":\"audio/pcmu\"}}}}}"
#define SAY(text) "{\"type\":\"response.create\",\"response\":{\"instructions\":\"Say exactly: \\\"" text "\\\"\"}}"

/* ---- asking over HTTP ---- */

struct answer {
    bool done;
    int status;
    char body[65536];
    struct json_val json;
};

static void on_reply(const struct http_reply *reply, void *arg)
{
    struct answer *a = arg;
    a->done = true;
    a->status = reply->err < 0 ? reply->err : reply->status;
    assert_ok(str_copy(a->body, sizeof(a->body), str_of_span(reply->body)));
    if (json_parse(str_from(a->body), &a->json) < 0) {
        a->json = (struct json_val){0};
    }
}

static bool is_done(void *arg)
{
    return ((struct answer *)arg)->done;
}

/* The answer, valid until the next call. */
static const struct answer *ask(struct fixture *f, const char *method, const char *path, const char *headers,
                                const char *body)
{
    static struct answer a;
    struct http_client *client;
    char url[300];
    memset(&a, 0, sizeof(a));
    snprintf(url, sizeof(url), "http://127.0.0.1:%u%s", sandbox_server_port(f->server), path);
    struct http_call_opts opts = {
        .method = method, .url = str_from(url), .headers = str_from(headers), .body = span_of_str(str_from(body))};
    assert_ok(http_client_new(f->loop, &client));
    assert_ok(http_call(client, &opts, on_reply, &a, NULL));
    wait_until(f->loop, is_done, &a);
    http_client_free(client);
    return &a;
}

static const struct answer *get(struct fixture *f, const char *path)
{
    return ask(f, "GET", path, "", "");
}

static int64_t number(struct json_val v, const char *path)
{
    int64_t n = -1;
    if (json_to_i64(json_path(v, path), &n) < 0) {
        fail_msg("%s is no number", path);
    }
    return n;
}

static uint32_t count(struct json_val v, const char *path)
{
    struct json_val e;
    uint32_t n = 0;
    for (struct json_it it = json_array(json_path(v, path)); json_elem(&it, &e);) {
        n++;
    }
    return n;
}

/* A member of an event that a client got, NUL-terminated; valid for some calls. */
static const char *member(const char *event, const char *path)
{
    static char text[4][300];
    static unsigned at;
    struct json_val v;
    at = (at + 1) % 4;
    assert_ok(json_parse(str_from(event), &v));
    assert_ok(json_copy_str(json_path(v, path), text[at], sizeof(text[at])));
    return text[at];
}

/* ---- the truth ---- */

TEST(the_truth_is_there_while_a_session_lives_and_after)
{
    struct fixture *f = server_canned();
    struct client *c = client_open(f, "?model=gpt-realtime");
    char path[300];
    const char *session = member(client_await(c, "session.created"), "session.id");
    client_do(c, TELEPHONE("null"));
    client_do(c, SAY("Your parcel arrives on Monday."));
    const char *item = member(client_await(c, "response.output_item.added"), "item.id");
    client_await(c, "response.done");
    for (int ended = 0; ended < 2; ended++) {
        const struct answer *a = get(f, "/sandbox/sessions");
        assert_int_equal(a->status, 200);
        assert_int_equal(count(a->json, "sessions"), 1);
        snprintf(path, sizeof(path), "/sandbox/sessions/%s", session);
        a = get(f, path);
        assert_int_equal(a->status, 200);
        assert_true(str_is(json_path(a->json, "session_id").s, session));
        assert_int_equal(json_path(a->json, "closed_at_ms").type, ended ? JSON_NUMBER : JSON_NULL);
        assert_int_equal(count(a->json, "items"), 1);
        snprintf(path, sizeof(path), "/sandbox/items/%s", item);
        a = get(f, path);
        assert_int_equal(a->status, 200);
        assert_true(str_is(json_path(a->json, "text").s, "Your parcel arrives on Monday."));
        assert_int_equal(count(a->json, "words"), 5);
        if (!ended) {
            client_free(c);
        }
    }
    server_done(f);
}

TEST(of_ended_sessions_the_last_few_are_kept)
{
    struct fixture *f =
        server_open_with(&(struct sandbox_server_opts){.speech = SANDBOX_SPEECH_CANNED, .keep_sessions = 3});
    char first[300] = "", path[300];
    for (int i = 0; i < 5; i++) {
        struct client *c = client_open(f, "?model=gpt-realtime");
        const char *id = member(client_await(c, "session.created"), "session.id");
        if (i == 0) {
            assert_ok(str_copy(first, sizeof(first), str_from(id)));
        }
        client_free(c);
        settle(f->loop);
    }
    assert_int_equal(count(get(f, "/sandbox/sessions")->json, "sessions"), 3);
    snprintf(path, sizeof(path), "/sandbox/sessions/%s", first);
    assert_int_equal(get(f, path)->status, 404);
    server_done(f);
}

TEST(the_truth_is_guarded)
{
    static const struct {
        const char *method, *path, *headers;
        int status;
    } cases[] = {
        {"GET", "/sandbox/sessions", "", 401},
        {"GET", "/sandbox/sessions", "Authorization: Bearer wrong\r\n", 401},
        {"GET", "/sandbox/sessions", "Authorization: Bearer right\r\n", 200},
        {"GET", "/sandbox/sessions", "Authorization: Bearer right\r\nX-Forwarded-For: 10.0.0.1\r\n", 403},
        {"GET", "/sandbox/sessions", "Authorization: Bearer right\r\nForwarded: for=10.0.0.1\r\n", 403},
        {"POST", "/sandbox/sessions", "Authorization: Bearer right\r\n", 405},
        {"GET", "/sandbox/items/item_unknown", "Authorization: Bearer right\r\n", 404},
        {"GET", "/sandbox/items/", "Authorization: Bearer right\r\n", 404},
        {"GET", "/sandbox/elsewhere", "Authorization: Bearer right\r\n", 404},
    };
    static const struct {
        const char *peer;
        bool local;
    } peers[] = {{"127.0.0.1:1", true},  {"127.9.9.9:1", true},
                 {"[::1]:1", true},      {"[::ffff:127.0.0.1]:1", true},
                 {"10.0.0.1:1", false},  {"[::ffff:10.0.0.1]:1", false},
                 {"[::1:2]:1", false},   {"1.127.0.1:1", false},
                 {"[fe80::1]:1", false}, {"", false}};
    struct fixture *f =
        server_open_with(&(struct sandbox_server_opts){.speech = SANDBOX_SPEECH_CANNED, .key = STR("right")});
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int status = ask(f, cases[i].method, cases[i].path, cases[i].headers, "")->status;
        if (status != cases[i].status) {
            fail_msg("case %zu: %d", i, status);
        }
    }
    server_done(f);
    for (size_t i = 0; i < ARRAY_LEN(peers); i++) {
        assert_int_equal(inspect_is_loopback(str_from(peers[i].peer)), peers[i].local);
    }
}

/* ---- client secrets ---- */

#define SECRETS "/v1/realtime/client_secrets"

TEST(a_client_secret_opens_sessions_with_its_settings)
{
    struct fixture *f =
        server_open_with(&(struct sandbox_server_opts){.speech = SANDBOX_SPEECH_CANNED, .key = STR("right")});
    const struct answer *a = ask(
        f, "POST", SECRETS, "Authorization: Bearer right\r\nContent-Type: application/json\r\n",
        "{\"expires_after\":{\"anchor\":\"created_at\",\"seconds\":60},\"session\":{\"type\":\"realtime\",\"model\":"
        "\"gpt-realtime-2\",\"instructions\":\"Be kind.\",\"audio\":{\"output\":{\"voice\":\"cedar\"}}}}");
    assert_int_equal(a->status, 200);
    char secret[100], header[200];
    assert_ok(json_copy_str(json_path(a->json, "value"), secret, sizeof(secret)));
    assert_true(strncmp(secret, "ek_", 3) == 0 && strlen(secret) > 20);
    assert_true(number(a->json, "expires_at") > 1700000000);
    assert_true(str_is(json_path(a->json, "session.object").s, "realtime.session"));
    assert_true(str_is(json_path(a->json, "session.model").s, "gpt-realtime-2"));
    assert_true(str_is(json_path(a->json, "session.audio.output.voice").s, "cedar"));
    /* Any number of sessions; in the browser's way too; the model is the secret's unless one is asked for. */
    snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", secret);
    struct client *c = client_open_with(f, "", header, "");
    const char *e = client_await(c, "session.created");
    assert_string_equal(member(e, "session.model"), "gpt-realtime-2");
    assert_string_equal(member(e, "session.instructions"), "Be kind.");
    assert_string_equal(member(e, "session.audio.output.voice"), "cedar");
    client_free(c);
    snprintf(header, sizeof(header), "realtime, openai-insecure-api-key.%s", secret);
    c = client_open_with(f, "?model=gpt-realtime-mini", "", header);
    assert_string_equal(member(client_await(c, "session.created"), "session.model"), "gpt-realtime-mini");
    client_free(c);
    server_done(f);
}

TEST(a_secret_needs_the_key_and_a_right_body)
{
    static const struct {
        const char *method, *key, *body, *code, *param;
        int status;
    } cases[] = {
        {"POST", "wrong", "{}", "invalid_api_key", NULL, 401},
        {"POST", "right", "[1]", "invalid_json", NULL, 400},
        {"POST", "right", "{", "invalid_json", NULL, 400},
        {"POST", "right", "{\"session\":{}}", "missing_required_parameter", "session.type", 400},
        {"POST", "right", "{\"session\":{\"type\":\"realtime\",\"voise\":1}}", "unknown_parameter", "session.voise",
         400},
        {"POST", "right", "{\"expires_after\":{\"seconds\":9}}", "invalid_value", "expires_after.seconds", 400},
        {"POST", "right", "{\"expires_after\":{\"seconds\":\"x\"}}", "invalid_value", "expires_after.seconds", 400},
        {"POST", "right", "{\"expires_after\":{\"anchor\":\"now\"}}", "invalid_value", "expires_after.anchor", 400},
        {"GET", "right", "", NULL, NULL, 405},
        {"POST", "right", "{}", NULL, NULL, 200},
        {"POST", "right", "", NULL, NULL, 200},
    };
    struct fixture *f =
        server_open_with(&(struct sandbox_server_opts){.speech = SANDBOX_SPEECH_CANNED, .key = STR("right")});
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char header[100];
        snprintf(header, sizeof(header), "Authorization: Bearer %s\r\n", cases[i].key);
        const struct answer *a = ask(f, cases[i].method, SECRETS, header, cases[i].body);
        if (a->status != cases[i].status) {
            fail_msg("case %zu: %d %s", i, a->status, a->body);
        }
        if (cases[i].code) {
            assert_true(str_is(json_path(a->json, "error.code").s, cases[i].code));
            assert_true(str_is(json_path(a->json, "error.param").s, cases[i].param ? cases[i].param : "null"));
        }
    }
    server_done(f);
}

TEST(an_unknown_secret_is_refused_even_where_any_key_is_taken)
{
    struct fixture *f = server_canned();
    struct client *c = client_open_with(f, "?model=gpt-realtime", "Authorization: Bearer ek_made_up\r\n", "");
    wait_until(f->loop, is_closed, c);
    assert_int_equal(c->why.code, 3000);
    assert_has(str_from(c->events[0]), "invalid_api_key");
    client_free(c);
    server_done(f);
}

TEST(secrets_expire_and_are_bounded)
{
    struct secrets s = {0};
    struct openai_server_error e;
    struct buf out;
    struct json_val v;
    char first[100];
    buf_init(&out, 1u << 20);
    assert_ok(secrets_make(&s, STR("{\"expires_after\":{\"seconds\":10}}"), 1000, &out, &e));
    assert_ok(json_parse(buf_str(&out), &v));
    assert_ok(json_copy_str(json_get(v, "value"), first, sizeof(first)));
    assert_int_equal(number(v, "expires_at"), 1010);
    assert_non_null(secrets_find(&s, str_from(first), 1009));
    assert_null(secrets_find(&s, str_from(first), 1010));
    assert_null(secrets_find(&s, STR("ek_"), 1000));
    for (int i = 0; i < SECRETS_MAX; i++) {
        buf_clear(&out);
        assert_ok(secrets_make(&s, STR("{}"), 1000, &out, &e));
    }
    assert_int_equal(s.n, SECRETS_MAX);
    assert_null(secrets_find(&s, str_from(first), 1001)); /* the oldest has gone */
    secrets_done(&s);
    buf_done(&out);
}

/* ---- pings ---- */

static bool has_pings(void *arg)
{
    return ((struct client *)arg)->pings >= 3;
}

TEST(the_server_pings)
{
    struct fixture *f = server_open_with(&(struct sandbox_server_opts){.speech = SANDBOX_SPEECH_CANNED, .ping_ms = 20});
    struct client *c = client_open(f, "?model=gpt-realtime");
    wait_until(f->loop, has_pings, c);
    assert_false(c->closed);
    client_free(c);
    server_done(f);
}

/* ---- the canned voice ---- */

/* All audio deltas so far, decoded to samples. */
static size_t client_audio(const struct client *c, int16_t *pcm, size_t cap)
{
    size_t n = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        struct json_val v;
        uint8_t bytes[16384];
        if (!event_is(c->events[i], "response.output_audio.delta")) {
            continue;
        }
        assert_ok(json_parse(str_from(c->events[i]), &v));
        struct str text = json_get(v, "delta").s;
        assert_true(base64_dec_max(text.n) <= sizeof(bytes));
        int got = base64_decode(bytes, text);
        assert_ok(got);
        assert_true(n + (size_t)got <= cap);
        g711_mulaw_decode(span_from(bytes, (size_t)got), pcm + n);
        n += (size_t)got;
    }
    return n;
}

TEST(canned_answers_sound_like_speech_and_last_as_long_as_asked)
{
    static int16_t pcm[8000 * 60];
    struct fixture *f =
        server_open_with(&(struct sandbox_server_opts){.speech = SANDBOX_SPEECH_CANNED, .answer_s = 10, .speed = 200});
    struct client *c = client_open(f, "?model=gpt-realtime");
    client_await(c, "session.created");
    client_do(c, TELEPHONE("null"));
    client_do(c, "{\"type\":\"conversation.item.create\",\"item\":{\"type\":\"message\",\"role\":\"user\",\"content\":["
                 "{\"type\":\"input_text\",\"text\":\"hello\"}]}}");
    client_do(c, "{\"type\":\"response.create\"}");
    client_await(c, "response.done");
    size_t n = client_audio(c, pcm, ARRAY_LEN(pcm));
    assert_in_range(n / 8, 10000, 20000);
    struct sandbox_extent e;
    assert_true(sandbox_vad_extent(pcm, n, &e));
    assert_true(e.speech_ms > n / 8 / 2); /* most of it is loud */
    double sum = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)pcm[i] * pcm[i];
    }
    double rms = sum / (double)n / (32768.0 * 32768.0);
    assert_true(rms > 0.002 && rms < 0.03); /* -27 to -15 dB: a telephone's speech */
    client_free(c);
    server_done(f);
}

TEST(many_sessions_share_what_is_spoken)
{
    struct fixture *f = server_open_with(&(struct sandbox_server_opts){.speech = SANDBOX_SPEECH_CANNED, .speed = 1000});
    struct client *c[40];
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        c[i] = client_open(f, "?model=gpt-realtime");
        client_await(c[i], "session.created");
        client_do(c[i], TELEPHONE("null"));
        client_do(c[i], "{\"type\":\"response.create\"}");
    }
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        assert_has(str_from(client_await(c[i], "response.done")), "\"status\":\"completed\"");
    }
    for (size_t i = 0; i < ARRAY_LEN(c); i++) {
        client_free(c[i]);
    }
    server_done(f);
}

/* ---- bursts, as a gateway with its own detection sends them ---- */

struct burst {
    const char *turns;
    bool wide; /* audio/pcm, else audio/pcmu */
    uint32_t before_ms, after_ms;
    bool commit;
};

/* Silence, the sentence and silence again in one single append. */
static void client_burst(struct client *c, const struct burst *b, const char *text)
{
    static const char head[] = "{\"type\":\"input_audio_buffer.append\",\"audio\":\"";
    struct tts_audio a;
    assert_ok(tts_say(str_from(text), TTS_KAL_8K, &a));
    size_t n = a.n + ((size_t)b->before_ms + b->after_ms) * 8;
    int16_t *pcm = calloc(n, sizeof(*pcm));
    assert_non_null(pcm);
    memcpy(pcm + (size_t)b->before_ms * 8, a.samples, a.n * sizeof(*pcm));
    struct clip *clip;
    assert_ok(clip_encode(pcm, n, 8000, b->wide ? OPENAI_FORMAT_PCM24K : OPENAI_FORMAT_PCMU, &clip));
    char *json = malloc(sizeof(head) + base64_enc_len(clip->audio.n) + 3);
    assert_non_null(json);
    memcpy(json, head, sizeof(head) - 1);
    size_t len = sizeof(head) - 1 + base64_encode(json + sizeof(head) - 1, clip->audio);
    memcpy(json + len, "\"}", 3);
    client_do(c, json);
    free(json);
    clip_unref(clip);
    free(pcm);
    tts_audio_done(&a);
}

TEST(speech_in_one_burst_is_understood)
{
    static const struct burst bursts[] = {
        {"null", false, 0, 0, true},
        {"null", false, 300, 600, true},
        {"null", false, 5000, 100, true},
        {"null", true, 5000, 700, true},
        {"{\"type\":\"server_vad\",\"silence_duration_ms\":500}", false, 1000, 700, false},
        {"{\"type\":\"semantic_vad\",\"create_response\":false,\"interrupt_response\":false}", true, 1000, 900, false},
    };
    if (!asr_available() || !tts_available()) {
        skip();
    }
    struct fixture *f = server_open_with(&(struct sandbox_server_opts){.speech = SANDBOX_SPEECH_FULL});
    for (size_t i = 0; i < ARRAY_LEN(bursts); i++) {
        struct client *c = client_open(f, "?model=gpt-realtime");
        char json[1000];
        client_await(c, "session.created");
        snprintf(json, sizeof(json),
                 "{\"type\":\"session.update\",\"session\":{\"type\":\"realtime\",\"audio\":{\"input\":{\"format\":{"
                 "\"type\":\"%s},\"transcription\":{\"model\":\"whisper-1\"},\"turn_detection\":%s}}}}",
                 bursts[i].wide ? "audio/pcm\",\"rate\":24000" : "audio/pcmu\"", bursts[i].turns);
        client_do(c, json);
        client_await(c, "session.updated");
        client_burst(c, &bursts[i], "what are your opening hours");
        if (bursts[i].commit) {
            client_do(c, "{\"type\":\"input_audio_buffer.commit\"}");
            client_do(c, "{\"type\":\"response.create\"}");
        }
        assert_has(str_from(client_await(c, "conversation.item.input_audio_transcription.completed")),
                   "\"what are your opening hours\"");
        if (bursts[i].commit) {
            assert_has(str_from(client_await(c, "response.output_audio_transcript.done")), "nine in the morning");
        }
        client_free(c);
    }
    server_done(f);
}

/* As the vendor's clients ask for them; the method that they open is looked at in tests/peers. */
TEST(ephemeral_tokens_are_made_for_who_has_the_key)
{
    struct fixture *f =
        server_open_with(&(struct sandbox_server_opts){.speech = SANDBOX_SPEECH_CANNED, .key = STR("right")});
    const struct answer *a = ask(f, "POST", "/v1alpha/auth_tokens", "x-goog-api-key: right\r\n", "{\"uses\":2}");
    assert_int_equal(a->status, 200);
    assert_true(str_starts(json_path(a->json, "name").s, STR("auth_tokens/")));
    assert_int_equal(ask(f, "POST", "//v1beta/auth_tokens", "x-goog-api-key: right\r\n", "")->status, 200);
    assert_int_equal(ask(f, "POST", "/v1alpha/auth_tokens", "x-goog-api-key: wrong\r\n", "{}")->status, 400);
    assert_int_equal(ask(f, "POST", "/v1alpha/auth_tokens", "x-goog-api-key: right\r\n", "{\"uses\":-1}")->status, 400);
    assert_int_equal(ask(f, "POST", "/v1alpha/auth_tokens", "x-goog-api-key: right\r\n", "[")->status, 400);
    assert_int_equal(ask(f, "GET", "/v1alpha/auth_tokens", "x-goog-api-key: right\r\n", "")->status, 404);
    server_done(f);
}

TEST_MAIN(T(ephemeral_tokens_are_made_for_who_has_the_key), T(the_truth_is_there_while_a_session_lives_and_after),
          T(of_ended_sessions_the_last_few_are_kept), T(the_truth_is_guarded),
          T(a_client_secret_opens_sessions_with_its_settings), T(a_secret_needs_the_key_and_a_right_body),
          T(an_unknown_secret_is_refused_even_where_any_key_is_taken), T(secrets_expire_and_are_bounded),
          T(the_server_pings), T(canned_answers_sound_like_speech_and_last_as_long_as_asked),
          T(many_sessions_share_what_is_spoken), T(speech_in_one_burst_is_understood))
