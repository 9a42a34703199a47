#include "config/config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "config/draft.h"

#define SNAPSHOT_MAX_BYTES ((size_t)8 * 1024 * 1024)
#define TREE_MAX_BYTES     ((size_t)32 * 1024 * 1024)

struct snapshot {
    struct config cfg;
    struct arena arena;
    atomic_uint refs;
};

static struct snapshot *snapshot_of(struct config *cfg)
{
    return CONTAINER_OF(cfg, struct snapshot, cfg);
}

struct config *config_ref(struct config *cfg)
{
    atomic_fetch_add_explicit(&snapshot_of(cfg)->refs, 1, memory_order_relaxed);
    return cfg;
}

static void wipe(struct str s)
{
    /* Secrets should not outlive their snapshot in freed memory; the strings are ours, const only for readers. */
    explicit_bzero((void *)(uintptr_t)s.p, s.n);
}

struct config *config_unref(struct config *cfg)
{
    struct snapshot *s;

    if (!cfg) {
        return NULL;
    }
    s = snapshot_of(cfg);
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1) {
        for (uint32_t i = 0; i < cfg->secrets.n; i++) {
            wipe(cfg->secrets.v[i]);
        }
        arena_done(&s->arena);
        free(s);
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------------------ the draft */

/* A sentence about agent.x is, while one of agents: is worked on, about agents.<name>.x. */
static void put_text(const struct draft *d, const char *text, char *out, size_t cap)
{
    static const char key[] = "agent.";
    struct str rest = str_from(text);
    size_t at;
    size_t n = 0;
    int len;

    while (d->agent_name.n && (at = str_search(rest, STR("agent."))) != SIZE_MAX) {
        const char *hit = rest.p + at;
        bool is_key = (hit == text || hit[-1] == ' ' || hit[-1] == '(') && hit[sizeof(key) - 1] >= 'a' &&
                      hit[sizeof(key) - 1] <= 'z';

        len = is_key ? snprintf(out + n, cap - n, "%.*sagents." STR_FMT ".", (int)at, rest.p, STR_ARG(d->agent_name))
                     : snprintf(out + n, cap - n, "%.*s%s", (int)at, rest.p, key);
        if (len < 0 || (size_t)len >= cap - n) {
            return; /* cut */
        }
        n += (size_t)len;
        rest = (struct str){hit + sizeof(key) - 1, rest.n - at - (sizeof(key) - 1)};
    }
    snprintf(out + n, cap - n, STR_FMT, STR_ARG(rest)); /* may be cut */
}

void draft_fail(struct draft *d, const struct origin *at, const char *fmt, ...)
{
    char raw[1024], text[1200];
    va_list args;

    va_start(args, fmt);
    vsnprintf(raw, sizeof(raw), fmt, args); /* a message may be cut */
    va_end(args);
    put_text(d, raw, text, sizeof(text));
    if (++d->problems > 50) {
        return; /* enough to work on */
    }
    switch (at->kind) {
    case ORIGIN_FILE:
        buf_printf(d->errors, STR_FMT ":%u:%u: %s\n", STR_ARG(d->name), at->line, at->col, text);
        return;
    case ORIGIN_DOTENV:
        buf_printf(d->errors, STR_FMT ":%u: %s: %s\n", STR_ARG(d->env.dotenv), at->line, at->env, text);
        return;
    case ORIGIN_ENV:
        buf_printf(d->errors, "environment: %s: %s\n", at->env, text);
        return;
    case ORIGIN_DEFAULT:
        buf_printf(d->errors, STR_FMT ": %s\n", STR_ARG(d->name.n ? d->name : STR("environment")), text);
        return;
    }
}

void draft_warn(struct draft *d, const char *fmt, ...)
{
    char raw[1024], text[1200];
    va_list args;
    struct str copy;

    va_start(args, fmt);
    vsnprintf(raw, sizeof(raw), fmt, args); /* a message may be cut */
    va_end(args);
    put_text(d, raw, text, sizeof(text));
    for (uint32_t i = 0; i < d->warning_count; i++) {
        if (str_is(d->warnings[i], text)) {
            return;
        }
    }
    copy = arena_str(d->arena, str_from(text));
    d->out_of_memory = d->out_of_memory || !copy.p;
    if (copy.p && d->warning_count < DRAFT_MAX_WARNINGS) {
        d->warnings[d->warning_count++] = copy;
    }
}

void draft_secret(struct draft *d, struct str secret)
{
    if (secret.n && d->secret_count < DRAFT_MAX_SECRETS) {
        d->secrets[d->secret_count++] = secret;
    }
}

const struct origin *draft_origin(const struct draft *d, const char *key)
{
    const struct option *o = option_find(OPTION_ROOT, str_from(key));

    return &d->origins[o - option_table];
}

void draft_defaults(struct draft *d, enum option_scope scope, void *base)
{
    struct buf why;

    buf_init(&why, 4096);
    for (uint32_t i = 0; i < option_count; i++) {
        const struct option *o = &option_table[i];

        if (o->scope != scope || o->type == OPTION_DROPPED) {
            continue;
        }
        if (o->def) {
            if (value_set_text(d, o, base, str_from(o->def), false, &why) < 0) {
                d->out_of_memory = true; /* a test sets every default: nothing else can fail here */
            }
        } else if (o->type == OPTION_STR || o->type == OPTION_SECRET || o->type == OPTION_FILE ||
                   o->type == OPTION_URL || o->type == OPTION_VOICE || o->type == OPTION_CHOICE ||
                   o->type == OPTION_SCHEMA) {
            struct str *field = (struct str *)(void *)((char *)base + o->offset);

            *field = field->p ? *field : STR("");
        }
    }
    buf_done(&why);
}

struct draft_provider *draft_provider_add(struct draft *d, struct str name, const struct origin *at)
{
    struct draft_provider *p;

    if (d->provider_count == DRAFT_MAX_PROVIDERS) {
        draft_fail(d, at, "more than %u providers", DRAFT_MAX_PROVIDERS);
        return NULL;
    }
    p = &d->providers[d->provider_count++];
    p->at = *at;
    p->v.name = arena_str(d->arena, name);
    d->out_of_memory = d->out_of_memory || !p->v.name.p;
    draft_defaults(d, OPTION_PROVIDER, &p->v);
    return p;
}

/* ------------------------------------------------------------------------------------------------ files */

static int read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO must not hang the start */
    struct stat st;
    ssize_t n = 0;
    int err = 0;

    if (fd < 0) {
        return -errno;
    }
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return -EINVAL;
    }
    do {
        uint8_t *room = buf_room(out, 16384);

        n = room ? read(fd, room, 16384) : 0;
        if (n > 0) {
            buf_added(out, (size_t)n);
        } else if (n < 0) {
            err = -errno;
        }
    } while (n > 0);
    close(fd);
    if (err == 0 && (out->err == -ERR_TOO_BIG || out->len > CONFIG_MAX_FILE_BYTES)) {
        err = -ERR_TOO_BIG;
    }
    return err < 0 ? err : out->err;
}

