/* What a Plivo account has besides calls: itself, applications, numbers, messages. */
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "peer/exchange/exchange_plivo.h"

#define APPS_MAX     64
#define NUMBERS_MAX  64
#define URL_ROOM     512
#define TEXT_MAX     1600
#define MESSAGES_MAX 4096

static const char *const url_keys[] = {"answer_url", "hangup_url", "fallback_answer_url", "message_url"};

struct app {
    char id[24];
    char name[64];
    char urls[ARRAY_LEN(url_keys)][URL_ROOM];
};

/* A number is born without an application. */
struct number {
    char digits[24];
    char app[24];
};

struct exchange_account {
    struct app apps[APPS_MAX];
    struct number numbers[NUMBERS_MAX];
    uint32_t n_apps, n_numbers;
    uint32_t made; /* applications so far: no id comes twice */
};

static struct exchange_account *account_of(struct exchange *e)
{
    if (!e->account) {
        e->account = arena_alloc(&e->arena, sizeof(*e->account));
    }
    return e->account;
}

/* ---- applications ---- */

static struct app *app_find(struct exchange_account *a, struct str id)
{
    for (uint32_t i = 0; i < a->n_apps; i++) {
        if (str_is(id, a->apps[i].id)) {
            return &a->apps[i];
        }
    }
    return NULL;
}

static void put_app(struct json_w *w, const struct exchange *e, const struct app *app)
{
    char uri[160];
    ignore_result(
        snprintf(uri, sizeof(uri), "/v1/Account/" STR_FMT "/Application/%s/", STR_ARG(e->o.account_sid), app->id) < 0);
    json_w_kz(w, "app_id", app->id);
    json_w_kz(w, "app_name", app->name);
    for (size_t i = 0; i < ARRAY_LEN(url_keys); i++) {
        json_w_kz(w, url_keys[i], app->urls[i]);
    }
    json_w_kz(w, "answer_method", "POST");
    json_w_kz(w, "hangup_method", "POST");
    json_w_kbool(w, "enabled", true);
    json_w_kz(w, "resource_uri", uri);
}

static void list_apps(const struct exchange *e, struct http_exchange *x, const struct exchange_account *a,
                      const struct exchange_plivo_path *at)
{
    struct buf out;
    struct json_w w = exchange_plivo_begin(&out);
    struct str name = form_get(&at->query, "app_name");
    int64_t n = 0;
    json_w_key(&w, "objects");
    json_w_array(&w);
    for (uint32_t i = 0; i < a->n_apps && n < 20; i++) {
        struct str own = str_from(a->apps[i].name);
        if (name.n == 0 || str_starts(own, name)) { /* the filter is a loose one */
            json_w_open(&w);
            put_app(&w, e, &a->apps[i]);
            json_w_close(&w);
            n++;
        }
    }
    json_w_end(&w);
    exchange_plivo_put_meta(&w, n);
    json_w_close(&w);
    exchange_plivo_reply(x, 200, &out);
    buf_done(&out);
}

/* Letters, digits, - and _ */
static bool is_app_name(struct str s)
{
    bool ok = s.n > 0;
    for (size_t i = 0; i < s.n && ok; i++) {
        char c = s.p[i];
        ok = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
    }
    return ok;
}

/* False: it holds what does not fit, and x was answered. */
static bool change_app(struct exchange *e, struct http_exchange *x, struct app *app, struct json_val body)
{
    struct buf scratch;
    buf_init(&scratch, EXCHANGE_URL_MAX);
    for (size_t i = 0; i < ARRAY_LEN(url_keys); i++) {
        bool given = json_get(body, url_keys[i]).type == JSON_STRING;
        if (given && str_copy(app->urls[i], URL_ROOM, exchange_plivo_text(body, url_keys[i], &scratch)) < 0) {
            buf_done(&scratch);
            exchange_plivo_refuse(e, x, 400, "a url is too long");
            return false;
        }
    }
    buf_done(&scratch);
    return true;
}

static void make_app(struct exchange *e, struct http_exchange *x, struct exchange_account *a, struct json_val body)
{
    struct app app = {.id = ""};
    struct buf scratch;
    buf_init(&scratch, 1024);
    struct str name = exchange_plivo_text(body, "app_name", &scratch);
    bool fits = is_app_name(name) && str_copy(app.name, sizeof(app.name), name) >= 0;
    buf_done(&scratch);
    if (!fits || a->n_apps == APPS_MAX) {
        exchange_plivo_refuse(e, x, 400, fits ? "too many applications" : "app_name is not valid");
        return;
    }
    ignore_result(snprintf(app.id, sizeof(app.id), "157847354426%05u", ++a->made % 100000) < 0);
    if (!change_app(e, x, &app, body)) {
        return;
    }
    a->apps[a->n_apps++] = app;
    struct buf out;
    struct json_w w = exchange_plivo_begin(&out);
    json_w_kz(&w, "message", "created");
    json_w_kz(&w, "app_id", app.id);
    json_w_close(&w);
    exchange_plivo_reply(x, 201, &out);
    buf_done(&out);
}

