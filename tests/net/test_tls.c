#include "ws_pair.h"

#include "cert.h"

static struct tls_ctx *server_ctx(const struct cert_dir *d)
{
    struct tls_ctx *ctx;
    struct buf err;
    buf_init(&err, 1000);
    int rc = tls_server_new(d->cert, d->key, &err, &ctx);
    if (rc < 0) {
        fail_msg("%s", buf_cstr(&err));
    }
    buf_done(&err);
    return ctx;
}

static struct tls_ctx *client_ctx(const char *ca)
{
    struct tls_ctx *ctx;
    assert_ok(tls_client_new(ca, NULL, &ctx));
    return ctx;
}

/* A pair whose server shows the certificate of d, and whose client trusts what ca says. */
struct tls_pair {
    struct ws_pair p;
    struct tls_ctx *server, *client;
};

static void tls_pair_new(struct tls_pair *t, const struct cert_dir *d, const char *ca)
{
    t->server = server_ctx(d);
    t->client = client_ctx(ca);
    pair_new(&t->p, t->server);
}

static void tls_pair_open(struct tls_pair *t)
{
    pair_open(&t->p, &(struct ws_client_opts){.tls = t->client});
}

static void tls_pair_done(struct tls_pair *t)
{
    pair_done(&t->p);
    tls_unref(t->server);
    tls_unref(t->client);
}

TEST(messages_of_every_size_come_back_the_same)
{
    static const uint32_t sizes[] = {0, 1, 126, 16383, 16384, 16385, 65536, 1024 * 1024};
    struct cert_dir d;
    struct tls_pair t;
    cert_dir_new(&d, "DNS:localhost,IP:127.0.0.1", 10);
    tls_pair_new(&t, &d, d.ca);
    t.p.b.echo = true;
    tls_pair_open(&t);
    char *text = malloc(1024 * 1024);
    assert_non_null(text);
    memset(text, 'x', 1024 * 1024);
    uint32_t bytes = 0;
    for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
        assert_ok(ws_send_text(t.p.a.ws, (struct str){text, sizes[i]}));
        bytes += sizes[i];
    }
    t.p.a.stop_after = ARRAY_LEN(sizes);
    run_loop(t.p.loop);
    assert_int_equal(t.p.a.bytes, bytes);
    assert_true(t.p.a.sum == t.p.b.sum);
    assert_ok(ws_send_text(t.p.b.ws, STR("one")));
    assert_ok(ws_send_text(t.p.b.ws, STR("two")));
    ws_close(t.p.b.ws, 1000, STR("done"));
    pair_run_until_both_closed(&t.p);
    assert_true(str_ends(buf_str(&t.p.a.log), STR("t:one t:two ")));
    assert_int_equal(t.p.a.why.err, 0);
    assert_int_equal(t.p.b.why.err, 0);
    free(text);
    tls_pair_done(&t);
    cert_dir_done(&d);
}

TEST(what_waits_for_a_slow_peer_arrives_complete)
{
    struct cert_dir d;
    struct tls_pair t;
    cert_dir_new(&d, "IP:127.0.0.1", 10);
    tls_pair_new(&t, &d, d.ca);
    t.p.b_opts = (struct ws_opts){.max_queue_bytes = 40 * 1024 * 1024, .close_deadline_ms = 15 * 1000};
    tls_pair_open(&t);
    ws_pause_reading(t.p.a.ws, true);
    char text[10000];
    memset(text, 'x', sizeof(text));
    for (int i = 0; i < 1500; i++) {
        assert_ok(ws_send_text(t.p.b.ws, (struct str){text, sizeof(text)}));
    }
    assert_true(ws_queued_bytes(t.p.b.ws) > 0);
    ws_close(t.p.b.ws, 1000, STR_NULL);
    ws_pause_reading(t.p.a.ws, false);
    pair_run_until_both_closed(&t.p);
    assert_int_equal(t.p.a.bytes, 15000000);
    assert_int_equal(t.p.a.why.err, 0);
    tls_pair_done(&t);
    cert_dir_done(&d);
}

TEST(a_connection_may_be_aborted_between_two_records)
{
    struct cert_dir d;
    struct tls_pair t;
    cert_dir_new(&d, "IP:127.0.0.1", 10);
    tls_pair_new(&t, &d, d.ca);
    t.p.a.in_text = abort_ws;
    tls_pair_open(&t);
    for (int i = 0; i < 50; i++) {
        assert_ok(ws_send_text(t.p.b.ws, STR("x")));
    }
    pair_run_until_both_closed(&t.p);
    assert_int_equal(t.p.a.messages, 1);
    tls_pair_done(&t);
    cert_dir_done(&d);
}