static int read_named(struct draft *d, const char *path, struct buf *out)
{
    int err;

    buf_init(out, CONFIG_MAX_FILE_BYTES + 32768);
    err = read_file(path, out);
    if (err == -ERR_TOO_BIG) {
        buf_printf(d->errors, "%s: larger than %u bytes\n", path, CONFIG_MAX_FILE_BYTES);
    } else if (err == -EINVAL) {
        buf_printf(d->errors, "%s: not a file\n", path);
    } else if (err < 0 && err != -ENOENT) {
        buf_printf(d->errors, "%s: %s\n", path, err_text(err));
    }
    return err;
}

static int load_dotenv(struct draft *d, const struct config_source *src)
{
    const char *path = src->dotenv_path ? src->dotenv_path : ".env";
    struct buf text;
    int err = 0;

    if (*path) {
        struct str name = arena_str(d->arena, str_from(path));

        err = read_named(d, path, &text);
        if (err == -ENOENT) {
            err = 0;
        } else if (err >= 0) {
            err = name.p ? env_parse_dotenv(&d->env, name, buf_str(&text), d->errors) : -ENOMEM;
            d->problems += err == -ERR_SYNTAX;
            err = err == -ERR_SYNTAX ? 0 : err; /* goes on to find more */
        }
        buf_done(&text);
    }
    return err;
}

