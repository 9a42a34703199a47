#include "peer/sandbox/sandbox_tokens.h"

#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "net/crypto.h"

#define STARTS_WITHIN_S 60
#define USES_MAX        1000000

bool tokens_is_path(struct str path)
{
    while (path.n > 1 && path.p[1] == '/') { /* clients put two slashes behind some bases */
        path = (struct str){path.p + 1, path.n - 1};
    }
    return str_is(path, "/v1alpha/auth_tokens") || str_is(path, "/v1beta/auth_tokens");
}

static int read_uses(struct json_val body, struct token *token, const char **ret_why)
{
    struct json_val uses = json_get(body, "uses");
    int64_t n = 1;
    if (uses.type != JSON_NONE && (json_to_i64(uses, &n) < 0 || n < 0 || n > USES_MAX)) {
        *ret_why = "Invalid value at 'auth_token.uses'";
        return -ERR_RANGE;
    }
    token->unlimited = n == 0;
    token->uses = (uint32_t)n;
    return 0;
}

int tokens_make(struct tokens *t, struct str body, int64_t now_s, struct buf *out, const char **ret_why)
{
    struct token token = {.starts_until = now_s + STARTS_WITHIN_S};
    struct json_val v;
    uint8_t bytes[20];
    if (json_parse(str_trim(body).n ? body : STR("{}"), &v) < 0 || v.type != JSON_OBJECT) {
        *ret_why = "Invalid JSON payload received.";
        return -ERR_SYNTAX;
    }
    int err = read_uses(v, &token, ret_why);
    if (err < 0) {
        return err;
    }
    crypto_random(bytes, sizeof(bytes));
    int n = snprintf(token.name, sizeof(token.name), TOKEN_PREFIX);
    for (size_t i = 0; i < sizeof(bytes); i++) {
        n += snprintf(token.name + n, sizeof(token.name) - (size_t)n, "%02x", bytes[i]);
    }
    t->list[t->made++ % TOKENS_MAX] = token;
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_kz(&w, "name", token.name);
    json_w_close(&w);
    return out->err;
}

bool tokens_use(struct tokens *t, struct str name, int64_t now_s)
{
    for (size_t i = 0; i < TOKENS_MAX; i++) {
        struct token *token = &t->list[i];
        if (token->name[0] && crypto_equal(span_of_str(name), span_of_str(str_from(token->name)))) {
            bool good = now_s <= token->starts_until && (token->unlimited || token->uses > 0);
            token->uses -= good && !token->unlimited;
            return good;
        }
    }
    return false;
}
