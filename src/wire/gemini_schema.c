/*
 * JSON Schema as function declarations of the Gemini API take it: the OpenAPI subset with upper-case types. Walks the
 * text with the pull scanner and writes as it goes; references are followed into the same document.
 */
#include "base/err.h"
#include "wire/gemini.h"

#define DEPTH_MAX (JSON_MAX_DEPTH / 2)

struct walk {
    struct json_w *w;
    struct json_val root;
};

static int put_schema(struct walk *k, struct json_val v, int depth);

/* ---- what a schema says ---- */

static const char *api_type(struct str name)
{
    static const char *const names[][2] = {{"object", "OBJECT"}, {"string", "STRING"},   {"integer", "INTEGER"},
                                           {"number", "NUMBER"}, {"boolean", "BOOLEAN"}, {"array", "ARRAY"}};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_ieq(name, str_from(names[i][0]))) {
            return names[i][1];
        }
    }
    return NULL; /* "null" too */
}

/* One name, or the first of a list that is not null. */
static const char *type_of(struct json_val type, bool *ret_nullable)
{
    if (type.type == JSON_STRING) {
        return api_type(type.s);
    }
    const char *found = NULL;
    struct json_it it = json_array(type);
    struct json_val v;
    while (json_elem(&it, &v)) {
        const char *name = v.type == JSON_STRING ? api_type(v.s) : NULL;
        *ret_nullable = *ret_nullable || (v.type == JSON_STRING && str_is(v.s, "null"));
        found = found ? found : name;
    }
    return found;
}

/* What a schema without a type can only be. */
static const char *implied_type(struct json_val v)
{
    return json_get(v, "properties").type != JSON_NONE ? "OBJECT"
           : json_get(v, "items").type != JSON_NONE    ? "ARRAY"
                                                       : "STRING";
}

static bool is_null_schema(struct json_val v)
{
    struct json_val type = json_get(v, "type");
    return type.type == JSON_STRING && str_is(type.s, "null");
}

/* "#/$defs/name" */
static struct json_val resolve(const struct walk *k, struct str ref)
{
    struct json_val at = k->root;
    struct str part;
    if (!str_starts(ref, STR("#"))) {
        return (struct json_val){0};
    }
    ref = (struct str){ref.p + 1, ref.n - 1};
    while (ref.n > 0 && str_split(&ref, '/', &part)) {
        char name[128];
        if (part.n > 0 && str_copy(name, sizeof(name), part) < 0) {
            return (struct json_val){0};
        }
        at = part.n > 0 ? json_get(at, name) : at;
    }
    return at;
}

/* ---- members ---- */

