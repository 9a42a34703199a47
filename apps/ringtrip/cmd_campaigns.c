/* Campaigns of a gateway that runs, asked over its HTTP API. */
#include <errno.h>
#include <stdio.h>

#include "answer.h"
#include "base/err.h"
#include "remote_command.h"

#define FILE_MAX_BYTES ((size_t)10 << 20)
#define PART_MAX_BYTES ((size_t)900 << 10) /* of one request: the server takes 1 MiB */
#define PATH_BYTES     320

static const char usage[] =
    "usage: ringtrip campaigns [list] [--state STATUS]\n"
    "       ringtrip campaigns create FILE            settings as JSON; - reads them from standard input\n"
    "       ringtrip campaigns change ID FILE         the same, of a campaign that does not run\n"
    "       ringtrip campaigns import ID FILE         contacts as CSV; errors are told by line\n"
    "       ringtrip campaigns start|pause|stop|archive|delete ID\n"
    "       ringtrip campaigns show|progress ID\n"
    "       ringtrip campaigns contacts ID [--state STATE]\n"
    "       ringtrip campaigns attempts ID\n"
    "       ringtrip campaigns redial|cancel ID CONTACT\n"
    "       ringtrip campaigns do-not-call [NUMBER] [--remove]\n\n"
    "Lists of people whom a running gateway calls. It is asked over HTTP: at server.listen of the configuration, with "
    "the\nfirst of server.tokens, unless --url and --token say otherwise. See campaigns.md.\n\n" REMOTE_USAGE
    "  --state WORD        only campaigns, or contacts, of this status\n"
    "  --limit N           at most so many rows; 100\n"
    "  --offset N          after so many\n"
    "  --remove            takes the number off the list\n"
    "  --json              for programs\n\n"
    "Exit status: 0 done, 1 refused, not found, or no gateway, 2 usage or configuration.\n";

enum { OPT_STATE = REMOTE_OPT_N, OPT_LIMIT, OPT_OFFSET, OPT_REMOVE };
static const struct option options[] = {
    REMOTE_OPTIONS,
    [OPT_STATE] = {"--state", NULL, true},
    [OPT_LIMIT] = {"--limit", NULL, true},
    [OPT_OFFSET] = {"--offset", NULL, true},
    [OPT_REMOVE] = {"--remove", NULL, false},
};

/* path: "*" stands for the first word. words: how many besides the verb. */
static const struct verb {
    const char *name, *method, *path;
    uint32_t words;
    enum { SHOW_CAMPAIGNS, SHOW_CAMPAIGN, SHOW_CONTACTS, SHOW_ATTEMPTS, SHOW_IMPORT, SHOW_NUMBERS, SHOW_DONE } show;
} verbs[] = {
    {"list", "GET", "/v1/campaigns", 0, SHOW_CAMPAIGNS},
    {"create", "POST", "/v1/campaigns", 1, SHOW_CAMPAIGN},
    {"change", "PUT", "/v1/campaigns/*", 2, SHOW_CAMPAIGN},
    {"import", "POST", "/v1/campaigns/*/contacts", 2, SHOW_IMPORT},
    {"start", "POST", "/v1/campaigns/*/start", 1, SHOW_CAMPAIGN},
    {"pause", "POST", "/v1/campaigns/*/pause", 1, SHOW_CAMPAIGN},
    {"stop", "POST", "/v1/campaigns/*/stop", 1, SHOW_CAMPAIGN},
    {"archive", "POST", "/v1/campaigns/*/archive", 1, SHOW_CAMPAIGN},
    {"delete", "DELETE", "/v1/campaigns/*", 1, SHOW_DONE},
    {"show", "GET", "/v1/campaigns/*", 1, SHOW_CAMPAIGN},
    {"progress", "GET", "/v1/campaigns/*", 1, SHOW_CAMPAIGN},
    {"contacts", "GET", "/v1/campaigns/*/contacts", 1, SHOW_CONTACTS},
    {"attempts", "GET", "/v1/campaigns/*/attempts", 1, SHOW_ATTEMPTS},
    {"redial", "POST", "/v1/campaigns/*/redial", 2, SHOW_DONE},
    {"cancel", "POST", "/v1/campaigns/*/cancel", 2, SHOW_DONE},
    {"do-not-call", "GET", "/v1/do-not-call", 0, SHOW_NUMBERS},
};

struct request {
    struct remote remote;
    const struct verb *verb;
    const char *const *words; /* the frame's; verb first */
    uint32_t n_words;
    const char *state, *limit, *offset;
    bool remove;
};

/* ---- what is asked ---- */

