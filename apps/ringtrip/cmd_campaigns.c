/* Campaigns of a gateway that runs, asked over its HTTP API. */
#include <errno.h>
#include <stdio.h>

#include "base/err.h"
#include "base/json.h"
#include "command.h"
#include "gateway/control_client.h"

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
    "the\nfirst of server.tokens, unless --url and --token say otherwise. See campaigns.md.\n\n"
    "  -c, --config FILE   YAML configuration; without: environment and defaults\n"
    "  --env-file FILE     read before the environment; default: .env in this folder, if there is one\n"
    "  --url URL           where the gateway is: http://host:port\n"
    "  --token TOKEN       one of its server.tokens\n"
    "  --state WORD        only campaigns, or contacts, of this status\n"
    "  --limit N           at most so many rows; 100\n"
    "  --offset N          after so many\n"
    "  --remove            takes the number off the list\n"
    "  --json              for programs\n\n"
    "Exit status: 0 done, 1 refused, not found, or no gateway, 2 usage or configuration.\n";

enum { OPT_CONFIG, OPT_ENV_FILE, OPT_URL, OPT_TOKEN, OPT_STATE, OPT_LIMIT, OPT_OFFSET, OPT_REMOVE, OPT_JSON, OPT_HELP };
static const struct option options[] = {
    [OPT_CONFIG] = {"--config", "-c", true}, [OPT_ENV_FILE] = {"--env-file", NULL, true},
    [OPT_URL] = {"--url", NULL, true},       [OPT_TOKEN] = {"--token", NULL, true},
    [OPT_STATE] = {"--state", NULL, true},   [OPT_LIMIT] = {"--limit", NULL, true},
    [OPT_OFFSET] = {"--offset", NULL, true}, [OPT_REMOVE] = {"--remove", NULL, false},
    [OPT_JSON] = {"--json", NULL, false},    [OPT_HELP] = {"--help", "-h", false},
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
    struct control_request control;
    const struct verb *verb;
    const char *words[3]; /* verb first */
    uint32_t n_words;
    const char *state, *limit, *offset;
    bool remove, json, help;
};

/* ---- what is asked ---- */

static void read_option(struct request *r, int got, const char *value)
{
    const char **texts[] = {[OPT_CONFIG] = &r->control.source.path,
                            [OPT_ENV_FILE] = &r->control.source.dotenv_path,
                            [OPT_URL] = &r->control.url,
                            [OPT_TOKEN] = &r->control.token,
                            [OPT_STATE] = &r->state,
                            [OPT_LIMIT] = &r->limit,
                            [OPT_OFFSET] = &r->offset};
    if (got < (int)ARRAY_LEN(texts)) {
        *texts[got] = value;
        return;
    }
    r->remove = r->remove || got == OPT_REMOVE;
    r->json = r->json || got == OPT_JSON;
    r->help = r->help || got == OPT_HELP;
}

static int find_verb(struct request *r)
{
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
                                             : STATUS_OK;
}

static int read_request(struct request *r, int argc, char **argv)
{
    struct args a;
    const char *value = NULL;
    int got;
    args_init(&a, argc, argv);
    while ((got = args_next(&a, options, ARRAY_LEN(options), &value)) != ARGS_END) {
        if (got == ARGS_BAD) {
            return STATUS_USAGE;
        }
        if (got == ARGS_WORD && r->n_words == ARRAY_LEN(r->words)) {
            return usage_error("campaigns", "unexpected argument", value);
        }
        if (got == ARGS_WORD) {
            r->words[r->n_words++] = value;
        }
        if (got >= 0) {
            read_option(r, got, value);
        }
    }
    return r->help ? STATUS_OK : find_verb(r);
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

static void put_escaped(struct buf *out, const char *text)
{
    for (; *text; text++) {
        char c = *text;
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_';
        if (plain) {
            buf_putc(out, c);
        } else {
            buf_printf(out, "%%%02X", (unsigned char)c);
        }
    }
}

static void put_query(struct buf *out, bool *more, const char *name, const char *value)
{
    if (value) {
        buf_printf(out, "%c%s=", *more ? '&' : '?', name);
        put_escaped(out, value);
        *more = true;
    }
}

static void put_path(const struct request *r, struct buf *out)
{
    bool more = false;
    for (const char *p = r->verb->path; *p; p++) {
        if (*p == '*') {
            put_escaped(out, r->words[1]);
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

static struct str text_of(struct json_val v, const char *key, struct buf *scratch)
{
    struct str text = STR("");
    return json_to_str(json_get(v, key), scratch, &text) < 0 ? STR("") : text;
}

static int64_t number_of(struct json_val v, const char *key)
{
    int64_t n = 0;
    return json_to_i64(json_get(v, key), &n) < 0 ? 0 : n;
}

/* One column; what others wrote shows no control characters. */
static void put_field(struct buf *out, struct str s, int width)
{
    int n = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char ch = (unsigned char)s.p[i];
        buf_putc(out, ch < 0x20 || ch == 0x7F ? ' ' : (char)ch);
        n += (ch & 0xC0) != 0x80;
    }
    if (width) { /* 0: the last one */
        buf_printf(out, "%*s", width > n ? width - n : 1, "");
    }
}

static void put_counts(struct buf *out, struct json_val counts)
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
        }
    }
    buf_puts(out, any ? "\n" : "none\n");
}

