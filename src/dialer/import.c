#include "dialer/import.h"

#include <stdio.h>

#include "base/e164.h"
#include "base/err.h"
#include "base/json_doc.h"
#include "dialer/csv.h"

enum column { COLUMN_NAME, COLUMN_PHONE, COLUMN_ZONE, COLUMN_AGENT, COLUMN_CALLER_ID, COLUMN_VARS, COLUMN_N };

static const struct {
    const char *name;
    enum column column;
} column_names[] = {
    {"name", COLUMN_NAME},     {"phone_number", COLUMN_PHONE},  {"phone", COLUMN_PHONE},
    {"number", COLUMN_PHONE},  {"timezone", COLUMN_ZONE},       {"agent", COLUMN_AGENT},
    {"context", COLUMN_AGENT}, {"caller_id", COLUMN_CALLER_ID}, {"custom_vars", COLUMN_VARS},
};

struct reader {
    const struct import_opts *o;
    struct arena *a;
    struct import *ret;
    struct str names[CSV_FIELDS_MAX]; /* of variables; empty: a column of ours */
    uint32_t at[COLUMN_N];            /* index of the column; UINT32_MAX: there is none */
    uint32_t *seen;                   /* hash of numbers: 1 + index of the row */
    uint32_t seen_mask;
    uint32_t row_cap;
};

static void refuse(struct reader *r, uint32_t line, const char *reason)
{
    if (r->ret->n_errors < IMPORT_ERRORS_MAX) {
        struct str text = arena_str(r->a, str_from(reason));
        r->ret->errors[r->ret->n_errors++] = (struct import_error){line, text.p ? text : STR("out of memory")};
    }
    r->ret->refused++;
}

/* ---- the first line ---- */

static bool is_variable(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && (i == 0 || c < '0' || c > '9')) {
            return false;
        }
    }
    return name.n > 0 && name.n <= 64;
}

static int read_head(struct reader *r, const struct csv_row *head, struct buf *err)
{
    for (uint32_t c = 0; c < COLUMN_N; c++) {
        r->at[c] = UINT32_MAX;
    }
    for (uint32_t i = 0; i < head->n; i++) {
        bool ours = false;
        for (size_t k = 0; k < ARRAY_LEN(column_names); k++) {
            if (str_ieq(head->fields[i], str_from(column_names[k].name))) {
                ours = true;
                if (r->at[column_names[k].column] != UINT32_MAX) {
                    buf_printf(err, "line %u: the column \"%s\" is there twice", head->line, column_names[k].name);
                    return -ERR_CONFIG;
                }
                r->at[column_names[k].column] = i;
            }
        }
        if (!ours && !is_variable(head->fields[i])) {
            buf_printf(err, "line %u: column %u must have a name of letters, digits and _", head->line, i + 1);
            return -ERR_CONFIG;
        }
        r->names[i] = ours ? STR("") : arena_str(r->a, head->fields[i]);
    }
    if (r->at[COLUMN_PHONE] == UINT32_MAX) {
        buf_printf(err, "line %u: the first line must name the columns, among them phone_number", head->line);
        return -ERR_CONFIG;
    }
    return 0;
}

/* ---- a row ---- */

static struct str field(const struct reader *r, const struct csv_row *row, enum column c)
{
    return r->at[c] < row->n ? row->fields[r->at[c]] : STR("");
}

static int read_number(const struct reader *r, struct str text, char ret[E164_MAX])
{
    return r->o->number ? r->o->number(text, r->o->country, ret) : e164_normalize(text, r->o->country, ret);
}