static void drop_app(struct exchange_account *a, struct app *app)
{
    size_t behind = (size_t)(a->apps + a->n_apps - (app + 1));
    memmove(app, app + 1, behind * sizeof(*app));
    a->n_apps--;
}

static void on_app(struct exchange *e, struct http_exchange *x, struct exchange_account *a,
                   const struct exchange_plivo_path *at, struct json_val body)
{
    static const struct exchange_plivo_key keys[] = {{"answer_url", 's', false},
                                                     {"answer_method", 's', false},
                                                     {"hangup_url", 's', false},
                                                     {"hangup_method", 's', false},
                                                     {"fallback_answer_url", 's', false},
                                                     {"fallback_method", 's', false},
                                                     {"message_url", 's', false},
                                                     {"message_method", 's', false},
                                                     {"default_number_app", 'b', false},
                                                     {"default_endpoint_app", 'b', false},
                                                     {"app_name", 's', false}};
    struct app *app = app_find(a, at->id);
    bool get = str_is(at->method, "GET");
    if (at->id.n > 0 && !app) {
        exchange_plivo_refuse(e, x, 404, "not found");
    } else if (get && !app) {
        list_apps(e, x, a, at);
    } else if (get) {
        struct buf out;
        struct json_w w = exchange_plivo_begin(&out);
        put_app(&w, e, app);
        json_w_close(&w);
        exchange_plivo_reply(x, 200, &out);
        buf_done(&out);
    } else if (app && str_is(at->method, "DELETE")) {
        drop_app(a, app);
        exchange_plivo_gone(x);
    } else if (!exchange_plivo_typed(e, x, body, keys, ARRAY_LEN(keys))) {
        return;
    } else if (!app) {
        make_app(e, x, a, body);
    } else if (change_app(e, x, app, body)) {
        exchange_plivo_say(x, 202, "message", "changed");
    }
}

/* ---- numbers ---- */

static struct number *number_of(struct exchange *e, struct exchange_account *a, struct str digits)
{
    for (uint32_t i = 0; i < a->n_numbers; i++) {
        if (str_is(digits, a->numbers[i].digits)) {
            return &a->numbers[i];
        }
    }
    if (a->n_numbers == NUMBERS_MAX || !exchange_plivo_is_number(digits) || !exchange_plivo_is_ours(e, digits)) {
        return NULL;
    }
    struct number *n = &a->numbers[a->n_numbers];
    bool kept = str_copy(n->digits, sizeof(n->digits), digits) >= 0;
    a->n_numbers += kept;
    return kept ? n : NULL;
}

struct str exchange_plivo_incoming(struct exchange *e, struct str to)
{
    struct exchange_account *a = account_of(e);
    struct str digits = to.n > 0 && to.p[0] == '+' ? (struct str){to.p + 1, to.n - 1} : to;
    for (uint32_t i = 0; a && i < a->n_numbers; i++) {
        const struct app *app = str_is(digits, a->numbers[i].digits) ? app_find(a, str_from(a->numbers[i].app)) : NULL;
        if (app) {
            return str_from(app->urls[0]);
        }
    }
    return STR("");
}

static void put_number(struct json_w *w, const struct exchange *e, const struct number *n)
{
    char uri[160];
    ignore_result(
        snprintf(uri, sizeof(uri), "/v1/Account/" STR_FMT "/Application/%s/", STR_ARG(e->o.account_sid), n->app) < 0);
    json_w_kz(w, "number", n->digits);
    json_w_kz(w, "application", n->app[0] ? uri : NULL); /* a path, no id */
    json_w_kbool(w, "voice_enabled", true);
    json_w_kbool(w, "sms_enabled", true);
}

static void assign(struct exchange *e, struct http_exchange *x, struct exchange_account *a, struct number *n,
                   struct json_val body)
{
    static const struct exchange_plivo_key keys[] = {
        {"app_id", 's', false}, {"alias", 's', false}, {"subaccount", 's', false}};
    struct buf scratch;
    if (!exchange_plivo_typed(e, x, body, keys, ARRAY_LEN(keys))) {
        return;
    }
    buf_init(&scratch, 256);
    struct str id = exchange_plivo_text(body, "app_id", &scratch);
    bool known = id.n == 0 || app_find(a, id);
    if (!known || str_copy(n->app, sizeof(n->app), id) < 0) {
        exchange_plivo_refuse(e, x, 400, "there is no application of that app_id");
    } else {
        exchange_plivo_say(x, 202, "message", "changed");
    }
    buf_done(&scratch);
}