static int take_option(void *arg, int option, const char *value)
{
    struct request *r = arg;
    switch (option) {
    case OPT_STATE:
        r->state = value;
        return 0;
    case OPT_LIMIT:
        r->limit = value;
        return 0;
    case OPT_OFFSET:
        r->offset = value;
        return 0;
    case OPT_REMOVE:
        r->remove = true;
        return 0;
    default:
        return remote_option(&r->remote, option, value);
    }
}

static int find_verb(struct request *r)
{
    r->words = r->remote.frame.words;
    r->n_words = r->remote.frame.n_words;
    const char *name = r->n_words ? r->words[0] : "list";
    for (size_t i = 0; i < ARRAY_LEN(verbs); i++) {
        if (str_is(str_from(name), verbs[i].name)) {
            r->verb = &verbs[i];
        }
    }
    if (!r->verb) {
        return usage_error("campaigns", "there is no verb", name);
    }
    uint32_t given = r->n_words ? r->n_words - 1 : 0;
    bool number = r->verb->show == SHOW_NUMBERS && given == 1;
    if (given < r->verb->words) {
        return usage_error("campaigns", "something is missing behind", name);
    }
    return given > r->verb->words && !number ? usage_error("campaigns", "unexpected argument", r->words[given])
                                             : FRAME_GO;
}

/* "-" is standard input. */
static int read_file(const char *path, struct buf *out)
{
    bool own = !str_is(str_from(path), "-");
    FILE *file = own ? fopen(path, "rb") : stdin;
    char piece[16384];
    size_t n = 0;
    int err = file ? 0 : -errno;
    while (err == 0 && (n = fread(piece, 1, sizeof(piece), file)) > 0) {
        buf_put(out, piece, n);
        err = out->err;
    }
    err = err == 0 && ferror(file) ? -EIO : err;
    if (file && own) {
        fclose(file);
    }
    if (err < 0) {
        ignore_result(fprintf(stderr, "ringtrip campaigns: %s: %s\n", path, err_text(err)) < 0);
    }
    return err < 0 ? STATUS_USAGE : STATUS_OK;
}

static void put_query(struct buf *out, bool *more, const char *name, const char *value)
{
    if (value) {
        buf_printf(out, "%c%s=", *more ? '&' : '?', name);
        answer_put_escaped(out, value);
        *more = true;
    }
}

static void put_path(const struct request *r, struct buf *out)
{
    bool more = false;
    for (const char *p = r->verb->path; *p; p++) {
        if (*p == '*') {
            answer_put_escaped(out, r->words[1]);
        } else {
            buf_putc(out, *p);
        }
    }
    if (r->verb->show == SHOW_NUMBERS && r->remove && r->n_words == 2) {
        put_query(out, &more, "phone", r->words[1]);
        return;
    }
    put_query(out, &more, r->verb->show == SHOW_CAMPAIGNS ? "status" : "state", r->state);
    put_query(out, &more, "limit", r->limit);
    put_query(out, &more, "offset", r->offset);
}

/* ---- what is answered ---- */

/* all: how many there are, when those in no count are under way; else 0. */
static void put_counts(struct buf *out, struct json_val counts, int64_t all)
{
    struct json_it it = json_object(counts);
    struct json_val v;
    struct str key;
    bool any = false;
    while (json_next(&it, &key, &v)) {
        int64_t n = 0;
        if (json_to_i64(v, &n) >= 0 && n > 0) {
            buf_printf(out, "%s" STR_FMT " %lld", any ? ", " : "", STR_ARG(key), (long long)n);
            any = true;
            all -= n;
        }
    }
    if (all > 0) {
        buf_printf(out, "%sunder way %lld", any ? ", " : "", (long long)all);
        any = true;
    }
    buf_puts(out, any ? "\n" : "none\n");
}

/* A member that is a text, when it says anything. */
static bool put_line(struct buf *out, const char *label, struct json_val v, const char *key)
{
    struct json_val text = json_get(v, key);
    if (text.type != JSON_STRING || text.s.n == 0) {
        return false;
    }
    buf_puts(out, label);
    answer_put_text(out, v, key, 0);
    buf_putc(out, '\n');
    return true;
}

static void put_campaign(struct buf *out, struct json_val v, bool row)
{
    struct json_val p = json_get(v, "progress");
    if (row) {
        answer_put_text(out, v, "campaign_id", 38);
        answer_put_text(out, v, "status", 11);
        buf_printf(out, "%9lld %9lld  ", (long long)answer_i64(p, "contacts"), (long long)answer_i64(p, "attempts"));
        answer_put_text(out, v, "name", 0);
        buf_putc(out, '\n');
        return;
    }
    put_line(out, "campaign  ", v, "campaign_id");
    put_line(out, "name      ", v, "name");
    buf_puts(out, "status    ");
    answer_put_text(out, v, "status", 0);
    if (!put_line(out, ": ", v, "note")) {
        buf_putc(out, '\n');
    }
    buf_printf(out, "contacts  %lld: ", (long long)answer_i64(p, "contacts"));
    put_counts(out, json_get(p, "states"), 0);
    buf_printf(out, "attempts  %lld: ", (long long)answer_i64(p, "attempts"));
    put_counts(out, json_get(p, "outcomes"), answer_i64(p, "attempts"));
    put_line(out, "next      ", p, "next_at");
}

