/* Who is let in by Plivo's signatures, over HTTP and as a media socket, and what a webhook tells the host. */
#include <stdio.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/log.h"
#include "carriers/plivo/plivo.h"
#include "fakes/wait.h"
#include "net/crypto.h"
#include "net/http_client.h"
#include "net/ws.h"
#include "test.h"
#include "wire/plivo_sig.h"

#define PUBLIC "https://gw.example.com"
#define TOKEN  "0123456789abcdef0123456789abcdef"
#define NONCE  "05429567804466091622"

struct bench {
    struct loop *loop;
    struct http_client *http;
    struct http_server *server;
    struct plivo *plivo;
    struct plivo_opts o;
    char at[64];
    enum carrier_answer_kind answer; /* of the host */
    char told[128];                  /* what it heard last of a stream */
    bool answered, opened, closed;
    int status;
    struct buf document;
};

static void on_incoming(struct carrier *c UNUSED, const struct carrier_incoming *in UNUSED, struct carrier_answer *ret,
                        void *arg)
{
    struct bench *b = arg;
    ret->kind = b->answer;
    ret->text = STR("+15005551111");
}

static int on_media_start(struct carrier *c UNUSED, const struct carrier_stream *s UNUSED, struct leg *leg UNUSED,
                          const struct leg_handler **h UNUSED, void **harg UNUSED, void *arg UNUSED)
{
    return -ENOENT;
}

static void on_status(struct carrier *c UNUSED, const struct carrier_status *s, void *arg)
{
    struct bench *b = arg;
    snprintf(b->told, sizeof(b->told), "%d " STR_FMT " " STR_FMT " [" STR_FMT "]", s->kind == CARRIER_STATUS_STREAM,
             STR_ARG(s->call_id), STR_ARG(s->status), STR_ARG(s->error));
}

static const struct carrier_host host = {
    .on_incoming = on_incoming, .on_media_start = on_media_start, .on_status = on_status};

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct bench *b = arg;
    assert_true(carrier_handle(plivo_carrier(b->plivo), x, req));
}

static const struct http_server_handler requests = {.on_request = on_request};

static void open_bench(struct bench *b)
{
    struct http_server_opts so = {.host = "127.0.0.1"};
    *b = (struct bench){.o = {.auth_tokens = {STR("ffffffffffffffffffffffffffffffff"), STR(TOKEN)},
                              .n_auth_tokens = 2,
                              .phone_number = STR("+15005550006"),
                              .public_url = STR(PUBLIC),
                              .require_token = true,
                              .verify_signature = true}};
    buf_init(&b->document, 1 << 16);
    assert_ok(loop_new(&b->loop));
    assert_ok(http_client_new(b->loop, &b->http));
    assert_ok(plivo_new(b->loop, b->http, &b->o, &host, b, &b->plivo));
    assert_ok(http_server_open(b->loop, &so, &requests, b, &b->server));
    snprintf(b->at, sizeof(b->at), "127.0.0.1:%u", (unsigned)http_server_port(b->server));
}

static void close_bench(struct bench *b)
{
    carrier_free(plivo_carrier(b->plivo));
    http_server_free(b->server);
    http_client_free(b->http);
    loop_free(b->loop);
    buf_done(&b->document);
}

static void sign(const char *url, const char *form, char ret[48])
{
    static struct form params;
    struct buf text;
    uint8_t mac[32];
    buf_init(&text, 1 << 16);
    form_init(&params, 1 << 16);
    assert_ok(form_decode(&params, str_from(form)));
    assert_ok(plivo_sign_base(&text, str_from(url), form[0] ? &params : NULL, STR(NONCE)));
    crypto_hmac_sha256(span_of_str(STR(TOKEN)), buf_span(&text), mac);
    ret[base64_encode(ret, span_from(mac, sizeof(mac)))] = '\0';
    form_done(&params);
    buf_done(&text);
}

static void on_reply(const struct http_reply *r, void *arg)
{
    struct bench *b = arg;
    assert_int_equal(r->err, 0);
    b->answered = true;
    b->status = r->status;
    buf_clear(&b->document);
    buf_put_str(&b->document, str_of_span(r->body));
}

