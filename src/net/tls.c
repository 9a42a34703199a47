#include "net/tls.h"

#include <arpa/inet.h>
#include <assert.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/err.h"
#include "net/openssl.h"
#include "net/tls_impl.h"

struct tls_ctx {
    atomic_uint refs;
    SSL_CTX *ssl;
    BIO_METHOD *bio;
};

/*
 * The session's two BIO ends are borrowed memory: ciphertext is read straight out of the loop's receive buffer and
 * written straight into the loop's cipher buffer, so that an idle connection owns no buffer of ours at all.
 */
struct tls_session {
    SSL *ssl;
    struct tls_ctx *ctx;
    struct span in;  /* lent by tls_feed */
    struct buf *out; /* valid during a call */
    bool failed;
    int ended; /* what tls_read answers for ever: -ERR_CLOSED or -ERR_TLS */
    const char *error;
};

static int bio_read(BIO *bio, char *p, int cap)
{
    struct tls_session *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    size_t n = MIN((size_t)cap, t->in.n);
    if (n == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    memcpy(p, t->in.p, n);
    t->in = span_from(t->in.p + n, t->in.n - n);
    return (int)n;
}

static int bio_write(BIO *bio, const char *p, int n)
{
    struct tls_session *t = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (!t->out) {
        return -1;
    }
    buf_put(t->out, p, (size_t)n);
    return t->out->err ? -1 : n;
}

static long bio_ctrl(BIO *bio, int cmd, long num, void *ptr)
{
    (void)bio;
    (void)num;
    (void)ptr;
    return cmd == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio)
{
    BIO_set_init(bio, 1);
    return 1;
}

static void put_openssl_error(struct buf *ret_err, const char *what, const char *file)
{
    char text[256] = "unknown error";
    unsigned long code = ERR_peek_last_error();
    if (code) {
        ERR_error_string_n(code, text, sizeof(text));
    }
    ERR_clear_error();
    if (ret_err) {
        buf_printf(ret_err, "%s%s%s: %s", what, file ? " " : "", file ? file : "", text);
    }
}

static int ctx_new(const SSL_METHOD *method, struct buf *ret_err, struct tls_ctx **ret)
{
    struct tls_ctx *ctx = calloc(1, sizeof(*ctx));
    if (!ctx) {
        return -ENOMEM;
    }
    atomic_init(&ctx->refs, 1);
    ctx->ssl = SSL_CTX_new(method);
    ctx->bio = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "lent memory");
    if (!ctx->ssl || !ctx->bio || SSL_CTX_set_min_proto_version(ctx->ssl, TLS1_2_VERSION) != 1) {
        put_openssl_error(ret_err, "cannot set up TLS", NULL);
        tls_unref(ctx);
        return -ERR_TLS;
    }
    BIO_meth_set_read(ctx->bio, bio_read);
    BIO_meth_set_write(ctx->bio, bio_write);
    BIO_meth_set_ctrl(ctx->bio, bio_ctrl);
    BIO_meth_set_create(ctx->bio, bio_create);
    SSL_CTX_set_mode(ctx->ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
    SSL_CTX_set_options(ctx->ssl, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ctx->ssl, SSL_SESS_CACHE_OFF);
    *ret = ctx;
    return 0;
}

int tls_server_new(const char *cert_file, const char *key_file, struct buf *ret_err, struct tls_ctx **ret)
{
    struct tls_ctx *ctx;
    int err = ctx_new(TLS_server_method(), ret_err, &ctx);
    if (err < 0) {
        return err;
    }
    ERR_clear_error();
    const char *what = NULL;
    const char *file = cert_file;
    if (SSL_CTX_use_certificate_chain_file(ctx->ssl, cert_file) != 1) {
        what = "cannot use certificate";
    } else if (SSL_CTX_use_PrivateKey_file(ctx->ssl, key_file, SSL_FILETYPE_PEM) != 1) {
        what = "cannot use key";
        file = key_file;
    } else if (SSL_CTX_check_private_key(ctx->ssl) != 1) {
        what = "the key does not belong to certificate";
    }
    if (what) {
        put_openssl_error(ret_err, what, file);
        tls_unref(ctx);
        return -ERR_TLS;
    }
    /* No resumption, so no tickets: they would cost each handshake two more records. */
    SSL_CTX_set_num_tickets(ctx->ssl, 0);
    SSL_CTX_set_options(ctx->ssl, SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
    *ret = ctx;
    return 0;
}

int tls_client_new(const char *ca_file, struct buf *ret_err, struct tls_ctx **ret)
{
    struct tls_ctx *ctx;
    int err = ctx_new(TLS_client_method(), ret_err, &ctx);
    if (err < 0) {
        return err;
    }
    ERR_clear_error();
    int ok = ca_file ? SSL_CTX_load_verify_file(ctx->ssl, ca_file) : SSL_CTX_set_default_verify_paths(ctx->ssl);
    if (ok != 1) {
        put_openssl_error(ret_err, "cannot read CA certificates", ca_file);
        tls_unref(ctx);
        return -ERR_TLS;
    }
    SSL_CTX_set_verify(ctx->ssl, SSL_VERIFY_PEER, NULL);
    *ret = ctx;
    return 0;
}

struct tls_ctx *tls_ref(struct tls_ctx *ctx)
{
    if (ctx) {
        atomic_fetch_add(&ctx->refs, 1);
    }
    return ctx;
}

struct tls_ctx *tls_unref(struct tls_ctx *ctx)
{
    if (ctx && atomic_fetch_sub(&ctx->refs, 1) == 1) {
        SSL_CTX_free(ctx->ssl);
        BIO_meth_free(ctx->bio);
        free(ctx);
    }
    return NULL;
}

/* The certificate must name host: as an address when it is one, else as a DNS name, which is also sent as SNI. */
static int expect_host(SSL *ssl, const char *host)
{
    struct in6_addr scratch;
    X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
    if (inet_pton(AF_INET, host, &scratch) == 1 || inet_pton(AF_INET6, host, &scratch) == 1) {
        return X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 ? 0 : -ERR_TLS;
    }
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    bool ok = X509_VERIFY_PARAM_set1_host(param, host, 0) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
    return ok ? 0 : -ERR_TLS;
}

int tls_session_new(struct tls_ctx *ctx, const char *host, struct tls_session **ret)
{
    struct tls_session *t = calloc(1, sizeof(*t));
    if (!t) {
        return -ENOMEM;
    }
    t->ctx = tls_ref(ctx);
    t->error = "";
    t->ssl = SSL_new(ctx->ssl);
    BIO *bio = t->ssl ? BIO_new(ctx->bio) : NULL;
    if (!bio) {
        tls_session_free(t);
        return -ENOMEM;
    }
    BIO_set_data(bio, t);
    SSL_set_bio(t->ssl, bio, bio);
    int err = host ? expect_host(t->ssl, host) : 0;
    if (err < 0) {
        tls_session_free(t);
        return err;
    }
    if (host) {
        SSL_set_connect_state(t->ssl);
    } else {
        SSL_set_accept_state(t->ssl);
    }
    *ret = t;
    return 0;
}

struct tls_session *tls_session_free(struct tls_session *t)
{
    if (t) {
        SSL_free(t->ssl);
        tls_unref(t->ctx);
        free(t);
    }
    return NULL;
}

void tls_feed(struct tls_session *t, const uint8_t *p, size_t n)
{
    t->in = span_from(p, n);
}

static int fail(struct tls_session *t)
{
    t->failed = true;
    long verdict = SSL_get_verify_result(t->ssl);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    t->error = verdict != X509_V_OK ? X509_verify_cert_error_string(verdict) : reason ? reason : "TLS protocol error";
    ERR_clear_error();
    return -ERR_TLS;
}

/* SSL_get_error wants an empty queue before the call. It almost always is, and looking is cheaper than clearing. */
static void begin(struct tls_session *t, struct buf *out)
{
    t->out = out;
    if (ERR_peek_error()) {
        ERR_clear_error();
    }
}

/* Result of an SSL call that did not succeed. */
static int judge(struct tls_session *t, int rc)
{
    switch (SSL_get_error(t->ssl, rc)) {
    case SSL_ERROR_WANT_READ:
        return 0;
    case SSL_ERROR_ZERO_RETURN:
        return -ERR_CLOSED;
    default:
        return fail(t);
    }
}

int tls_handshake(struct tls_session *t, struct buf *out)
{
    begin(t, out);
    int rc = SSL_do_handshake(t->ssl);
    rc = rc == 1 ? 1 : judge(t, rc);
    t->out = NULL;
    return rc == -ERR_CLOSED ? -ERR_TLS : rc;
}

int tls_read(struct tls_session *t, uint8_t *p, size_t cap, struct buf *out)
{
    size_t total = 0;
    int rc = 1;
    if (t->ended < 0) {
        return t->ended;
    }
    begin(t, out);
    /* The last look for a record that cannot be there would cost OpenSSL a buffer of 16 kB, so it is not taken. */
    while (rc > 0 && total < cap && (t->in.n > 0 || SSL_has_pending(t->ssl))) {
        rc = SSL_read(t->ssl, p + total, (int)MIN(cap - total, (size_t)INT_MAX));
        total += rc > 0 ? (size_t)rc : 0;
    }
    t->ended = rc > 0 ? 0 : judge(t, rc);
    t->out = NULL;
    return total > 0 ? (int)total : t->ended; /* data comes first, the end with the next call */
}

int tls_write(struct tls_session *t, struct span data, struct buf *out)
{
    int err = 0;
    begin(t, out);
    while (data.n > 0 && err == 0) {
        int n = (int)MIN(data.n, (size_t)INT_MAX);
        int rc = SSL_write(t->ssl, data.p, n);
        err = rc == n ? 0 : fail(t);
        data = span_from(data.p + n, data.n - (size_t)n);
    }
    t->out = NULL;
    return err;
}

void tls_close_notify(struct tls_session *t, struct buf *out)
{
    if (t->failed || !SSL_is_init_finished(t->ssl)) {
        return;
    }
    t->out = out;
    ignore_result(SSL_shutdown(t->ssl) < 0); /* only our half; the peer's is not waited for */
    ERR_clear_error();
    t->out = NULL;
}

const char *tls_session_error(const struct tls_session *t)
{
    return t->error;
}