/* Members of custom_vars and the other columns as one object of texts; a reason or NULL. */
static const char *put_vars(const struct reader *r, const struct csv_row *row, struct json_w *w)
{
    struct str text = field(r, row, COLUMN_VARS);
    const struct json_doc *doc = NULL;
    const char *wrong = NULL;
    uint32_t n = 0;

    if (text.n > 0 && (json_doc_parse(text, &doc) < 0 || doc->type != JSON_OBJECT)) {
        json_doc_free(doc);
        return "custom_vars must be a JSON object such as {\"order\": \"4711\"}";
    }
    for (const struct json_doc *m = doc ? doc->first : NULL; m && !wrong; m = m->next) {
        if (!is_variable(m->key) || (m->type != JSON_STRING && m->type != JSON_NUMBER) ||
            m->text.n > IMPORT_VALUE_MAX) {
            wrong = "custom_vars must have names of letters, digits and _, and texts or numbers of at most 2000 bytes";
        } else {
            char key[65];
            ignore_result(str_copy(key, sizeof(key), m->key)); /* it fits */
            json_w_kstr(w, key, m->text);
            n++;
        }
    }
    json_doc_free(doc);
    for (uint32_t i = 0; i < row->n && !wrong; i++) {
        if (r->names[i].n && row->fields[i].n) {
            wrong = row->fields[i].n > IMPORT_VALUE_MAX ? "a value is longer than 2000 bytes" : NULL;
            json_w_kstr(w, r->names[i].p, row->fields[i]);
            n++;
        }
    }
    return wrong ? wrong : n > IMPORT_VARS_MAX ? "more than 24 variables" : NULL;
}

static bool keep(struct reader *r, struct str *to, struct str from)
{
    *to = arena_str(r->a, from);
    return to->p != NULL;
}

static const char *read_places(const struct reader *r, const struct csv_row *row, char phone[E164_MAX],
                               char caller[E164_MAX])
{
    struct str zone = field(r, row, COLUMN_ZONE);
    struct str agent = field(r, row, COLUMN_AGENT);
    struct str id = field(r, row, COLUMN_CALLER_ID);

    for (uint32_t i = 0; i < row->n; i++) {
        if (!utf8_valid(row->fields[i]) || memchr(row->fields[i].p, 0, row->fields[i].n)) {
            return "it is not UTF-8 text";
        }
    }
    if (row->n > CSV_FIELDS_MAX || field(r, row, COLUMN_PHONE).n == 0) {
        return "it has no phone number";
    }
    if (read_number(r, field(r, row, COLUMN_PHONE), phone) < 0) {
        return "its phone number is none; write it with + and the country's code";
    }
    if (id.n && read_number(r, id, caller) < 0) {
        return "its caller_id is no phone number";
    }
    if (field(r, row, COLUMN_NAME).n > IMPORT_NAME_MAX) {
        return "its name is longer than 200 bytes";
    }
    if (zone.n && (zone.n > 64 || (r->o->zone_known && !r->o->zone_known(zone, r->o->arg)))) {
        return "its time zone is not known; names are like Europe/Berlin";
    }
    if (agent.n && (agent.n > 64 || (r->o->agent_known && !r->o->agent_known(agent, r->o->arg)))) {
        return "there is no such agent";
    }
    return NULL;
}

/* True when the number is new in this table. */
static bool is_new(struct reader *r, struct str phone, uint32_t index)
{
    uint32_t i = (uint32_t)str_hash(phone) & r->seen_mask;

    while (r->seen[i]) {
        if (str_eq(r->ret->rows[r->seen[i] - 1].phone, phone)) {
            return false;
        }
        i = (i + 1) & r->seen_mask;
    }
    r->seen[i] = index + 1;
    return true;
}

static int add_row(struct reader *r, const struct csv_row *row, struct str vars)
{
    struct import *im = r->ret;
    struct contact_row *c = &im->rows[im->n];
    char phone[E164_MAX] = "", caller[E164_MAX] = "";
    const char *wrong = read_places(r, row, phone, caller); /* said already to be fine, but for its texts */

    if (wrong || !keep(r, &c->phone, str_from(phone))) {
        return -ENOMEM;
    }
    if (!is_new(r, c->phone, im->n)) {
        im->doubled++;
        return 0;
    }
    c->campaign_id = r->o->campaign_id;
    bool ok = keep(r, &c->name, field(r, row, COLUMN_NAME)) && keep(r, &c->timezone, field(r, row, COLUMN_ZONE)) &&
              keep(r, &c->agent, field(r, row, COLUMN_AGENT)) && keep(r, &c->caller_id, str_from(caller)) &&
              keep(r, &c->vars, vars);
    im->lines[im->n] = row->line;
    im->n += ok;
    return ok ? 0 : -ENOMEM;
}