static bool is_answered(void *arg)
{
    return ((struct bench *)arg)->answered;
}

/* account, main: what stands in the two headers; NULL: the header is not there. */
static int post(struct bench *b, const char *path, const char *form, const char *account, const char *main)
{
    char url[256], headers[1024];
    uint64_t id;
    snprintf(url, sizeof(url), "http://%s%s", b->at, path);
    snprintf(headers, sizeof(headers),
             "Content-Type: application/x-www-form-urlencoded\r\nX-Plivo-Signature-V3-Nonce: " NONCE "\r\n%s%s%s%s%s%s",
             account ? "X-Plivo-Signature-V3: " : "", account ? account : "", account ? "\r\n" : "",
             main ? "x-plivo-signature-ma-v3: " : "", main ? main : "", main ? "\r\n" : "");
    b->answered = false;
    const struct http_call_opts o = {.method = "POST",
                                     .url = str_from(url),
                                     .headers = str_from(headers),
                                     .body = span_of_str(str_from(form)),
                                     .deadline_ms = 5000,
                                     .max_response_bytes = 1 << 16};
    assert_ok(http_call(b->http, &o, on_reply, b, &id));
    wait_until(b->loop, is_answered, b);
    return b->status;
}

/* Signed as it should be. */
static void tell(struct bench *b, const char *path, const char *form)
{
    char url[256], good[48];
    snprintf(url, sizeof(url), PUBLIC "%s", path);
    sign(url, form, good);
    assert_int_equal(post(b, path, form, good, NULL), 200);
}

/* A sub-account's number is signed for by both; in a token roll each may come twice. */
TEST(the_accounts_signature_or_the_main_accounts_is_enough)
{
    struct bench b;
    char good[48], two[128];
    open_bench(&b);
    sign(PUBLIC "/hold", "A=1", good);
    snprintf(two, sizeof(two), "AAAA, %s", good);
    assert_int_equal(post(&b, "/hold", "A=1", good, NULL), 200);
    assert_int_equal(post(&b, "/hold", "A=1", NULL, good), 200);
    assert_int_equal(post(&b, "/hold", "A=1", "AAAA", good), 200);
    assert_int_equal(post(&b, "/hold", "A=1", "AAAA", two), 200);
    assert_int_equal(post(&b, "/hold", "A=1", "AAAA", "BBBB"), 403);
    assert_int_equal(post(&b, "/hold", "A=2", good, good), 403);
    assert_int_equal(post(&b, "/hold?x=1", "A=1", good, good), 403);
    assert_int_equal(post(&b, "/hold", "A=1", NULL, NULL), 403);
    close_bench(&b);
}

static void on_open(struct ws *ws UNUSED, struct str protocol UNUSED, void *arg)
{
    ((struct bench *)arg)->opened = true;
}

static void on_closed(struct ws *ws UNUSED, const struct ws_close *why UNUSED, void *arg)
{
    ((struct bench *)arg)->closed = true;
}

static const struct ws_handler socket_events = {.on_open = on_open, .on_closed = on_closed};

static bool has_settled(void *arg)
{
    struct bench *b = arg;
    return b->opened || b->closed;
}

static bool is_closed(void *arg)
{
    return ((struct bench *)arg)->closed;
}

/* A media socket without a token, its upgrade signed for this URL. */
static bool opens(struct bench *b, const char *url)
{
    char at[128], headers[256], good[48];
    struct ws *ws = NULL;
    sign(url, "", good);
    snprintf(at, sizeof(at), "ws://%s/ws?c=abc", b->at);
    snprintf(headers, sizeof(headers), "X-Plivo-Signature-V3: %s\r\nX-Plivo-Signature-V3-Nonce: " NONCE "\r\n", good);
    b->opened = b->closed = false;
    assert_ok(ws_connect(b->loop, &(struct ws_client_opts){.url = str_from(at), .headers = str_from(headers)},
                         &socket_events, b, &ws));
    wait_until(b->loop, has_settled, b);
    bool opened = b->opened;
    if (opened) {
        ws_abort(ws, -ECANCELED);
        wait_until(b->loop, is_closed, b);
    }
    return opened;
}

