#include "base/condition.h"

#include <regex.h>
#include <stdlib.h>

#include "base/err.h"

#define MAX_MATCHED_BYTES 4096 /* POSIX matching takes time that grows with the text */

enum comparison { IS, IS_NOT, ABOVE, AT_LEAST, BELOW, AT_MOST, CONTAINS, MATCHES, EXISTS, COMPARISON_N };

/* Longer ones before those that they begin with. */
static const struct {
    const char *text;
    enum comparison what;
} symbols[] = {{"==", IS}, {"!=", IS_NOT}, {">=", AT_LEAST}, {"<=", AT_MOST}, {">", ABOVE}, {"<", BELOW}};

static const struct {
    const char *text;
    enum comparison what;
} words[] = {{"contains", CONTAINS}, {"matches", MATCHES}, {"exists", EXISTS}};

struct condition {
    enum comparison what;
    char *path;
    const struct json_doc *value; /* NULL: exists */
    regex_t regex;
    bool has_regex;
};

struct condition *condition_free(struct condition *c)
{
    if (c) {
        if (c->has_regex) {
            regfree(&c->regex);
        }
        json_doc_free(c->value);
        free(c->path);
        free(c);
    }
    return NULL;
}

static int refuse(struct buf *ret_why, const char *text)
{
    buf_puts(ret_why, text);
    return -ERR_SYNTAX;
}

/* Takes the comparison off the text behind the path. */
static bool take_comparison(struct str *rest, enum comparison *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(symbols); i++) {
        struct str text = str_from(symbols[i].text);
        if (str_starts(*rest, text)) {
            *ret = symbols[i].what;
            *rest = str_trim((struct str){rest->p + text.n, rest->n - text.n});
            return true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        struct str text = str_from(words[i].text);
        bool ends = rest->n == text.n || (rest->n > text.n && rest->p[text.n] == ' ');
        if (ends && str_starts(*rest, text)) {
            *ret = words[i].what;
            *rest = str_trim((struct str){rest->p + text.n, rest->n - text.n});
            return true;
        }
    }
    return false;
}

/* JSON, or the text as it is. */
static int read_value(struct str text, const struct json_doc **ret)
{
    struct buf quoted;
    int err = json_doc_parse(text, ret);
    if (err >= 0 || err == -ENOMEM) {
        return err;
    }
    buf_init(&quoted, 8 * CONDITION_MAX_BYTES);
    json_put_quoted(&quoted, text);
    err = quoted.err < 0 ? quoted.err : json_doc_parse(buf_str(&quoted), ret);
    buf_done(&quoted);
    return err;
}

static int compile(struct condition *c, struct buf *ret_why)
{
    char reason[100];
    if (c->value->type != JSON_STRING || memchr(c->value->text.p, 0, c->value->text.n)) {
        return refuse(ret_why, "matches needs a regular expression");
    }
    int code = regcomp(&c->regex, c->value->text.p, REG_EXTENDED | REG_NOSUB);
    if (code != 0) {
        regerror(code, &c->regex, reason, sizeof(reason));
        buf_printf(ret_why, "no POSIX extended regular expression: %s", reason);
        return code == REG_ESPACE ? -ENOMEM : -ERR_SYNTAX;
    }
    c->has_regex = true;
    return 0;
}

static int check_value(struct condition *c, struct buf *ret_why)
{
    enum json_type type = c->value->type;
    bool ordered = c->what >= ABOVE && c->what <= AT_MOST;
    if (ordered && type != JSON_NUMBER) {
        return refuse(ret_why, "more and less need a number");
    }
    if (type == JSON_OBJECT || type == JSON_ARRAY) {
        return refuse(ret_why, "it cannot be compared with a list or an object");
    }
    return c->what == MATCHES ? compile(c, ret_why) : 0;
}

