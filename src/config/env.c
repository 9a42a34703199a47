#include "config/env.h"

#include <stdlib.h>

#include "base/err.h"

#define MAX_EXPANDED_BYTES ((size_t)256 * 1024)
#define MAX_NAME           128
#define MAX_QUOTED_LINES   500

static const char *process_env(const char *name, void *arg)
{
    return getenv(name);
}

void env_init(struct env *e, struct arena *a, config_env_fn get, void *arg)
{
    *e = (struct env){.get = get ? get : process_env, .arg = arg, .arena = a};
}

static bool is_name_char(char c, bool first)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || (!first && c >= '0' && c <= '9');
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (!is_name_char(s.p[i], i == 0)) {
            return false;
        }
    }
    return s.n > 0 && s.n < MAX_NAME;
}

/* The text behind an opening quote; false when it is not closed or something follows. */
static bool unquote(struct str s, char quote, struct buf *out)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == quote) {
            struct str rest = str_trim((struct str){s.p + i + 1, s.n - i - 1});

            return rest.n == 0 || rest.p[0] == '#';
        }
        if (c == '\\' && quote == '"' && i + 1 < s.n) {
            c = s.p[++i];
            c = c == 'n' ? '\n' : c == 't' ? '\t' : c;
        }
        buf_putc(out, c);
    }
    return false;
}

/* Without quotes a value ends at a comment, which needs a blank before it. */
static struct str bare_value(struct str s)
{
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '#' && (i == 0 || s.p[i - 1] == ' ' || s.p[i - 1] == '\t')) {
            return str_trim((struct str){s.p, i});
        }
    }
    return s;
}

static int add_pair(struct env *e, struct str name, struct str value, uint32_t line)
{
    struct env_pair *p = ARENA_NEW(e->arena, struct env_pair);

    if (!p) {
        return -ENOMEM;
    }
    p->name = arena_str(e->arena, name);
    p->value = arena_str(e->arena, value);
    p->line = line;
    p->next = e->pairs; /* the latest is found first */
    e->pairs = p;
    return p->name.p && p->value.p ? 0 : -ENOMEM;
}

static int parse_line(struct env *e, struct str line, uint32_t number, const char **ret_message)
{
    struct str name, value;
    struct buf text;
    size_t eq;
    int err;

    line = str_trim(line);
    if (line.n == 0 || line.p[0] == '#') {
        return 0;
    }
    if (str_starts(line, STR("export ")) || str_starts(line, STR("export\t"))) {
        line = str_trim((struct str){line.p + 7, line.n - 7});
    }
    eq = str_find(line, '=');
    name = str_trim((struct str){line.p, eq});
    if (eq == line.n || !is_name(name)) {
        *ret_message = "expected NAME=value";
        return -ERR_SYNTAX;
    }
    value = str_trim((struct str){line.p + eq + 1, line.n - eq - 1});
    if (value.n == 0 || (value.p[0] != '"' && value.p[0] != '\'')) {
        return add_pair(e, name, bare_value(value), number);
    }
    buf_init(&text, CONFIG_MAX_FILE_BYTES);
    if (!unquote((struct str){value.p + 1, value.n - 1}, value.p[0], &text)) {
        *ret_message = "the quote is not closed, or something follows it";
        err = -ERR_SYNTAX;
    } else {
        err = text.err < 0 ? text.err : add_pair(e, name, buf_str(&text), number);
    }
    buf_done(&text);
    return err;
}

/* Place of the quote that ends the text, from *at on; s.n, and where to look on: there is none yet. */
static size_t quote_end(struct str s, char quote, size_t *at)
{
    for (; *at < s.n; ++*at) {
        if (s.p[*at] == '\\' && quote == '"') {
            ++*at;
        } else if (s.p[*at] == quote) {
            return *at;
        }
    }
    return s.n;
}

/*
 * A quoted value may go on over several lines, as long prompts do. Takes the lines up to its end from rest and says how
 * many; 0: the line is whole, or no line near it ends the quote, which is a mistake of this one then.
 */
static uint32_t whole_line(struct str *line, struct str *rest)
{
    size_t eq = str_find(*line, '=');
    struct str value = eq < line->n ? str_trim((struct str){line->p + eq + 1, line->n - eq - 1}) : STR("");
    char quote = value.n > 0 && str_trim(*line).p[0] != '#' ? value.p[0] : '\0';
    struct str more = *rest, part;
    size_t at = 1;

    if (quote != '"' && quote != '\'') {
        return 0;
    }
    value.n = (size_t)(line->p + line->n - value.p);
    for (uint32_t lines = 0; lines < MAX_QUOTED_LINES; lines++) {
        size_t end = quote_end(value, quote, &at);

        if (end < value.n) {
            struct str tail = str_trim((struct str){value.p + end + 1, value.n - end - 1});

            if (lines == 0 || (tail.n > 0 && tail.p[0] != '#')) {
                return 0;
            }
            line->n = (size_t)(value.p + value.n - line->p);
            *rest = more;
            return lines;
        }
        if (!str_split(&more, '\n', &part) || memchr(part.p, 0, part.n)) {
            return 0;
        }
        value.n = (size_t)(part.p + part.n - value.p);
    }
    return 0;
}

