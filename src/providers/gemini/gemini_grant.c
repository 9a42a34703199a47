#include "providers/gemini/gemini_grant.h"

#include "base/err.h"
#include "base/json_doc.h"
#include "base/loopback.h"
#include "net/crypto.h"
#include "net/rsa.h"
#include "wire/endpoint.h"
#include "wire/form.h"

#define URL_MAX        4096
#define BODY_MAX       (32u << 10)
#define TOKEN_MAX      (16u << 10)
#define REFUSAL_MAX    400
#define ASSERTION_S    3600 /* the most that is taken */
#define LASTS_UNSAID_S 300
#define LASTS_MAX_S    43200

void gemini_grant_init(struct gemini_grant *g)
{
    *g = (struct gemini_grant){0};
    buf_init(&g->url, URL_MAX);
    buf_init(&g->body, BODY_MAX);
}

static void wipe(struct buf *b)
{
    if (b->data) {
        explicit_bzero(b->data, b->cap);
    }
    buf_done(b);
}

void gemini_grant_done(struct gemini_grant *g)
{
    buf_done(&g->url);
    wipe(&g->body);
}

/* ---- the key file ---- */

static struct str text_of(const struct json_doc *doc, const char *key)
{
    const struct json_doc *v = json_doc_get(doc, str_from(key));
    return v && v->type == JSON_STRING ? v->text : STR("");
}

static int missing(struct buf *problem, const char *what)
{
    buf_printf(problem, "the key file has no %s", what);
    return -ERR_CONFIG;
}

static int put_url(struct gemini_grant *g, struct str url, struct buf *problem)
{
    struct endpoint e;
    if (endpoint_read(url, &e) < 0) {
        buf_puts(problem, "the address of the token server is none");
        return -ERR_CONFIG;
    }
    if (!e.tls && !loopback_host(e.host)) {
        buf_puts(problem, "the address of the token server is not encrypted: credentials would travel in the clear");
        return -ERR_CONFIG;
    }
    buf_clear(&g->url);
    buf_put_str(&g->url, url);
    return g->url.err;
}

/* base64url(text) */
static int put_part(struct buf *out, struct span bytes)
{
    size_t room = (bytes.n * 4 + 2) / 3 + 1;
    char *at = (char *)buf_room(out, room);
    if (!at) {
        return out->err;
    }
    crypto_base64url(bytes, at);
    buf_added(out, room - 1);
    return 0;
}

static void put_header(struct buf *out, struct str key_id)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "alg", "RS256");
    json_w_kz(&w, "typ", "JWT");
    if (key_id.n > 0) {
        json_w_kstr(&w, "kid", key_id);
    }
    json_w_close(&w);
}

static void put_claims(struct buf *out, struct str account, struct str audience, int64_t now_s)
{
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kstr(&w, "iss", account);
    json_w_kz(&w, "scope", GEMINI_SCOPE);
    json_w_kstr(&w, "aud", audience);
    json_w_ki64(&w, "iat", now_s);
    json_w_ki64(&w, "exp", now_s + ASSERTION_S);
    json_w_close(&w);
}

/* header.claims.signature */
static int put_assertion(struct buf *out, const struct json_doc *doc, struct str audience, int64_t now_s,
                         const struct rsa_key *key)
{
    struct buf part;
    buf_init(&part, BODY_MAX);
    put_header(&part, text_of(doc, "private_key_id"));
    int err = part.err < 0 ? part.err : put_part(out, buf_span(&part));
    buf_putc(out, '.');
    buf_clear(&part);
    put_claims(&part, text_of(doc, "client_email"), audience, now_s);
    err = err < 0 ? err : part.err < 0 ? part.err : put_part(out, buf_span(&part));
    buf_clear(&part);
    err = err < 0 ? err : rsa_sign_sha256(key, buf_span(out), &part);
    buf_putc(out, '.');
    err = err < 0 ? err : put_part(out, buf_span(&part));
    buf_done(&part);
    return err < 0 ? err : out->err;
}

static int ask_as_service(struct gemini_grant *g, const struct json_doc *doc, struct str audience, int64_t now_s,
                          struct buf *problem)
{
    CLEANUP(rsa_key_free)
    struct rsa_key *key = NULL;
    struct str pem = text_of(doc, "private_key");
    if (text_of(doc, "client_email").n == 0) {
        return missing(problem, "client_email");
    }
    if (pem.n == 0) {
        return missing(problem, "private_key");
    }
    int err = rsa_key_new(pem, &key);
    if (err < 0) {
        buf_puts(problem, err == -ERR_TYPE
                              ? "the private_key of the key file is no RSA key"
                              : "the private_key of the key file is damaged: it must be PEM as downloaded");
        return err == -ENOMEM ? err : -ERR_CONFIG;
    }
    struct buf jwt;
    buf_init(&jwt, BODY_MAX);
    err = put_assertion(&jwt, doc, audience, now_s, key);
    form_put(&g->body, STR("grant_type"), STR("urn:ietf:params:oauth:grant-type:jwt-bearer"));
    form_put(&g->body, STR("assertion"), buf_str(&jwt));
    wipe(&jwt);
    return err < 0 ? err : g->body.err;
}