static int read_condition(struct condition *c, struct str text, struct buf *ret_why)
{
    text = str_trim(text);
    size_t n = 0;
    while (n < text.n && text.p[n] != ' ' && !strchr("=!<>", text.p[n])) {
        n++;
    }
    struct str path = {text.p, n};
    struct str rest = str_trim((struct str){text.p + n, text.n - n});
    if (str_starts(path, STR("arguments."))) {
        path = (struct str){path.p + 10, path.n - 10};
    }
    if (text.n > CONDITION_MAX_BYTES || memchr(text.p ? text.p : "", 0, text.n)) {
        return refuse(ret_why, "it is too long");
    }
    if (path.n == 0 || !take_comparison(&rest, &c->what)) {
        return refuse(ret_why, "it must be a name, one of == != > >= < <= contains matches exists, and a value");
    }
    c->path = str_dup(path);
    if (!c->path) {
        return -ENOMEM;
    }
    if (c->what == EXISTS) {
        return rest.n ? refuse(ret_why, "nothing can stand behind exists") : 0;
    }
    if (rest.n == 0) {
        return refuse(ret_why, "a value is missing behind the comparison");
    }
    int err = read_value(rest, &c->value);
    return err < 0 ? err : check_value(c, ret_why);
}

int condition_new(struct str text, struct buf *ret_why, struct condition **ret)
{
    struct condition *c = calloc(1, sizeof(*c));
    if (!c) {
        return -ENOMEM;
    }
    int err = read_condition(c, text, ret_why);
    if (err < 0) {
        condition_free(c);
        return err;
    }
    *ret = c;
    return 0;
}

static enum condition_answer answer(bool yes)
{
    return yes ? CONDITION_TRUE : CONDITION_FALSE;
}

/* Models write numbers as texts now and then. */
static bool is_number(const struct json_doc *v, double *ret)
{
    *ret = v->number;
    return v->type == JSON_NUMBER || (v->type == JSON_STRING && str_to_f64(v->text, ret) >= 0);
}

static enum condition_answer compare_numbers(const struct condition *c, const struct json_doc *v)
{
    double limit = c->value->number;
    double number = 0;
    if (!is_number(v, &number)) {
        return CONDITION_UNKNOWN;
    }
    switch (c->what) {
    case ABOVE:
        return answer(number > limit);
    case AT_LEAST:
        return answer(number >= limit);
    case BELOW:
        return answer(number < limit);
    default:
        return answer(number <= limit);
    }
}

static enum condition_answer compare_equal(const struct condition *c, const struct json_doc *v)
{
    const struct json_doc *value = c->value;
    double number = 0;
    bool same = json_doc_equal(v, value);
    if (v->type == JSON_STRING && value->type == JSON_NUMBER) {
        same = is_number(v, &number) && number >= value->number && number <= value->number;
    } else if (v->type != value->type && (v->type == JSON_OBJECT || v->type == JSON_ARRAY || v->type == JSON_NUMBER)) {
        return CONDITION_UNKNOWN; /* what was meant? */
    }
    return answer(same == (c->what == IS));
}

static enum condition_answer look_into(const struct condition *c, const struct json_doc *v)
{
    if (c->what == CONTAINS && v->type == JSON_ARRAY) {
        for (const struct json_doc *e = v->first; e; e = e->next) {
            if (json_doc_equal(e, c->value)) {
                return CONDITION_TRUE;
            }
        }
        return CONDITION_FALSE;
    }
    if (v->type != JSON_STRING || v->text.n > MAX_MATCHED_BYTES || memchr(v->text.p, 0, v->text.n)) {
        return CONDITION_UNKNOWN;
    }
    if (c->what == MATCHES) {
        return answer(regexec(&c->regex, v->text.p, 0, NULL, 0) == 0);
    }
    return c->value->type == JSON_STRING ? answer(str_search(v->text, c->value->text) != SIZE_MAX) : CONDITION_UNKNOWN;
}

enum condition_answer condition_ask(const struct condition *c, const struct json_doc *doc)
{
    const struct json_doc *v = json_doc_find(doc, str_from(c->path));
    if (!doc) {
        return CONDITION_UNKNOWN;
    }
    if (c->what == EXISTS) {
        return answer(v != NULL && v->type != JSON_NULL);
    }
    if (!v) {
        return CONDITION_UNKNOWN;
    }
    switch (c->what) {
    case IS:
    case IS_NOT:
        return compare_equal(c, v);
    case ABOVE:
    case AT_LEAST:
    case BELOW:
    case AT_MOST:
        return compare_numbers(c, v);
    case CONTAINS:
    case MATCHES:
        return look_into(c, v);
    case EXISTS:
    case COMPARISON_N:
        break;
    }
    return CONDITION_UNKNOWN;
}