static void put_contact(struct buf *out, struct json_val v)
{
    buf_printf(out, "%-8lld", (long long)answer_i64(v, "contact_id"));
    answer_put_text(out, v, "phone_number", 18);
    answer_put_text(out, v, "state", 12);
    buf_printf(out, "%5lld  ", (long long)answer_i64(v, "attempts"));
    answer_put_text(out, v, "last_outcome", 18);
    answer_put_text(out, v, "name", 24);
    answer_put_text(out, v, "note", 0);
    buf_putc(out, '\n');
}

static void put_attempt(struct buf *out, struct json_val v)
{
    answer_put_text(out, v, "call_id", 38);
    answer_put_text(out, v, "phone_number", 18);
    buf_printf(out, "%3lld  ", (long long)answer_i64(v, "number"));
    answer_put_text(out, v, "outcome", 18);
    struct json_val duration = json_get(v, "duration");
    answer_put_column(out, duration.type == JSON_NUMBER ? duration.s : STR("-"), 9);
    answer_put_text(out, v, "cause", 20);
    answer_put_text(out, v, "error", 0);
    buf_putc(out, '\n');
}

static void put_number(struct buf *out, struct json_val v)
{
    answer_put_text(out, v, "phone_number", 18);
    answer_put_text(out, v, "reason", 0);
    buf_putc(out, '\n');
}

static void put_list(struct buf *out, struct json_val doc, const struct verb *verb)
{
    static const struct {
        const char *key, *head;
    } lists[] = {
        [SHOW_CAMPAIGNS] = {"campaigns", "CAMPAIGN                              STATUS      CONTACTS  ATTEMPTS  NAME"},
        [SHOW_CONTACTS] = {"contacts", "CONTACT NUMBER            STATE       TRIES  LAST OUTCOME      NAME"},
        [SHOW_ATTEMPTS] =
            {"attempts",
             "CALL                                  NUMBER            TRY  OUTCOME           SECONDS  CAUSE"},
        [SHOW_NUMBERS] = {"numbers", "NUMBER            REASON"},
    };
    struct json_it it = json_array(json_get(doc, lists[verb->show].key));
    struct json_val v;
    int64_t n = 0;
    while (json_elem(&it, &v)) {
        if (n++ == 0) {
            buf_printf(out, "%s\n", lists[verb->show].head);
        }
        switch (verb->show) {
        case SHOW_CAMPAIGNS:
            put_campaign(out, v, true);
            break;
        case SHOW_CONTACTS:
            put_contact(out, v);
            break;
        case SHOW_ATTEMPTS:
            put_attempt(out, v);
            break;
        case SHOW_NUMBERS:
        case SHOW_CAMPAIGN:
        case SHOW_IMPORT:
        case SHOW_DONE:
            put_number(out, v);
            break;
        }
    }
    if (n < answer_i64(doc, "total")) {
        buf_printf(out, "%lld of %lld; --offset shows more\n", (long long)n, (long long)answer_i64(doc, "total"));
    } else if (n == 0) {
        buf_puts(out, "none\n");
    }
}

static void put_import(struct buf *out, struct json_val doc, uint32_t line_offset)
{
    struct json_it it = json_array(json_get(doc, "errors"));
    struct json_val v;
    while (json_elem(&it, &v)) {
        buf_printf(out, "line %lld: ", (long long)answer_i64(v, "line") + line_offset);
        answer_put_text(out, v, "error", 0);
        buf_putc(out, '\n');
    }
    buf_printf(out, "%lld added, %lld there already, %lld refused\n", (long long)answer_i64(doc, "added"),
               (long long)answer_i64(doc, "existing"), (long long)answer_i64(doc, "refused"));
}