static int read_row(struct reader *r, const struct csv_row *row)
{
    char phone[E164_MAX], caller[E164_MAX];
    struct buf vars;
    const char *wrong = read_places(r, row, phone, caller);
    int err = 0;

    buf_init(&vars, 128 * 1024);
    if (!wrong) {
        struct json_w w = json_w(&vars);
        json_w_open(&w);
        wrong = put_vars(r, row, &w);
        json_w_close(&w);
    }
    if (wrong) {
        refuse(r, row->line, wrong);
    } else {
        err = vars.err < 0 ? vars.err : add_row(r, row, buf_str(&vars));
    }
    buf_done(&vars);
    return err;
}

static int read_rows(struct reader *r, struct csv *csv, struct buf *room, struct buf *err)
{
    struct csv_row row;
    int got = 0;

    while ((got = csv_next(csv, room, &row)) != 0) {
        if (r->ret->n + r->ret->refused + r->ret->doubled == IMPORT_ROWS_MAX) {
            buf_printf(err, "more than %u rows: import them in parts", IMPORT_ROWS_MAX);
            return -ERR_CONFIG;
        }
        if (got == -ENOMEM) {
            return got;
        }
        if (got < 0) {
            refuse(r, row.line,
                   got == -ERR_TOO_BIG ? "it is too long or has too many columns"
                                       : "a quote is not closed, or something stands behind it");
            continue;
        }
        int e = read_row(r, &row);
        if (e < 0) {
            return e;
        }
    }
    return 0;
}

static int make_room(struct reader *r, struct str text)
{
    uint32_t lines = 1;

    for (size_t i = 0; i < text.n; i++) {
        lines += text.p[i] == '\n';
    }
    lines = MIN(lines, (uint32_t)IMPORT_ROWS_MAX) + 1;
    r->seen_mask = 1;
    while (r->seen_mask < 2 * lines) {
        r->seen_mask *= 2;
    }
    r->seen = arena_alloc(r->a, sizeof(*r->seen) * r->seen_mask);
    r->seen_mask--;
    r->ret->rows = arena_alloc(r->a, sizeof(*r->ret->rows) * lines);
    r->ret->lines = arena_alloc(r->a, sizeof(*r->ret->lines) * lines);
    r->ret->errors = arena_alloc(r->a, sizeof(*r->ret->errors) * IMPORT_ERRORS_MAX);
    return r->seen && r->ret->rows && r->ret->lines && r->ret->errors ? 0 : -ENOMEM;
}

int import_read(struct str text, const struct import_opts *o, struct arena *a, struct buf *err, struct import *ret)
{
    struct reader r = {.o = o, .a = a, .ret = ret};
    struct csv csv = csv_open(text);
    struct csv_row head;
    struct buf room;

    *ret = (struct import){0};
    if (text.n > IMPORT_BYTES_MAX) {
        buf_puts(err, "the table is larger than 10 MiB: import it in parts");
        return -ERR_CONFIG;
    }
    buf_init(&room, 4 * CSV_ROW_BYTES_MAX);
    int e = make_room(&r, text);
    int got = e < 0 ? e : csv_next(&csv, &room, &head);
    if (e >= 0 && got <= 0) {
        buf_puts(err, got == 0 ? "the table is empty" : "line 1 cannot be read: it must name the columns");
        e = -ERR_CONFIG;
    }
    e = e < 0 ? e : read_head(&r, &head, err);
    e = e < 0 ? e : read_rows(&r, &csv, &room, err);
    buf_done(&room);
    return e;
}