static void on_number(struct exchange *e, struct http_exchange *x, struct exchange_account *a,
                      const struct exchange_plivo_path *at, struct json_val body)
{
    struct number *n = at->id.n > 0 ? number_of(e, a, at->id) : NULL;
    bool get = str_is(at->method, "GET");
    if (!n && (at->id.n > 0 || !get)) {
        exchange_plivo_refuse(e, x, 404, "not found");
        return;
    }
    if (!get) {
        assign(e, x, a, n, body);
        return;
    }
    struct buf out;
    struct json_w w = exchange_plivo_begin(&out);
    if (n) {
        put_number(&w, e, n);
    } else {
        json_w_key(&w, "objects");
        json_w_array(&w);
        for (uint32_t i = 0; i < a->n_numbers; i++) {
            json_w_open(&w);
            put_number(&w, e, &a->numbers[i]);
            json_w_close(&w);
        }
        json_w_end(&w);
        exchange_plivo_put_meta(&w, a->n_numbers);
    }
    json_w_close(&w);
    exchange_plivo_reply(x, 200, &out);
    buf_done(&out);
}

/* ---- messages ---- */

/* Several receivers stand in one string, with < between them; each has an id. */
static bool receivers_ok(struct str to, uint32_t *ret_n)
{
    struct str one;
    bool ok = to.n > 0;
    *ret_n = 0;
    while (ok && str_split(&to, '<', &one)) {
        struct str digits = one.n > 0 && one.p[0] == '+' ? (struct str){one.p + 1, one.n - 1} : one;
        ok = exchange_plivo_is_number(digits);
        ++*ret_n;
    }
    return ok;
}

static void take_message(struct exchange *e, struct http_exchange *x, uint32_t n)
{
    struct buf out;
    char id[40];
    struct json_w w = exchange_plivo_begin(&out);
    json_w_kz(&w, "message", "message(s) queued");
    json_w_key(&w, "message_uuid");
    json_w_array(&w);
    for (uint32_t i = 0; i < n; i++) {
        ignore_result(snprintf(id, sizeof(id), "db3ce55a-7f1d-11e1-8ea7-%012x", ++e->stats.messages) < 0);
        json_w_str(&w, str_from(id));
    }
    json_w_end(&w);
    json_w_close(&w);
    exchange_plivo_reply(x, 202, &out);
    buf_done(&out);
}

static void on_message(struct exchange *e, struct http_exchange *x, struct json_val body)
{
    static const struct exchange_plivo_key keys[] = {{"src", 's', false},    {"dst", 's', true},
                                                     {"text", 's', true},    {"url", 's', false},
                                                     {"method", 's', false}, {"powerpack_uuid", 's', false},
                                                     {"log", 'b', false},    {"type", 's', false}};
    struct buf scratch[3];
    struct str part[3];
    static const char *const names[3] = {"src", "dst", "text"};
    uint32_t n = 0;
    if (!exchange_plivo_typed(e, x, body, keys, ARRAY_LEN(keys))) {
        return;
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        buf_init(&scratch[i], 16384);
        part[i] = exchange_plivo_text(body, names[i], &scratch[i]);
    }
    bool pool = json_get(body, "powerpack_uuid").type == JSON_STRING;
    struct str src = part[0].n > 0 && part[0].p[0] == '+' ? (struct str){part[0].p + 1, part[0].n - 1} : part[0];
    if (!receivers_ok(part[1], &n)) {
        exchange_plivo_refuse(e, x, 400, "dst parameter is not a valid number");
    } else if (!pool && !(exchange_plivo_is_number(src) && exchange_plivo_is_ours(e, src))) {
        exchange_plivo_refuse(e, x, 400, "src parameter is not a number of this account");
    } else if (part[2].n == 0 || part[2].n > TEXT_MAX) {
        exchange_plivo_refuse(e, x, 400, "text parameter is empty or too long");
    } else if (e->stats.messages > MESSAGES_MAX) {
        exchange_plivo_refuse(e, x, 402, "no credit");
    } else {
        take_message(e, x, n);
        if (e->h->on_message) {
            e->h->on_message(e, part[1], src, part[2], e->arg);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        buf_done(&scratch[i]);
    }
}

/* ---- the account ---- */

static void answer_account(const struct exchange *e, struct http_exchange *x)
{
    struct buf out;
    struct json_w w = exchange_plivo_begin(&out);
    json_w_kstr(&w, "auth_id", e->o.account_sid);
    json_w_kz(&w, "name", "ringtrip phone");
    json_w_kz(&w, "account_type", "standard");
    json_w_kz(&w, "cash_credits", "1000.00000");
    json_w_close(&w);
    exchange_plivo_reply(x, 200, &out);
    buf_done(&out);
}

bool exchange_plivo_account(struct exchange *e, struct http_exchange *x, const struct exchange_plivo_path *at,
                            struct json_val body)
{
    struct exchange_account *a = account_of(e);
    bool post = str_is(at->method, "POST");
    if (!a) {
        exchange_plivo_refuse(e, x, 500, "no memory");
    } else if (at->kind.n == 0 && !post) {
        answer_account(e, x);
    } else if (str_is(at->kind, "Application")) {
        on_app(e, x, a, at, body);
    } else if (str_is(at->kind, "Number") && !str_is(at->method, "DELETE")) {
        on_number(e, x, a, at, body);
    } else if (str_is(at->kind, "Message") && at->id.n == 0 && post) {
        on_message(e, x, body);
    } else {
        return false;
    }
    return true;
}