/* Connects and expects the certificate to be refused. */
static void expect_refusal(const char *san, long days, const char *host, bool right_ca)
{
    struct cert_dir d, other;
    struct tls_pair t;
    cert_dir_new(&d, san, days);
    cert_dir_new(&other, "DNS:localhost,IP:127.0.0.1", 10);
    tls_pair_new(&t, &d, right_ca ? d.ca : other.ca);
    t.p.host = host;
    t.p.a.stop_when_closed = true;
    pair_connect(&t.p, &(struct ws_client_opts){.tls = t.client});
    run_loop(t.p.loop);
    assert_false(t.p.a.opened);
    assert_int_equal(t.p.a.why.err, -ERR_TLS);
    assert_true(strlen(t.p.a.reason) > 0); /* a sentence of the verifier */
    assert_null(t.p.b.ws);
    tls_pair_done(&t);
    cert_dir_done(&d);
    cert_dir_done(&other);
}

TEST(a_certificate_is_refused_for_a_wrong_name_authority_or_time)
{
    expect_refusal("DNS:example.org,IP:10.0.0.1", 10, "127.0.0.1", true);
    expect_refusal("DNS:127.0.0.1", 10, "127.0.0.1", true); /* an address must be named as one */
    expect_refusal("DNS:example.org,IP:127.0.0.1", 10, "localhost", true);
    expect_refusal("DNS:localhost,IP:127.0.0.1", 10, "127.0.0.1", false);
    expect_refusal("DNS:localhost,IP:127.0.0.1", -1, "127.0.0.1", true);
}

TEST(a_server_name_is_accepted_by_name)
{
    struct cert_dir d;
    struct tls_pair t;
    cert_dir_new(&d, "DNS:localhost", 10);
    tls_pair_new(&t, &d, d.ca);
    t.p.host = "localhost";
    tls_pair_open(&t);
    tls_pair_done(&t);
    cert_dir_done(&d);
}

TEST(without_a_ca_file_the_system_s_authorities_decide)
{
    struct cert_dir d;
    struct tls_pair t;
    cert_dir_new(&d, "IP:127.0.0.1", 10);
    tls_pair_new(&t, &d, d.ca);
    t.p.a.stop_when_closed = true;
    pair_connect(&t.p, NULL);
    run_loop(t.p.loop);
    assert_int_equal(t.p.a.why.err, -ERR_TLS);
    tls_pair_done(&t);
    cert_dir_done(&d);
}

TEST(a_reloaded_certificate_serves_new_connections_and_keeps_the_old_ones)
{
    struct cert_dir old, new;
    struct tls_pair t;
    struct ws_end second;
    cert_dir_new(&old, "IP:127.0.0.1", 10);
    cert_dir_new(&new, "IP:127.0.0.1", 10);
    tls_pair_new(&t, &old, old.ca);
    tls_pair_open(&t);
    struct ws *first_b = t.p.b.ws;
    struct tls_ctx *fresh = server_ctx(&new), *trusts_new = client_ctx(new.ca);
    http_server_set_tls(t.p.server, fresh);
    tls_unref(fresh);

    char url[64];
    snprintf(url, sizeof(url), "wss://127.0.0.1:%u/", http_server_port(t.p.server));
    end_init(&second, t.p.loop);
    second.in_open = end_stop;
    struct ws_client_opts opts = {.url = str_from(url), .tls = trusts_new};
    t.p.hold = true; /* the server side of the second one is not needed */
    assert_ok(ws_connect(t.p.loop, &opts, &end_handler, &second, &second.ws));
    run_loop(t.p.loop); /* the request came through: the handshake was good */
    http_respond(t.p.held, 503, STR_NULL, STR_NULL, (struct span){0});
    second.stop_when_closed = true;
    run_loop(t.p.loop);
    assert_int_equal(second.why.http_status, 503);

    assert_ok(ws_send_text(first_b, STR("still here")));
    t.p.a.stop_after = 1;
    run_loop(t.p.loop);
    assert_true(str_ends(buf_str(&t.p.a.log), STR("t:still here ")));
    buf_done(&second.log);
    tls_pair_done(&t);
    tls_unref(trusts_new);
    cert_dir_done(&old);
    cert_dir_done(&new);
}

static void say_plain(struct raw *r)
{
    raw_send(r, str_from(r->arg));
    raw_read(r, STR_NULL);
}

static void say_plain_and_end(struct raw *r)
{
    const struct span *noise = r->arg;
    raw_send(r, str_of_span(*noise));
    shutdown(r->fd, SHUT_WR);
    raw_read(r, STR_NULL);
}