static void put_campaign(struct buf *out, struct json_val v, struct buf *scratch, bool row)
{
    struct json_val p = json_get(v, "progress");
    if (row) {
        put_field(out, text_of(v, "campaign_id", scratch), 38);
        put_field(out, text_of(v, "status", scratch), 11);
        buf_printf(out, "%9lld %9lld  ", (long long)number_of(p, "contacts"), (long long)number_of(p, "attempts"));
        put_field(out, text_of(v, "name", scratch), 0);
        buf_putc(out, '\n');
        return;
    }
    struct str note = text_of(v, "note", scratch), next = text_of(p, "next_at", scratch);
    buf_printf(out, "campaign  " STR_FMT "\nname      ", STR_ARG(text_of(v, "campaign_id", scratch)));
    put_field(out, text_of(v, "name", scratch), 0);
    buf_printf(out, "\nstatus    " STR_FMT "%s", STR_ARG(text_of(v, "status", scratch)), note.n ? ": " : "\n");
    if (note.n) {
        put_field(out, note, 0);
        buf_putc(out, '\n');
    }
    buf_printf(out, "contacts  %lld: ", (long long)number_of(p, "contacts"));
    put_counts(out, json_get(p, "states"));
    buf_printf(out, "attempts  %lld: ", (long long)number_of(p, "attempts"));
    put_counts(out, json_get(p, "outcomes"));
    if (next.n) {
        buf_printf(out, "next      " STR_FMT "\n", STR_ARG(next));
    }
}

static void put_contact(struct buf *out, struct json_val v, struct buf *scratch)
{
    buf_printf(out, "%-8lld", (long long)number_of(v, "contact_id"));
    put_field(out, text_of(v, "phone_number", scratch), 18);
    put_field(out, text_of(v, "state", scratch), 12);
    buf_printf(out, "%5lld  ", (long long)number_of(v, "attempts"));
    put_field(out, text_of(v, "last_outcome", scratch), 18);
    put_field(out, text_of(v, "name", scratch), 24);
    put_field(out, text_of(v, "note", scratch), 0);
    buf_putc(out, '\n');
}

static void put_attempt(struct buf *out, struct json_val v, struct buf *scratch)
{
    put_field(out, text_of(v, "call_id", scratch), 38);
    put_field(out, text_of(v, "phone_number", scratch), 18);
    buf_printf(out, "%3lld  ", (long long)number_of(v, "number"));
    put_field(out, text_of(v, "outcome", scratch), 18);
    struct json_val duration = json_get(v, "duration");
    put_field(out, duration.type == JSON_NUMBER ? duration.s : STR("-"), 9);
    put_field(out, text_of(v, "error", scratch), 0);
    buf_putc(out, '\n');
}

static void put_number(struct buf *out, struct json_val v, struct buf *scratch)
{
    put_field(out, text_of(v, "phone_number", scratch), 18);
    put_field(out, text_of(v, "reason", scratch), 0);
    buf_putc(out, '\n');
}

static void put_list(struct buf *out, struct json_val doc, const struct verb *verb)
{
    static const struct {
        const char *key, *head;
    } lists[] = {
        [SHOW_CAMPAIGNS] = {"campaigns", "CAMPAIGN                              STATUS      CONTACTS  ATTEMPTS  NAME"},
        [SHOW_CONTACTS] = {"contacts", "CONTACT NUMBER            STATE       TRIES  LAST OUTCOME      NAME"},
        [SHOW_ATTEMPTS] = {"attempts",
                           "CALL                                  NUMBER            TRY  OUTCOME           SECONDS"},
        [SHOW_NUMBERS] = {"numbers", "NUMBER            REASON"},
    };
    struct json_it it = json_array(json_get(doc, lists[verb->show].key));
    struct json_val v;
    int64_t n = 0;
    while (json_elem(&it, &v)) {
        struct buf scratch;
        buf_init(&scratch, 1 << 20);
        if (n++ == 0) {
            buf_printf(out, "%s\n", lists[verb->show].head);
        }
        switch (verb->show) {
        case SHOW_CAMPAIGNS:
            put_campaign(out, v, &scratch, true);
            break;
        case SHOW_CONTACTS:
            put_contact(out, v, &scratch);
            break;
        case SHOW_ATTEMPTS:
            put_attempt(out, v, &scratch);
            break;
        case SHOW_NUMBERS:
        case SHOW_CAMPAIGN:
        case SHOW_IMPORT:
        case SHOW_DONE:
            put_number(out, v, &scratch);
            break;
        }
        buf_done(&scratch);
    }
    if (n < number_of(doc, "total")) {
        buf_printf(out, "%lld of %lld; --offset shows more\n", (long long)n, (long long)number_of(doc, "total"));
    } else if (n == 0) {
        buf_puts(out, "none\n");
    }
}