int env_parse_dotenv(struct env *e, struct str name, struct str text, struct buf *errors)
{
    struct str rest = text;
    struct str line;
    uint32_t number = 0;
    int result = 0;

    e->dotenv = name;
    if (text.n >= 3 && memcmp(text.p, "\xEF\xBB\xBF", 3) == 0) {
        rest = (struct str){text.p + 3, text.n - 3};
    }
    while (str_split(&rest, '\n', &line)) {
        const char *message = NULL;
        int err;
        uint32_t further = whole_line(&line, &rest);

        number++;
        if (memchr(line.p, 0, line.n)) {
            message = "a NUL byte";
            err = -ERR_SYNTAX;
        } else {
            err = parse_line(e, line, number, &message);
        }
        if (message) {
            buf_printf(errors, STR_FMT ":%u: %s\n", STR_ARG(name), number, message);
        }
        result = err < 0 ? err : result;
        number += further;
    }
    return result;
}

/* "value" or 'value'; not "this" and "that" */
static bool is_quoted(struct str s)
{
    bool begins = s.n >= 2 && (s.p[0] == '"' || s.p[0] == '\'');
    return begins && str_find((struct str){s.p + 1, s.n - 1}, s.p[0]) == s.n - 2;
}

static struct env_value of_process(const struct env *e, const char *name)
{
    const char *z = e->get(name, e->arg);
    struct str s = z ? str_from(z) : STR("");
    bool quoted = is_quoted(s);

    s = quoted ? (struct str){s.p + 1, s.n - 2} : s;
    return (struct env_value){.value = s.n ? s : STR_NULL, .unquoted = quoted};
}

struct env_value env_get(const struct env *e, const char *name)
{
    struct env_value v = of_process(e, name);

    if (v.value.p) {
        return v;
    }
    for (const struct env_pair *p = e->pairs; p; p = p->next) {
        if (str_is(p->name, name)) {
            return p->value.n ? (struct env_value){.value = p->value, .line = p->line}
                              : (struct env_value){.value = STR_NULL};
        }
    }
    return (struct env_value){.value = STR_NULL};
}

/* One reference, s beginning behind "${"; *ret_used counts through the closing brace. */
static int expand_one(const struct env *e, struct str s, struct buf *out, struct buf *why, size_t *ret_used)
{
    char name[MAX_NAME];
    size_t end = str_find(s, '}');
    struct str ref = {s.p, end};
    struct str fallback = STR_NULL;
    size_t sep;
    struct env_value v;

    if (end == s.n) {
        buf_puts(why, "has a ${ without a closing }");
        return -ERR_CONFIG;
    }
    sep = str_search(ref, STR(":-"));
    if (sep != SIZE_MAX) {
        fallback = (struct str){ref.p + sep + 2, ref.n - sep - 2};
        ref.n = sep;
    }
    if (!is_name(ref) || str_copy(name, sizeof(name), ref) < 0) {
        buf_printf(why, "names \"" STR_FMT "\", which is no name of an environment variable", (int)MIN(ref.n, 60u),
                   ref.p);
        return -ERR_CONFIG;
    }
    *ret_used = end + 1;
    v = env_get(e, name);
    if (v.value.p) {
        buf_put_str(out, v.value);
    } else if (fallback.p) {
        buf_put_str(out, fallback);
    } else {
        buf_printf(why, "names the environment variable %s, which is not set; ${%s:-} would allow that", name, name);
        return -ERR_CONFIG;
    }
    return 0;
}

int env_expand(const struct env *e, struct str text, struct buf *why, struct str *ret)
{
    struct buf out;
    int err = 0;

    if (str_search(text, STR("${")) == SIZE_MAX) {
        *ret = text;
        return 0;
    }
    buf_init(&out, MAX_EXPANDED_BYTES);
    for (size_t i = 0; i < text.n && err >= 0;) {
        struct str rest = {text.p + i, text.n - i};
        size_t used = 1;

        if (str_starts(rest, STR("$${"))) {
            buf_puts(&out, "${");
            used = 3;
        } else if (str_starts(rest, STR("${"))) {
            err = expand_one(e, (struct str){rest.p + 2, rest.n - 2}, &out, why, &used);
            used += 2;
        } else {
            buf_putc(&out, rest.p[0]);
        }
        i += used;
    }
    if (err >= 0 && out.err < 0) {
        err = out.err;
        if (err != -ENOMEM) {
            buf_puts(why, "is too long after the variables were put in");
            err = -ERR_CONFIG;
        }
    }
    if (err >= 0) {
        *ret = arena_str(e->arena, buf_str(&out));
        err = ret->p ? 0 : -ENOMEM;
    }
    buf_done(&out);
    return err;
}