static int parse_text(struct draft *d, struct str text, const struct str *over)
{
    struct arena tree;
    struct yaml_node *root;
    int err;

    if (text.n > CONFIG_MAX_FILE_BYTES) {
        buf_printf(d->errors, STR_FMT ": larger than %u bytes\n", STR_ARG(d->name), CONFIG_MAX_FILE_BYTES);
        return -ERR_TOO_BIG;
    }
    arena_init(&tree, TREE_MAX_BYTES);
    err = yaml_parse(d->name, text, &tree, d->errors, &root);
    if (err >= 0 && over) {
        struct yaml_node *wins;

        err = yaml_parse(STR("settings"), *over, &tree, d->errors, &wins);
        root = err >= 0 ? yaml_over(root, wins) : root;
    }
    if (err >= 0) {
        walk_tree(d, root);
    }
    arena_done(&tree);
    return err == -ERR_SYNTAX || err == -ERR_LIMIT ? -ERR_CONFIG : err;
}

static int load_yaml(struct draft *d, const struct config_source *src)
{
    struct buf text;
    int err;

    if (src->text) {
        return parse_text(d, *src->text, src->over);
    }
    if (!src->path) {
        return src->over ? parse_text(d, *src->over, NULL) : 0;
    }
    err = read_named(d, src->path, &text);
    if (err == -ENOENT) {
        buf_printf(d->errors, "%s: there is no such file\n", src->path);
    }
    if (err >= 0) {
        err = parse_text(d, buf_str(&text), src->over);
    }
    buf_done(&text);
    return err;
}

static void set_names(struct draft *d, const struct config_source *src)
{
    struct str path = str_from(src->path ? src->path : src->text ? "config" : src->over ? "settings" : "");
    size_t folder = 0;

    for (size_t i = 0; i < path.n; i++) {
        folder = path.p[i] == '/' ? i + 1 : folder;
    }
    d->name = arena_str(d->arena, path);
    d->folder = arena_str(d->arena, (struct str){path.p, folder});
    d->out_of_memory = !d->name.p || !d->folder.p;
    d->cfg->source = d->name.p ? d->name : STR("");
}

/* Lists that were collected on the side move into the snapshot. */
static struct config_list keep_list(struct draft *d, const struct str *v, uint32_t n)
{
    struct str *copy = arena_alloc(d->arena, sizeof(*copy) * MAX(n, 1u));

    if (!copy) {
        d->out_of_memory = true;
        return (struct config_list){NULL, 0};
    }
    memcpy(copy, v, sizeof(*copy) * n);
    return (struct config_list){copy, n};
}

static int load(struct draft *d, const struct config_source *src)
{
    int err;

    d->prices = arena_alloc(d->arena, sizeof(*d->prices) * DRAFT_MAX_PRICES);
    if (!d->prices) {
        return -ENOMEM;
    }
    set_names(d, src);
    env_init(&d->env, d->arena, src->env, src->env_arg);
    draft_defaults(d, OPTION_ROOT, d->cfg);
    err = load_dotenv(d, src);
    if (err >= 0) {
        err = load_yaml(d, src);
    }
    if (err < 0) {
        return err;
    }
    finish_draft(d);
    d->cfg->warnings = keep_list(d, d->warnings, d->warning_count);
    d->cfg->secrets = keep_list(d, d->secrets, d->secret_count);
    if (d->out_of_memory || d->errors->err == -ENOMEM) {
        return -ENOMEM;
    }
    if (d->problems > 50) {
        buf_printf(d->errors, "and %u more problems\n", d->problems - 50);
    }
    return d->problems ? -ERR_CONFIG : 0;
}