static void put_copies(struct walk *k, struct json_val v)
{
    static const char *const texts[] = {"title", "description", "pattern"};
    static const char *const numbers[] = {"minimum", "maximum"};
    static const char *const counts[] = {"minItems", "maxItems", "minLength", "maxLength"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct json_val m = json_get(v, texts[i]);
        if (m.type == JSON_STRING) {
            json_w_key(k->w, texts[i]);
            buf_putc(k->w->out, '"');
            buf_put_str(k->w->out, m.s); /* escaped already */
            buf_putc(k->w->out, '"');
            k->w->comma = true;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct json_val m = json_get(v, numbers[i]);
        if (m.type == JSON_NUMBER) {
            json_w_key(k->w, numbers[i]);
            json_w_raw(k->w, m.s);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
        int64_t n = 0;
        if (json_to_i64(json_get(v, counts[i]), &n) == 0 && n >= 0) {
            json_w_ki64(k->w, counts[i], n);
        }
    }
}

/* Other formats are refused by the service. */
static void put_format(struct walk *k, struct json_val v, const char *type)
{
    static const char *const known[][2] = {{"STRING", "date-time"}, {"STRING", "enum"},   {"NUMBER", "float"},
                                           {"NUMBER", "double"},    {"INTEGER", "int32"}, {"INTEGER", "int64"}};
    struct json_val f = json_get(v, "format");
    for (size_t i = 0; f.type == JSON_STRING && i < ARRAY_LEN(known); i++) {
        if (strcmp(known[i][0], type) == 0 && str_is(f.s, known[i][1])) {
            json_w_kz(k->w, "format", known[i][1]);
        }
    }
}

/* Values are texts there, whatever they were. */
static void put_choice(struct walk *k, struct json_val v)
{
    if (v.type == JSON_STRING) {
        json_w_raw(k->w, (struct str){v.s.p - 1, v.s.n + 2});
    } else if (v.type == JSON_NUMBER) {
        json_w_str(k->w, v.s);
    }
}

static void put_enum(struct walk *k, struct json_val v, const char *type)
{
    struct json_val list = json_get(v, "enum");
    struct json_val one = json_get(v, "const");
    if (strcmp(type, "STRING") != 0 || (list.type != JSON_ARRAY && one.type != JSON_STRING)) {
        return; /* numbers have no enum there */
    }
    json_w_key(k->w, "enum");
    json_w_array(k->w);
    struct json_it it = json_array(list);
    struct json_val e;
    while (list.type == JSON_ARRAY && json_elem(&it, &e)) {
        put_choice(k, e);
    }
    if (list.type != JSON_ARRAY) {
        put_choice(k, one);
    }
    json_w_end(k->w);
}

static bool has_property(struct json_val properties, struct str name)
{
    struct json_it it = json_object(properties);
    struct str key;
    struct json_val v;
    while (json_next(&it, &key, &v)) {
        if (str_eq(key, name)) {
            return true;
        }
    }
    return false;
}

static int put_properties(struct walk *k, struct json_val v, int depth)
{
    struct json_val properties = json_get(v, "properties");
    struct json_val required = json_get(v, "required");
    struct json_it it = json_object(properties);
    struct str key;
    struct json_val m;
    int err = 0;
    json_w_key(k->w, "properties");
    json_w_open(k->w);
    while (err >= 0 && json_next(&it, &key, &m)) {
        if (k->w->comma) {
            buf_putc(k->w->out, ',');
        }
        buf_putc(k->w->out, '"');
        buf_put_str(k->w->out, key); /* escaped already */
        buf_puts(k->w->out, "\":");
        k->w->comma = false;
        err = put_schema(k, m, depth + 1);
    }
    json_w_close(k->w);
    if (err < 0 || required.type != JSON_ARRAY) {
        return err;
    }
    json_w_key(k->w, "required");
    json_w_array(k->w);
    for (it = json_array(required); json_elem(&it, &m);) {
        if (m.type == JSON_STRING && has_property(properties, m.s)) {
            put_choice(k, m);
        }
    }
    json_w_end(k->w);
    return 0;
}

static int put_items(struct walk *k, struct json_val v, int depth)
{
    struct json_val items = json_get(v, "items");
    json_w_key(k->w, "items");
    if (items.type != JSON_OBJECT) { /* an array of anything: the service wants to know of what */
        json_w_raw(k->w, STR("{\"type\":\"STRING\"}"));
        return 0;
    }
    return put_schema(k, items, depth + 1);
}

static struct json_val alternatives(struct json_val v)
{
    struct json_val any = json_get(v, "anyOf");
    return any.type == JSON_ARRAY ? any : json_get(v, "oneOf");
}

/* How many there are besides null; the last of those. */
static uint32_t count_alternatives(struct json_val list, bool *ret_nullable, struct json_val *ret_only)
{
    uint32_t n = 0;
    struct json_it it = json_array(list);
    struct json_val v;
    while (json_elem(&it, &v)) {
        if (is_null_schema(v)) {
            *ret_nullable = true;
        } else if (v.type == JSON_OBJECT) {
            *ret_only = v;
            n++;
        }
    }
    return n;
}

static int put_any_of(struct walk *k, struct json_val list, int depth)
{
    struct json_it it = json_array(list);
    struct json_val v;
    int err = 0;
    json_w_key(k->w, "anyOf");
    json_w_array(k->w);
    while (err >= 0 && json_elem(&it, &v)) {
        if (v.type == JSON_OBJECT && !is_null_schema(v)) {
            err = put_schema(k, v, depth + 1);
        }
    }
    json_w_end(k->w);
    return err;
}

/* ---- one schema ---- */

static int put_plain(struct walk *k, struct json_val v, bool nullable, int depth)
{
    const char *type = type_of(json_get(v, "type"), &nullable);
    type = type ? type : implied_type(v);
    json_w_open(k->w);
    json_w_kz(k->w, "type", type);
    put_copies(k, v);
    put_format(k, v, type);
    put_enum(k, v, type);
    if (nullable) {
        json_w_kbool(k->w, "nullable", true);
    }
    int err = strcmp(type, "OBJECT") == 0  ? put_properties(k, v, depth)
              : strcmp(type, "ARRAY") == 0 ? put_items(k, v, depth)
                                           : 0;
    json_w_close(k->w);
    return err;
}

static int put_schema(struct walk *k, struct json_val v, int depth)
{
    struct json_val ref = json_get(v, "$ref");
    struct json_val all = json_get(v, "allOf");
    struct json_val only = {0};
    bool nullable = false;
    if (depth > DEPTH_MAX || k->w->out->err < 0) {
        return -ERR_TOO_BIG;
    }
    if (ref.type == JSON_STRING) {
        struct json_val target = resolve(k, ref.s);
        return put_schema(k, target.type == JSON_OBJECT ? target : (struct json_val){0}, depth + 1);
    }
    if (json_get(v, "type").type == JSON_NONE && alternatives(v).type == JSON_ARRAY) {
        uint32_t n = count_alternatives(alternatives(v), &nullable, &only);
        if (n > 1) {
            json_w_open(k->w);
            put_copies(k, v);
            if (nullable) {
                json_w_kbool(k->w, "nullable", true);
            }
            int err = put_any_of(k, alternatives(v), depth);
            json_w_close(k->w);
            return err;
        }
        if (n == 1 && json_get(only, "$ref").type != JSON_STRING) {
            return put_plain(k, only, nullable, depth + 1);
        }
        v = n == 1 ? only : v;
        return n == 1 ? put_schema(k, v, depth + 1) : put_plain(k, v, nullable, depth);
    }
    if (all.type == JSON_ARRAY && count_alternatives(all, &nullable, &only) == 1 &&
        json_get(v, "properties").type == JSON_NONE) {
        return put_schema(k, only, depth + 1);
    }
    return put_plain(k, v, nullable, depth);
}

int gemini_put_schema(struct json_w *w, struct str schema)
{
    struct walk k = {.w = w};
    int err = json_parse(schema, &k.root);
    if (err < 0) {
        return err;
    }
    return k.root.type == JSON_OBJECT ? put_schema(&k, k.root, 0) : -ERR_TYPE;
}

bool gemini_name_ok(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        bool other = (c >= '0' && c <= '9') || c == '.' || c == ':' || c == '-';
        if (!letter && !(other && i > 0)) {
            return false;
        }
    }
    return name.n > 0 && name.n <= GEMINI_ID_MAX;
}
