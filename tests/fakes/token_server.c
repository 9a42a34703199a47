#include "fakes/token_server.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "net/openssl.h"
#include "test.h"
#include "wire/form.h"

#define ACCOUNT  "voice@my-project.iam.gserviceaccount.com"
#define AUDIENCE "https://oauth2.googleapis.com/token"
#define KEY_ID   "key-1"

/* ---- what a request must be ---- */

/* base64url without padding; the length of what came of it, or 0. */
static size_t decode(struct str text, uint8_t *ret, size_t cap)
{
    char padded[4096];
    size_t n = 0;
    for (; n < text.n && n < sizeof(padded) - 4; n++) {
        padded[n] = text.p[n] == '-' ? '+' : text.p[n] == '_' ? '/' : text.p[n];
    }
    size_t pad = (4 - n % 4) % 4;
    memset(padded + n, '=', pad);
    if (text.n != n || cap < (n + pad) / 4 * 3) {
        return 0;
    }
    int got = EVP_DecodeBlock(ret, (const uint8_t *)padded, (int)(n + pad));
    return got < (int)pad ? 0 : (size_t)got - pad;
}

static bool signed_by(EVP_PKEY *key, struct str what, struct str signature)
{
    uint8_t bytes[1024];
    size_t n = decode(signature, bytes, sizeof(bytes));
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
              EVP_DigestVerify(ctx, bytes, n, (const uint8_t *)what.p, what.n) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool is_text(struct json_val v, const char *key, const char *want)
{
    return str_is(json_get(v, key).s, want);
}

static bool claims_hold(struct str part)
{
    uint8_t bytes[2048];
    struct json_val v;
    int64_t iat = 0, exp = 0;
    size_t n = decode(part, bytes, sizeof(bytes));
    return json_parse((struct str){(const char *)bytes, n}, &v) >= 0 && is_text(v, "iss", ACCOUNT) &&
           is_text(v, "aud", AUDIENCE) && is_text(v, "scope", "https://www.googleapis.com/auth/cloud-platform") &&
           json_to_i64(json_get(v, "iat"), &iat) >= 0 && json_to_i64(json_get(v, "exp"), &exp) >= 0 &&
           exp - iat == 3600 && llabs(iat - (long long)(clock_wall_us() / 1000000)) < 60;
}

static bool header_holds(struct str part)
{
    uint8_t bytes[512];
    struct json_val v;
    size_t n = decode(part, bytes, sizeof(bytes));
    return json_parse((struct str){(const char *)bytes, n}, &v) >= 0 && is_text(v, "alg", "RS256") &&
           is_text(v, "typ", "JWT") && is_text(v, "kid", KEY_ID);
}

static bool assertion_holds(const struct token_server *s, struct str jwt)
{
    struct str rest = jwt, header, claims;
    return str_split(&rest, '.', &header) && str_split(&rest, '.', &claims) &&
           signed_by(s->key, (struct str){jwt.p, header.n + 1 + claims.n}, rest) && header_holds(header) &&
           claims_hold(claims);
}

static bool request_holds(const struct token_server *s, const struct http_request *req)
{
    struct form f;
    bool ok = false;
    if (str_is(req->method, "GET")) {
        return str_is(http_header(req, "Metadata-Flavor"), "Google");
    }
    form_init(&f, 1 << 16);
    if (str_is(http_header(req, "Content-Type"), "application/x-www-form-urlencoded") &&
        form_decode(&f, str_of_span(req->body)) >= 0) {
        ok = str_is(form_get(&f, "grant_type"), "refresh_token")
                 ? str_is(form_get(&f, "client_id"), "c 1") && str_is(form_get(&f, "client_secret"), "s&1") &&
                       str_is(form_get(&f, "refresh_token"), "1//r")
                 : str_is(form_get(&f, "grant_type"), "urn:ietf:params:oauth:grant-type:jwt-bearer") &&
                       assertion_holds(s, form_get(&f, "assertion"));
    }
    form_done(&f);
    return ok;
}

/* ---- the server ---- */

static void answer(struct http_exchange *x, int status, const char *body)
{
    http_respond(x, status, STR("application/json"), STR_NULL, span_of_str(str_from(body)));
}

static void give_token(struct token_server *s, struct http_exchange *x)
{
    char body[200];
    snprintf(body, sizeof(body), "{\"access_token\":\"ya29.token-%u\",\"expires_in\":%u,\"token_type\":\"Bearer\"}",
             ++s->gave, s->lasts_s ? s->lasts_s : 3600);
    answer(x, 200, body);
}

static void on_request(struct http_exchange *x, const struct http_request *req, void *arg)
{
    struct token_server *s = arg;
    s->asked++;
    if (s->silent) {
        assert_null(s->held);
        s->held = x;
    } else if (s->status) {
        answer(x, s->status, s->body);
    } else if (!request_holds(s, req)) {
        answer(x, 400, "{\"error\":\"invalid_grant\",\"error_description\":\"Invalid JWT Signature.\"}");
    } else {
        give_token(s, x);
    }
}

static const struct http_server_handler handler = {.on_request = on_request};

/* The JSON that the console of Google Cloud hands out. */
static void make_key(struct token_server *s)
{
    EVP_PKEY *key = EVP_RSA_gen(1024); /* made for each test: short, so that it is soon there */
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;
    assert_non_null(key);
    assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL), 1);
    long n = BIO_get_mem_data(bio, &pem);
    buf_init(&s->key_text, 1 << 16);
    struct json_w w = json_w(&s->key_text);
    json_w_open(&w);
    json_w_kz(&w, "type", "service_account");
    json_w_kz(&w, "project_id", "my-project");
    json_w_kz(&w, "private_key_id", KEY_ID);
    json_w_kstr(&w, "private_key", (struct str){pem, (size_t)n});
    json_w_kz(&w, "client_email", ACCOUNT);
    json_w_kz(&w, "token_uri", AUDIENCE);
    json_w_close(&w);
    BIO_free(bio);
    s->key = key;
}

void token_server_write(const struct token_server *s, const char *text)
{
    FILE *f = fopen(s->key_file, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

void token_server_speak(struct token_server *s)
{
    s->silent = false;
    if (s->held) {
        give_token(s, TAKE(s->held));
    }
}

void token_server_open(struct token_server *s, struct loop *loop)
{
    *s = (struct token_server){0};
    assert_ok(http_server_open(loop, &(struct http_server_opts){.host = "127.0.0.1"}, &handler, s, &s->server));
    snprintf(s->url, sizeof(s->url), "http://127.0.0.1:%u/token", http_server_port(s->server));
    make_key(s);
    snprintf(s->key_file, sizeof(s->key_file), "/tmp/ringtrip-key-XXXXXX");
    int fd = mkstemp(s->key_file);
    assert_true(fd >= 0);
    close(fd);
    token_server_write(s, buf_cstr(&s->key_text));
}

void token_server_close(struct token_server *s)
{
    if (s->held) {
        answer(s->held, 200, "{}");
    }
    http_server_free(s->server);
    EVP_PKEY_free(s->key);
    buf_done(&s->key_text);
    unlink(s->key_file);
}