int config_load(const struct config_source *src, struct buf *errors, struct config **ret)
{
    struct snapshot *s = calloc(1, sizeof(*s));
    struct draft *d = calloc(1, sizeof(*d));
    int err = -ENOMEM;

    if (s) {
        arena_init(&s->arena, SNAPSHOT_MAX_BYTES);
        atomic_init(&s->refs, 1);
    }
    if (d) {
        d->providers = calloc(DRAFT_MAX_PROVIDERS, sizeof(*d->providers));
        d->agents = calloc(CONFIG_MAX_AGENTS + 1, sizeof(*d->agents));
    }
    if (s && d && d->providers && d->agents) {
        d->cfg = &s->cfg;
        d->arena = &s->arena;
        d->errors = errors;
        err = load(d, src);
    }
    if (d) {
        free(d->providers);
        free(d->agents);
    }
    free(d);
    if (err < 0) {
        if (s) {
            config_unref(&s->cfg);
        }
        return err;
    }
    *ret = &s->cfg;
    return 0;
}

/* ------------------------------------------------------------------------------------------------ questions */

static bool address_parse(struct str text, uint8_t ret[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};
    char host[INET6_ADDRSTRLEN];
    struct in_addr v4;

    if (text.n && text.p[0] == '[') {
        text = (struct str){text.p + 1, str_find((struct str){text.p + 1, text.n - 1}, ']')};
    } else {
        size_t colon = str_find(text, ':');

        if (colon < text.n &&
            str_find((struct str){text.p + colon + 1, text.n - colon - 1}, ':') + colon + 1 == text.n) {
            text.n = colon; /* one colon: a port follows */
        }
    }
    if (str_copy(host, sizeof(host), text) < 0) {
        return false;
    }
    if (inet_pton(AF_INET, host, &v4) == 1) {
        memcpy(ret, mapped, sizeof(mapped));
        memcpy(ret + 12, &v4, 4);
        return true;
    }
    return inet_pton(AF_INET6, host, ret) == 1;
}

static bool block_has(const struct config_block *b, const uint8_t addr[16])
{
    uint32_t whole = b->bits / 8;
    uint8_t mask = (uint8_t)(0xFF00 >> (b->bits % 8));

    return memcmp(b->addr, addr, whole) == 0 && (whole == 16 || (b->addr[whole] & mask) == (addr[whole] & mask));
}

bool config_trusts_proxy(const struct config *cfg, struct str address)
{
    uint8_t addr[16];

    if (!address_parse(address, addr)) {
        return false;
    }
    for (uint32_t i = 0; i < cfg->server.trusted_proxy_count; i++) {
        if (block_has(&cfg->server.trusted_proxies[i], addr)) {
            return true;
        }
    }
    return false;
}

/* "-2026-01-02" at the end. */
static bool is_dated(struct str model)
{
    static const char shape[] = "-dddd-dd-dd";
    const size_t n = sizeof(shape) - 1;

    for (size_t i = 0; model.n > n && i < n; i++) {
        char c = model.p[model.n - n + i];

        if (shape[i] == 'd' ? c < '0' || c > '9' : c != '-') {
            return false;
        }
    }
    return model.n > n;
}

const struct cost_prices *config_prices(const struct config *cfg, struct str model)
{
    for (uint32_t i = 0; i < cfg->price_count; i++) {
        if (str_eq(cfg->prices[i].model, model)) {
            return &cfg->prices[i].prices;
        }
    }
    size_t slash = str_find(model, '/');
    if (slash < model.n) { /* "models/x", "projects/.../models/x": the price is the model's, wherever it stands */
        return config_prices(cfg, (struct str){model.p + slash + 1, model.n - slash - 1});
    }
    if (is_dated(model)) {
        return config_prices(cfg, (struct str){model.p, model.n - strlen("-2026-01-02")});
    }
    return NULL;
}

static const char *word_of(const char *key, enum option_scope scope, int value)
{
    const struct option_word *w = option_find(scope, str_from(key))->words;

    for (; w->word; w++) {
        if (w->value == value && !w->hidden) {
            return w->word;
        }
    }
    return "";
}

const char *config_noise_word(enum config_noise noise)
{
    return word_of("agent.noise_reduction", OPTION_ROOT, (int)noise);
}

const char *config_effort_word(enum config_effort effort)
{
    return word_of("agent.reasoning.effort", OPTION_ROOT, (int)effort);
}