static int ask_as_user(struct gemini_grant *g, const struct json_doc *doc, struct buf *problem)
{
    static const char *const names[] = {"client_id", "client_secret", "refresh_token"};
    form_put(&g->body, STR("grant_type"), STR("refresh_token"));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str value = text_of(doc, names[i]);
        if (value.n == 0) {
            return missing(problem, names[i]);
        }
        form_put(&g->body, str_from(names[i]), value);
    }
    return g->body.err;
}

static void set_account(struct gemini_grant *g, struct str name)
{
    name.n = MIN(name.n, sizeof(g->account) - 1);
    ignore_result(str_copy(g->account, sizeof(g->account), name)); /* it fits now */
}

static int make(struct gemini_grant *g, const struct json_doc *doc, struct str url, int64_t now_s, struct buf *problem)
{
    struct str type = text_of(doc, "type"), own = text_of(doc, "token_uri");
    struct str audience = own.n > 0 ? own : STR(GEMINI_TOKEN_URL);
    bool service = str_is(type, "service_account");
    if (!service && !str_is(type, "authorized_user")) {
        type.n = MIN(type.n, (size_t)40);
        buf_printf(problem, "the key file is of type \"" STR_FMT "\", not service_account or authorized_user",
                   STR_ARG(type));
        return -ERR_CONFIG;
    }
    int err = put_url(g, url.n > 0 ? url : audience, problem);
    buf_clear(&g->body);
    if (err >= 0) {
        err = service ? ask_as_service(g, doc, audience, now_s, problem) : ask_as_user(g, doc, problem);
    }
    set_account(g, service ? text_of(doc, "client_email") : STR("a user's own login"));
    return err;
}

static void forget(const struct json_doc *doc)
{
    static const char *const names[] = {"private_key", "client_secret", "refresh_token"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str value = text_of(doc, names[i]);
        explicit_bzero((void *)(uintptr_t)value.p, value.n); /* the document is ours */
    }
}

int gemini_grant_make(struct gemini_grant *g, struct str file, struct str url, int64_t now_s, struct buf *problem)
{
    const struct json_doc *doc = NULL;
    int err = json_doc_parse(file, &doc);
    if (err == -ENOMEM) {
        return err;
    }
    if (err < 0 || doc->type != JSON_OBJECT) {
        buf_puts(problem, "the key file is no JSON object");
        err = -ERR_CONFIG;
    } else {
        err = make(g, doc, url, now_s, problem);
        forget(doc);
    }
    json_doc_free(doc);
    return err;
}

/* ---- answers ---- */

/* What may stand in a header (RFC 6750): no blanks, no control characters. */
static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] <= ' ' || s.p[i] > '~') {
            return false;
        }
    }
    return s.n > 0 && s.n <= TOKEN_MAX;
}

int gemini_grant_answer(struct str answer, struct buf *token, uint32_t *ret_lasts_s)
{
    const struct json_doc *doc = NULL;
    int err = json_doc_parse(answer, &doc);
    if (err < 0) {
        return err == -ENOMEM ? err : -ERR_SYNTAX;
    }
    struct str text = text_of(doc, "access_token");
    const struct json_doc *lasts = json_doc_get(doc, STR("expires_in"));
    err = is_token(text) ? 0 : -ERR_SYNTAX;
    if (err >= 0) {
        buf_put_str(token, text);
        err = token->err;
    }
    *ret_lasts_s =
        lasts && lasts->type == JSON_NUMBER ? (uint32_t)CLAMP(lasts->number, 1, LASTS_MAX_S) : LASTS_UNSAID_S;
    json_doc_free(doc);
    return err;
}

/* Of a stranger: cut, and without what would break a line. */
static void put_words(struct buf *out, struct str s)
{
    s.n = MIN(s.n, (size_t)REFUSAL_MAX);
    for (size_t i = 0; i < s.n; i++) {
        buf_putc(out, (unsigned char)s.p[i] < ' ' ? ' ' : s.p[i]);
    }
}

void gemini_grant_refusal(struct str answer, struct buf *out)
{
    const struct json_doc *doc = NULL;
    if (json_doc_parse(answer, &doc) < 0) {
        return;
    }
    struct str error = text_of(doc, "error"), more = text_of(doc, "error_description");
    put_words(out, error);
    if (error.n > 0 && more.n > 0) {
        buf_puts(out, ": ");
        put_words(out, more);
    }
    json_doc_free(doc);
}
