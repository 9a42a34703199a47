/*
 * The account at each carrier that is configured: does it take our login, is it active, does it have the number, and
 * where does the number send calls? Plain GETs of the carrier's REST API, which change nothing and cost nothing.
 */
#include "base/err.h"
#include "base/json.h"
#include "gateway/checker.h"

#define WEBHOOK_PATH "/twiml"

/* What is asked and who is meant by it. */
struct login {
    const char *carrier;                       /* the subject of findings */
    const char *user_option, *password_option; /* "carriers.twilio.account_sid (TWILIO_ACCOUNT_SID)" */
    struct str user, password;
    const char *ca_file;
    bool may_miss; /* 404 is an answer: -ENOENT without a finding */
};

static const struct login twilio_login = {
    .carrier = "twilio",
    .user_option = "carriers.twilio.account_sid (TWILIO_ACCOUNT_SID)",
    .password_option = "carriers.twilio.auth_token (TWILIO_AUTH_TOKEN)",
};

/* 0 with the object in ret; else, but for -ENOENT, a finding has been made. The body stays with g. */
static int ask(struct checker *c, const struct login *l, struct checker_get *g, struct json_val *ret)
{
    g->user = l->user;
    g->password = l->password;
    g->ca_file = l->ca_file;
    checker_get(c, NULL, g);
    if (g->err < 0) {
        buf_printf(&c->text, STR_FMT " cannot be asked: %s", STR_ARG(g->url), g->detail);
        buf_puts(&c->remedy, "look whether this machine may connect to the carrier's REST API: hang-up, transfer, text "
                             "messages and outgoing calls need it");
        checker_say(c, CHECK_ERROR, l->carrier);
        return g->err;
    }
    if (g->status == 404 && l->may_miss) {
        return -ENOENT;
    }
    if (g->status == 401 || g->status == 403 || g->status == 404) {
        buf_printf(&c->text, "the account is refused (HTTP %d)", g->status);
        buf_printf(&c->remedy, "%s and %s must be of one account, whole and without quotes", l->user_option,
                   l->password_option);
        checker_say(c, CHECK_ERROR, l->carrier);
        return -ERR_AUTH;
    }
    if (g->status < 200 || g->status > 299 || json_parse(buf_str(&g->body), ret) < 0 || ret->type != JSON_OBJECT) {
        buf_printf(&c->text, STR_FMT " answers HTTP %d", STR_ARG(g->url), g->status);
        buf_puts(&c->remedy, "try again later; when it stays, look at the carrier's status page");
        checker_say(c, g->status >= 500 || g->status == 429 ? CHECK_WARNING : CHECK_ERROR, l->carrier);
        return -ERR_HTTP;
    }
    return 0;
}

/* A member's text, "" when it is none. Escapes stay as they are: it is shown and compared, no more. */
static struct str text_of(struct json_val v, const char *key)
{
    struct json_val m = json_get(v, key);
    return m.type == JSON_STRING ? m.s : STR("");
}

/* ---- Twilio ---- */

static void put_number(struct buf *url, struct str number)
{
    for (size_t i = 0; i < number.n; i++) {
        bool digit = number.p[i] >= '0' && number.p[i] <= '9';
        buf_puts(url, number.p[i] == '+' ? "%2B" : "");
        if (digit) {
            buf_putc(url, number.p[i]);
        }
    }
}

/* https:// and http:// are the same door here: the scheme is check_reach's business. */
static struct str without_scheme(struct str url)
{
    size_t at = str_search(url, STR("://"));
    return at == SIZE_MAX ? url : (struct str){url.p + at + 3, url.n - at - 3};
}

static bool leads_here(const struct config *cfg, struct str voice_url)
{
    struct str ours = without_scheme(cfg->server.public_url);
    struct str theirs = without_scheme(voice_url);
    struct str path = STR(WEBHOOK_PATH);
    theirs.n = str_find(theirs, '?');
    return theirs.n == ours.n + path.n && str_starts(theirs, ours) &&
           str_eq((struct str){theirs.p + ours.n, path.n}, path);
}