static int show(const struct request *r, struct buf *answer, uint32_t line_offset)
{
    struct json_val doc;
    struct buf out;
    int result = STATUS_OK;
    if (json_parse(buf_str(answer), &doc) < 0) {
        return frame_complain(&r->remote.frame, "the answer is no JSON", STATUS_FAILED);
    }
    if (r->remote.json) {
        buf_putc(answer, '\n');
        return frame_print(answer);
    }
    buf_init(&out, REMOTE_ANSWER_MAX);
    if (r->verb->show == SHOW_CAMPAIGN) {
        put_campaign(&out, doc, false);
    } else if (r->verb->show == SHOW_IMPORT) {
        put_import(&out, doc, line_offset);
    } else if (r->verb->show == SHOW_DONE || (r->verb->show == SHOW_NUMBERS && r->n_words == 2)) {
        buf_puts(&out, "done\n");
    } else {
        put_list(&out, doc, r->verb);
    }
    result = frame_print(&out);
    buf_done(&out);
    return result;
}

/* ---- one request, or several for a large table ---- */

static int ask(const struct request *r, const char *method, struct str body, uint32_t line_offset)
{
    struct buf path, answer;
    buf_init(&path, PATH_BYTES * 8);
    buf_init(&answer, REMOTE_ANSWER_MAX);
    put_path(r, &path);
    int result = path.err < 0 ? usage_error("campaigns", "the words are too long", NULL)
                              : remote_ask(&r->remote, method, buf_cstr(&path), body, &answer);
    result = result == STATUS_OK ? show(r, &answer, line_offset) : result;
    buf_done(&path);
    buf_done(&answer);
    return result;
}

/* The end of the last whole row within max bytes: a line's end outside of quotes. */
static size_t cut_rows(struct str s, size_t max, uint32_t *ret_lines)
{
    size_t end = 0;
    uint32_t lines = 0;
    bool quoted = false;
    for (size_t i = 0; i < s.n && i < max; i++) {
        quoted = s.p[i] == '"' ? !quoted : quoted;
        lines += s.p[i] == '\n';
        if (s.p[i] == '\n' && !quoted) {
            end = i + 1;
            *ret_lines = lines;
        }
    }
    if (s.n <= max) {
        *ret_lines = lines;
        return s.n;
    }
    return end;
}

/* A table larger than a request goes in parts, each with the first line of the whole. */
static int import_parts(const struct request *r, struct str table)
{
    uint32_t head_lines = 0, lines = 0, before = 0;
    size_t head_n = cut_rows(table, str_find(table, '\n') + 1, &head_lines);
    struct str head = {table.p, head_n};
    struct str rest = {table.p + head_n, table.n - head_n};
    int result = STATUS_OK;
    do {
        struct buf part;
        size_t n = cut_rows(rest, PART_MAX_BYTES, &lines);
        if (n == 0 && rest.n > 0) {
            ignore_result(fprintf(stderr, "ringtrip campaigns: line %u is too long\n", before + 2) < 0);
            return STATUS_FAILED;
        }
        buf_init(&part, 2 * PART_MAX_BYTES);
        buf_put_str(&part, head);
        buf_put(&part, rest.p, n);
        result = ask(r, "POST", buf_str(&part), before);
        buf_done(&part);
        before += lines;
        rest = (struct str){rest.p + n, rest.n - n};
    } while (result == STATUS_OK && rest.n > 0);
    return result;
}

static int run(const struct request *r)
{
    struct buf body;
    bool from_file = r->verb->show == SHOW_IMPORT || str_is(str_from(r->verb->name), "create") ||
                     str_is(str_from(r->verb->name), "change");
    int64_t contact = 0;
    int status = STATUS_OK;
    buf_init(&body, FILE_MAX_BYTES);
    const char *method = r->verb->method;
    if (from_file) {
        status = read_file(r->words[r->verb->words], &body);
    } else if (r->verb->words == 2) { /* a contact */
        status = str_to_i64(str_from(r->words[2]), &contact) < 0
                     ? usage_error("campaigns", "that is no contact's number", r->words[2])
                     : STATUS_OK;
        buf_printf(&body, "{\"contact_id\":%lld}", (long long)contact);
    } else if (r->verb->show == SHOW_NUMBERS && r->n_words == 2) {
        method = r->remove ? "DELETE" : "POST";
        struct json_w w = json_w(&body);
        json_w_open(&w);
        json_w_kz(&w, "phone_number", r->words[1]);
        json_w_close(&w);
    }
    if (status == STATUS_OK) {
        status = r->verb->show == SHOW_IMPORT ? import_parts(r, buf_str(&body)) : ask(r, method, buf_str(&body), 0);
    }
    buf_done(&body);
    return status;
}

int cmd_campaigns(int argc, char **argv)
{
    static const struct frame_command command = {
        .name = "campaigns",
        .usage = usage,
        .options = options,
        .n_options = ARRAY_LEN(options),
        .max_words = 3,
        .option = take_option,
    };
    struct request r = {0};
    int status = frame_read(&command, &r.remote.frame, argc, argv, &r);
    status = status == FRAME_GO ? find_verb(&r) : status;
    return status == FRAME_GO ? run(&r) : status;
}
