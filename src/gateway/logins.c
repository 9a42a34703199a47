#include "gateway/logins.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"

#define TEXT_MAX 8192

/* One login; its texts are its own, because configurations come and go. */
struct entry {
    struct entry *next;
    struct logins *owner;
    struct gemini_login *login;
    struct arena arena;
    struct str name, key_file, url, ca_file;
    bool wanted;
};

struct logins {
    struct logins_opts o;
    struct entry *first;
};

void logins_fill(const struct config_provider *p, struct gemini_login_opts *ret)
{
    *ret = (struct gemini_login_opts){
        .key_file = p->gemini.login == CONFIG_LOGIN_FILE ? p->gemini.credentials_file : STR(""),
        .url = p->gemini.token_url,
        .ca_file = p->ca_file,
    };
}

static bool has_login(const struct config_provider *p)
{
    return config_is_live(p) && p->gemini.login != CONFIG_LOGIN_KEY;
}

static struct entry *find(const struct logins *l, struct str name)
{
    struct entry *e = l->first;
    while (e && !(e->wanted && str_eq(e->name, name))) {
        e = e->next;
    }
    return e;
}

/* ---- attempts ---- */

static void say(const struct entry *e, const struct gemini_login_state *s)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    if (s->err < 0) {
        json_put_quoted(&text, s->problem);
        log_warn(NULL, "login.failed",
                 "provider=" STR_FMT " error=%s token_lasts_s=%u retry_ms=%u text=" STR_FMT " advice=\"%s\"",
                 STR_ARG(e->name), err_name(s->err), s->lasts_s, s->retry_ms, STR_ARG(buf_str(&text)), s->advice);
    } else {
        json_put_quoted(&text, s->account);
        log_info(NULL, "login.ok", "provider=" STR_FMT " account=" STR_FMT " lasts_s=%u", STR_ARG(e->name),
                 STR_ARG(buf_str(&text)), s->lasts_s);
    }
    buf_done(&text);
}

static void on_tried(struct gemini_login *login, void *arg)
{
    const struct entry *e = arg;
    const struct logins_opts *o = &e->owner->o;
    struct gemini_login_state s;
    gemini_login_state(login, &s);
    say(e, &s);
    metrics_add_word(o->metrics, METRIC_LOGINS, s.err < 0 ? STR("error") : STR("ok"), 1);
    o->on_tried(o->arg);
}

static struct entry *entry_free(struct entry *e)
{
    gemini_login_close(e->login);
    arena_done(&e->arena);
    free(e);
    return NULL;
}

static int add(struct logins *l, const struct config_provider *p)
{
    struct entry *e = calloc(1, sizeof(*e));
    struct gemini_login_opts o;
    if (!e) {
        return -ENOMEM;
    }
    logins_fill(p, &o);
    arena_init(&e->arena, 64u << 10);
    e->owner = l;
    e->name = arena_str(&e->arena, p->name);
    e->key_file = o.key_file = arena_str(&e->arena, o.key_file);
    e->url = o.url = arena_str(&e->arena, o.url);
    e->ca_file = o.ca_file = arena_str(&e->arena, o.ca_file);
    e->wanted = true;
    o.loop = l->o.loop;
    o.http = l->o.http;
    o.on_tried = on_tried;
    o.arg = e;
    int err = e->name.p && e->key_file.p && e->url.p && e->ca_file.p ? gemini_login_open(&o, &e->login) : -ENOMEM;
    if (err < 0) {
        entry_free(e);
        return err;
    }
    e->next = l->first;
    l->first = e;
    return 0;
}

static struct entry *find_same(struct logins *l, const struct config_provider *p)
{
    struct gemini_login_opts o;
    struct entry *e = l->first;
    logins_fill(p, &o);
    while (e && !(str_eq(e->name, p->name) && str_eq(e->key_file, o.key_file) && str_eq(e->url, o.url) &&
                  str_eq(e->ca_file, o.ca_file))) {
        e = e->next;
    }
    return e;
}

static void drop_unwanted(struct logins *l)
{
    for (struct entry **at = &l->first; *at;) {
        struct entry *e = *at;
        if (e->wanted) {
            at = &e->next;
        } else {
            *at = e->next;
            entry_free(e);
        }
    }
}

/* ---- outside ---- */

int logins_new(const struct logins_opts *opts, struct logins **ret)
{
    struct logins *l = calloc(1, sizeof(*l));
    if (!l) {
        return -ENOMEM;
    }
    l->o = *opts;
    *ret = l;
    return 0;
}

struct logins *logins_free(struct logins *l)
{
    for (struct entry *e = l ? l->first : NULL; e; e = e->next) {
        e->wanted = false;
    }
    if (l) {
        drop_unwanted(l);
        free(l);
    }
    return NULL;
}

int logins_follow(struct logins *l, const struct snapshot *s)
{
    int err = 0;
    for (struct entry *e = l->first; e; e = e->next) {
        e->wanted = false;
    }
    for (uint32_t i = 0; i < s->cfg->provider_count && err >= 0; i++) {
        const struct config_provider *p = &s->cfg->providers[i];
        if (!s->providers[i].used || !has_login(p)) {
            continue;
        }
        struct entry *e = find_same(l, p);
        if (e) {
            e->wanted = true;
        } else {
            err = add(l, p);
        }
    }
    drop_unwanted(l);
    return err;
}

bool logins_settled(const struct logins *l)
{
    bool settled = true;
    for (const struct entry *e = l->first; e; e = e->next) {
        struct gemini_login_state s;
        gemini_login_state(e->login, &s);
        settled = settled && s.tried;
    }
    return settled;
}

int logins_unlock(const struct logins *l, const struct config_provider *p, struct provider_opts *o)
{
    const struct entry *e = has_login(p) ? find(l, p->name) : NULL;
    struct gemini_login_state s = {0};
    if (!has_login(p)) {
        return 0;
    }
    if (e) {
        gemini_login_state(e->login, &s);
    }
    provider_unlock(o, s.token);
    return s.token.n > 0 ? 0 : -ERR_AUTH;
}

void logins_problem(const struct logins *l, const struct config_provider *p, struct logins_problem *ret)
{
    const struct entry *e = find(l, p->name);
    struct gemini_login_state s = {.advice = ""};
    if (e) {
        gemini_login_state(e->login, &s);
    }
    bool refused = s.err == -ERR_AUTH || s.err == -ERR_CONFIG;
    *ret = (struct logins_problem){
        .err = refused ? -ERR_AUTH : -ERR_CLOSED,
        .code = refused ? "login-refused" : "no-access-token",
        .message = s.problem.n > 0 ? s.problem : STR("the access token is still on its way"),
        .advice = s.advice,
    };
}

void logins_refused(struct logins *l, const struct config_provider *p)
{
    struct entry *e = has_login(p) ? find(l, p->name) : NULL;
    if (e) {
        gemini_login_refused(e->login);
    }
}