static void put_import(struct buf *out, struct json_val doc, uint32_t line_offset)
{
    struct json_it it = json_array(json_get(doc, "errors"));
    struct json_val v;
    while (json_elem(&it, &v)) {
        struct buf scratch;
        buf_init(&scratch, 1 << 16);
        buf_printf(out, "line %lld: ", (long long)number_of(v, "line") + line_offset);
        put_field(out, text_of(v, "error", &scratch), 0);
        buf_putc(out, '\n');
        buf_done(&scratch);
    }
    buf_printf(out, "%lld added, %lld there already, %lld refused\n", (long long)number_of(doc, "added"),
               (long long)number_of(doc, "existing"), (long long)number_of(doc, "refused"));
}

static int show(const struct request *r, int status, struct str body, uint32_t line_offset)
{
    struct json_val doc;
    struct buf out;
    int result = STATUS_OK;
    buf_init(&out, 64u << 20);
    bool json = json_parse(body, &doc) >= 0;
    if (status >= 300 || !json) {
        struct buf scratch;
        buf_init(&scratch, 1 << 16);
        struct str text = json ? text_of(doc, "error", &scratch) : STR("");
        ignore_result(fprintf(stderr, "ringtrip campaigns: %s" STR_FMT " (status %d)\n", text.n ? "" : "refused",
                              STR_ARG(text), status) < 0);
        buf_done(&scratch);
        result = STATUS_FAILED;
    } else if (r->json) {
        buf_put_str(&out, body);
        buf_putc(&out, '\n');
    } else if (r->verb->show == SHOW_CAMPAIGN) {
        struct buf scratch;
        buf_init(&scratch, 1 << 20);
        put_campaign(&out, doc, &scratch, false);
        buf_done(&scratch);
    } else if (r->verb->show == SHOW_IMPORT) {
        put_import(&out, doc, line_offset);
    } else if (r->verb->show == SHOW_DONE || (r->verb->show == SHOW_NUMBERS && r->n_words == 2)) {
        buf_puts(&out, "done\n");
    } else {
        put_list(&out, doc, r->verb);
    }
    if (out.len && fwrite(buf_ptr(&out), 1, out.len, stdout) != out.len) {
        result = STATUS_FAILED;
    }
    buf_done(&out);
    return result;
}

/* ---- one request, or several for a large table ---- */

static int ask(struct request *r, struct str body, uint32_t line_offset)
{
    struct buf path, out, err;
    buf_init(&path, PATH_BYTES * 8);
    buf_init(&out, 64u << 20);
    buf_init(&err, 1 << 16);
    put_path(r, &path);
    r->control.path = buf_cstr(&path);
    r->control.body = body;
    int status = r->control.path ? control_ask(&r->control, &out, &err) : -ENOMEM;
    int result = STATUS_OK;
    if (status < 0) {
        ignore_result(fprintf(stderr, "ringtrip campaigns: " STR_FMT "\n", STR_ARG(buf_str(&err))) < 0);
        result = status == -ERR_CONFIG ? STATUS_USAGE : STATUS_FAILED;
    } else {
        result = show(r, status, buf_str(&out), line_offset);
    }
    buf_done(&path);
    buf_done(&out);
    buf_done(&err);
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
static int import_parts(struct request *r, struct str table)
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
        result = ask(r, buf_str(&part), before);
        buf_done(&part);
        before += lines;
        rest = (struct str){rest.p + n, rest.n - n};
    } while (result == STATUS_OK && rest.n > 0);
    return result;
}

static int run(struct request *r)
{
    struct buf body;
    bool from_file = r->verb->show == SHOW_IMPORT || str_is(str_from(r->verb->name), "create") ||
                     str_is(str_from(r->verb->name), "change");
    int64_t contact = 0;
    int status = STATUS_OK;
    buf_init(&body, FILE_MAX_BYTES);
    r->control.method = r->verb->method;
    if (from_file) {
        status = read_file(r->words[r->verb->words], &body);
    } else if (r->verb->words == 2) { /* a contact */
        status = str_to_i64(str_from(r->words[2]), &contact) < 0
                     ? usage_error("campaigns", "that is no contact's number", r->words[2])
                     : STATUS_OK;
        buf_printf(&body, "{\"contact_id\":%lld}", (long long)contact);
    } else if (r->verb->show == SHOW_NUMBERS && r->n_words == 2) {
        r->control.method = r->remove ? "DELETE" : "POST";
        struct json_w w = json_w(&body);
        json_w_open(&w);
        json_w_kz(&w, "phone_number", r->words[1]);
        json_w_close(&w);
    }
    if (status == STATUS_OK) {
        status = r->verb->show == SHOW_IMPORT ? import_parts(r, buf_str(&body)) : ask(r, buf_str(&body), 0);
    }
    buf_done(&body);
    return status;
}

int cmd_campaigns(int argc, char **argv)
{
    struct request r = {0};
    int status = read_request(&r, argc, argv);
    if (status != STATUS_OK || r.help) {
        return r.help && status == STATUS_OK ? usage_help(usage) : status;
    }
    return run(&r);
}