static void number_found(struct checker *c, const struct config *cfg, struct json_val number)
{
    struct str phone = cfg->twilio.phone_number;
    struct buf plain;
    struct str voice_url = STR("");
    buf_init(&plain, 4096);
    struct json_val v = json_get(number, "voice_url");
    if (v.type == JSON_STRING && json_to_str(v, &plain, &voice_url) < 0) {
        voice_url = STR("");
    }
    if (text_of(number, "voice_application_sid").n > 0 || text_of(number, "trunk_sid").n > 0) {
        buf_printf(&c->text, STR_FMT " sends calls to an application or a trunk, not to a webhook", STR_ARG(phone));
        buf_puts(&c->remedy, "see that the application's voice URL is ours, or set the number's own voice webhook");
        checker_say(c, CHECK_WARNING, "twilio");
    } else if (cfg->server.public_url.n > 0 && !leads_here(cfg, voice_url)) {
        buf_printf(&c->text, STR_FMT " sends calls to %s" STR_FMT ", not here", STR_ARG(phone),
                   voice_url.n ? "" : "nowhere", STR_ARG(voice_url));
        buf_printf(&c->remedy,
                   "in Twilio's console, at the number, set \"A call comes in\": Webhook, " STR_FMT "%s, "
                   "HTTP POST",
                   STR_ARG(cfg->server.public_url), WEBHOOK_PATH);
        checker_say(c, CHECK_WARNING, "twilio");
    } else {
        buf_printf(&c->text, STR_FMT " belongs to the account%s", STR_ARG(phone),
                   cfg->server.public_url.n ? " and sends calls here" : "");
        checker_say(c, CHECK_OK, "twilio");
    }
    buf_done(&plain);
}

static void twilio_number(struct checker *c, const struct config *cfg, const struct login *l)
{
    struct checker_get g = {0};
    struct json_val doc, first;
    struct buf url;
    buf_init(&url, 2048);
    buf_printf(&url, STR_FMT "/2010-04-01/Accounts/" STR_FMT "/IncomingPhoneNumbers.json?PageSize=1&PhoneNumber=",
               STR_ARG(cfg->twilio.api_base), STR_ARG(l->user));
    put_number(&url, cfg->twilio.phone_number);
    g.url = buf_str(&url);
    if (ask(c, l, &g, &doc) >= 0) {
        struct json_it it = json_array(json_get(doc, "incoming_phone_numbers"));
        if (json_elem(&it, &first)) {
            number_found(c, cfg, first);
        } else {
            buf_printf(&c->text, STR_FMT " is no number of this account", STR_ARG(cfg->twilio.phone_number));
            buf_puts(&c->remedy, "set carriers.twilio.phone_number (TWILIO_PHONE_NUMBER) to one of its numbers, as "
                                 "+15551234567; outgoing calls need it, or a verified caller id");
            checker_say(c, CHECK_WARNING, "twilio");
        }
    }
    checker_got(&g);
    buf_done(&url);
}

static void twilio_account(struct checker *c, const struct config *cfg)
{
    struct login l = twilio_login;
    struct checker_get g = {0};
    struct json_val doc;
    struct buf url;
    l.user = cfg->twilio.account_sid;
    l.password = cfg->twilio.auth_token;
    l.ca_file = cfg->twilio.ca_file.n ? cfg->twilio.ca_file.p : NULL;
    buf_init(&url, 2048);
    buf_printf(&url, STR_FMT "/2010-04-01/Accounts/" STR_FMT ".json", STR_ARG(cfg->twilio.api_base), STR_ARG(l.user));
    g.url = buf_str(&url);
    int err = ask(c, &l, &g, &doc);
    if (err >= 0) {
        struct str status = text_of(doc, "status");
        bool active = str_is(status, "active");
        buf_printf(&c->text, "the account takes the login, and is " STR_FMT "%s", STR_ARG(status),
                   str_is(text_of(doc, "type"), "Trial") ? " (a trial: it calls verified numbers only, and speaks a "
                                                           "notice before our greeting)"
                                                         : "");
        if (!active) {
            buf_puts(&c->remedy, "calls will be refused: look at the account in Twilio's console");
        }
        checker_say(c, active ? CHECK_OK : CHECK_ERROR, "twilio");
    }
    checker_got(&g);
    buf_done(&url);
    if (err >= 0 && cfg->twilio.phone_number.n > 0) {
        twilio_number(c, cfg, &l);
    }
}