/* No page of the vendor says which of the two it signs. */
TEST(an_upgrade_is_signed_as_wss_or_as_https)
{
    struct bench b;
    open_bench(&b);
    assert_true(opens(&b, "wss://gw.example.com/ws?c=abc"));
    assert_true(opens(&b, "wss://gw.example.com:443/ws?c=abc"));
    assert_true(opens(&b, "https://gw.example.com/ws?c=abc"));
    assert_false(opens(&b, "wss://gw.example.com/ws?c=abd"));
    assert_false(opens(&b, "wss://other.example.com/ws?c=abc"));
    close_bench(&b);
}

/* Two generations of names are in use. */
TEST(a_stream_that_broke_is_told_with_its_reason)
{
    static const struct {
        const char *form, *want;
    } cases[] = {
        {"CallUUID=c-1&Event=StartStream", "1 c-1 StartStream []"},
        {"CallUUID=c-1&Event=DroppedStream&StatusReason=connection_failed", "1 c-1 DroppedStream [connection_failed]"},
        {"CallUUID=c-1&Event=DegradedStream&StatusReason=buffer_overflow", "1 c-1 DegradedStream [buffer_overflow]"},
        {"CallUUID=c-1&Event=failed", "1 c-1 failed [no reason was given]"},
        {"CallUUID=c-1&Event=stopped&Duration=7", "1 c-1 stopped []"},
    };
    struct bench b;
    open_bench(&b);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        tell(&b, "/plivo/stream-status", cases[i].form);
        assert_string_equal(b.told, cases[i].want);
    }
    close_bench(&b);
}

/* Whoever is dialled sees the caller; of one who hides, our number: the vendor wants one. */
TEST(a_call_that_goes_on_elsewhere_shows_the_caller)
{
    struct bench b;
    open_bench(&b);
    b.answer = CARRIER_ANSWER_DIAL;
    tell(&b, "/answer", "CallUUID=c-1&From=15005550001&To=15005550006&CallStatus=ringing&Event=StartApp");
    assert_has(buf_str(&b.document), "<Dial><Number>15005551111</Number></Dial>");
    tell(&b, "/answer", "CallUUID=c-1&From=anonymous&To=15005550006&CallStatus=ringing&Event=StartApp");
    assert_has(buf_str(&b.document), "<Dial callerId=\"15005550006\"><Number>");
    close_bench(&b);
}

static void keep_fallback(enum log_level level, const struct log_scope *scope UNUSED, const char *event,
                          const char *fields, void *arg)
{
    struct bench *b = arg;
    if (level == LOG_ERROR && strcmp(event, "plivo.fallback") == 0) {
        snprintf(b->told, sizeof(b->told), "%s", fields);
    }
}

/* Somebody hears an apology and nothing else of ours: without a line nobody would find out why. */
TEST(a_call_that_got_no_document_is_apologised_to_and_logged)
{
    struct bench b;
    open_bench(&b);
    log_set_sink(keep_fallback, &b, LOG_ERROR);
    tell(&b, "/plivo/apology", "CallUUID=c-1");
    assert_has(buf_str(&b.document), "<Speak");
    assert_string_equal(b.told, "");
    tell(&b, "/fallback", "CallUUID=c-1");
    assert_has(buf_str(&b.document), "<Speak");
    assert_string_equal(b.told, "call_uuid=c-1");
    log_set_sink(NULL, NULL, LOG_WARN);
    close_bench(&b);
}

TEST_MAIN(T(the_accounts_signature_or_the_main_accounts_is_enough), T(an_upgrade_is_signed_as_wss_or_as_https),
          T(a_stream_that_broke_is_told_with_its_reason), T(a_call_that_goes_on_elsewhere_shows_the_caller),
          T(a_call_that_got_no_document_is_apologised_to_and_logged))