#define NOISE(s)                                                                                                       \
    {                                                                                                                  \
        (const uint8_t *)(s), sizeof(s) - 1                                                                            \
    }

TEST(bytes_that_are_no_tls_end_the_connection)
{
    static const struct span noise[] = {
        NOISE("GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        NOISE("\x16\x03\x01\xff\xff a record that is too long"),
        NOISE("\x16\x03\x01\x00\x05 cut"),
        NOISE("\x80\x2e\x01"),
        NOISE("\x15\x03\x01\x00\x02\x02\x28"),         /* an alert */
        NOISE("\x16\x03\x01\x00\x04\x01\x00\x00\x00"), /* an empty hello */
        NOISE("\x17\x03\x03\x00\x01x"),                /* data before the handshake */
    };
    struct cert_dir d;
    struct tls_pair t;
    cert_dir_new(&d, "IP:127.0.0.1", 10);
    tls_pair_new(&t, &d, d.ca);
    for (size_t i = 0; i < ARRAY_LEN(noise); i++) {
        struct raw r;
        struct http_server_stats stats;
        raw_connect(&r, t.p.loop, http_server_port(t.p.server), say_plain_and_end, &noise[i]);
        run_loop(t.p.loop);
        raw_join(&r);
        raw_done(&r);
        run_loop_for(t.p.loop, 1000);
        http_server_stats(t.p.server, &stats);
        assert_int_equal(stats.accepted, i + 1);
        assert_int_equal(stats.connections, 0);
        assert_int_equal(stats.requests, 0);
    }
    tls_pair_open(&t);
    tls_pair_done(&t);
    cert_dir_done(&d);
}

TEST(a_tls_client_refuses_a_plain_server)
{
    struct cert_dir d;
    struct raw r;
    struct ws_end e;
    struct loop *loop;
    char url[64];
    cert_dir_new(&d, "IP:127.0.0.1", 10);
    struct tls_ctx *ctx = client_ctx(d.ca);
    raw_listen(&r, NULL, say_plain, "HTTP/1.1 400 Bad Request\r\n\r\n");
    snprintf(url, sizeof(url), "wss://127.0.0.1:%u/", r.port);
    assert_ok(loop_new(&loop));
    end_init(&e, loop);
    e.stop_when_closed = true;
    struct ws_client_opts opts = {.url = str_from(url), .tls = ctx};
    assert_ok(ws_connect(loop, &opts, &end_handler, &e, &e.ws));
    run_loop(loop);
    assert_int_equal(e.why.err, -ERR_TLS);
    loop_free(loop);
    raw_join(&r);
    raw_done(&r);
    tls_unref(ctx);
    cert_dir_done(&d);
}

TEST(files_that_are_no_certificates_are_named)
{
    struct cert_dir d, other;
    struct tls_ctx *ctx;
    struct buf err;
    cert_dir_new(&d, "DNS:x", 10);
    cert_dir_new(&other, "DNS:x", 10);
    const struct {
        const char *cert, *key, *word;
    } cases[] = {
        {"/no/such/file", d.key, "/no/such/file"},
        {d.cert, "/no/such/key", "/no/such/key"},
        {d.key, d.key, d.key},
        {d.cert, other.key, d.dir}, /* the other's key */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        buf_init(&err, 1000);
        assert_err(tls_server_new(cases[i].cert, cases[i].key, &err, &ctx), ERR_TLS);
        if (i < 3) {
            assert_has(buf_str(&err), cases[i].word);
        }
        assert_true(err.len > 20);
        buf_done(&err);
    }
    buf_init(&err, 1000);
    assert_err(tls_client_new("/no/such/ca", &err, &ctx), ERR_TLS);
    assert_has(buf_str(&err), "/no/such/ca");
    buf_done(&err);
    assert_null(tls_unref(NULL));
    cert_dir_done(&d);
    cert_dir_done(&other);
}

TEST_MAIN(T(messages_of_every_size_come_back_the_same), T(what_waits_for_a_slow_peer_arrives_complete),
          T(a_connection_may_be_aborted_between_two_records),
          T(a_certificate_is_refused_for_a_wrong_name_authority_or_time), T(a_server_name_is_accepted_by_name),
          T(without_a_ca_file_the_system_s_authorities_decide),
          T(a_reloaded_certificate_serves_new_connections_and_keeps_the_old_ones),
          T(bytes_that_are_no_tls_end_the_connection), T(a_tls_client_refuses_a_plain_server),
          T(files_that_are_no_certificates_are_named))