/* ---- Plivo ---- */

static const struct login plivo_login = {
    .carrier = "plivo",
    .user_option = "carriers.plivo.auth_id (PLIVO_AUTH_ID)",
    .password_option = "carriers.plivo.auth_token (PLIVO_AUTH_TOKEN)",
};

static void plivo_found(struct checker *c, const struct config *cfg, struct json_val number)
{
    bool led = text_of(number, "application").n > 0 || cfg->plivo.configure;
    bool voice = json_get(number, "voice_enabled").type != JSON_FALSE;
    buf_printf(&c->text, STR_FMT " belongs to the account%s", STR_ARG(cfg->plivo.phone_number),
               !voice                 ? ", but takes no calls"
               : cfg->plivo.configure ? ", and is led here when the gateway starts"
               : led                  ? ", and stays with the application that it has"
                                      : ", but has no application");
    if (!voice) {
        buf_puts(&c->remedy, "rent a number that is enabled for voice");
    } else if (!led) {
        buf_puts(&c->remedy, "take carriers.plivo.configure out: then it gets one when the gateway starts");
    }
    checker_say(c, voice && led ? CHECK_OK : CHECK_WARNING, "plivo");
}

static void plivo_number(struct checker *c, const struct config *cfg, struct login l)
{
    struct checker_get g = {0};
    struct json_val doc;
    struct buf url;
    struct str number = cfg->plivo.phone_number;
    number = number.p[0] == '+' ? (struct str){number.p + 1, number.n - 1} : number;
    l.may_miss = true;
    buf_init(&url, 2048);
    buf_printf(&url, STR_FMT "/v1/Account/" STR_FMT "/Number/", STR_ARG(cfg->plivo.api_base), STR_ARG(l.user));
    put_number(&url, number);
    buf_putc(&url, '/');
    g.url = buf_str(&url);
    int err = ask(c, &l, &g, &doc);
    if (err >= 0) {
        plivo_found(c, cfg, doc);
    } else if (err == -ENOENT) {
        buf_printf(&c->text, STR_FMT " is no number of this account", STR_ARG(cfg->plivo.phone_number));
        buf_puts(&c->remedy, "set carriers.plivo.phone_number (PLIVO_PHONE_NUMBER) to one of its numbers");
        checker_say(c, CHECK_WARNING, "plivo");
    }
    checker_got(&g);
    buf_done(&url);
}

static void plivo_account(struct checker *c, const struct config *cfg)
{
    struct login l = plivo_login;
    struct checker_get g = {0};
    struct json_val doc;
    struct buf url;
    l.user = cfg->plivo.auth_id;
    l.password = cfg->plivo.auth_token;
    l.ca_file = cfg->plivo.ca_file.n ? cfg->plivo.ca_file.p : NULL;
    buf_init(&url, 2048);
    buf_printf(&url, STR_FMT "/v1/Account/" STR_FMT "/", STR_ARG(cfg->plivo.api_base), STR_ARG(l.user));
    g.url = buf_str(&url);
    int err = ask(c, &l, &g, &doc);
    if (err >= 0) {
        buf_puts(&c->text, "the account takes the login");
        checker_say(c, CHECK_OK, "plivo");
    }
    checker_got(&g);
    buf_done(&url);
    if (err >= 0 && cfg->plivo.phone_number.n > 0) {
        plivo_number(c, cfg, l);
    }
}

void check_accounts(struct checker *c, const struct config *cfg)
{
    if (cfg->twilio.enabled && cfg->twilio.account_sid.n > 0 && cfg->twilio.auth_token.n > 0) {
        twilio_account(c, cfg);
    }
    if (cfg->plivo.enabled && cfg->plivo.auth_id.n > 0 && cfg->plivo.auth_token.n > 0) {
        plivo_account(c, cfg);
    }
}
