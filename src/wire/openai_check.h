/*
 * Strict reading of client JSON for the OpenAI server side: tables of known members, and refusals in the vendor's
 * words with the path of the parameter. Private to openai_server.c and openai_session.c.
 */
#ifndef WIRE_OPENAI_CHECK_H
#define WIRE_OPENAI_CHECK_H

#include "wire/openai_server.h"

struct check {
    struct openai_server_error *error;
    struct buf *scratch; /* for unescaped text; room for text_bytes is taken at once */
    size_t text_bytes;
    void *target; /* what the field functions fill */
    char path[160];
    size_t path_n;
};

typedef int (*check_fn)(struct check *c, struct json_val v);

struct check_field {
    const char *name;
    check_fn read; /* NULL: known, taken as it is */
};

/* Sets the error for the current path and returns err. */
int check_refuse(struct check *c, int err, const char *code, const char *fmt, ...) PRINTF_LIKE(4, 5);
int check_missing(struct check *c, const char *name);
int check_unknown(struct check *c, struct str name);
/* "expected a string, but got a number instead" */
int check_type(struct check *c, const char *expected, struct json_val got);
/* Path steps: "a" -> "a.b", "a[0]". Give the returned length back to check_up. */
size_t check_down(struct check *c, struct str name);
size_t check_down_index(struct check *c, uint32_t i);
void check_up(struct check *c, size_t before);

/* Every member must be in the table; each is read with the path one step down. */
MUST_USE int check_object(struct check *c, struct json_val v, const struct check_field *fields, size_t n);
MUST_USE int check_str(struct check *c, struct json_val v, size_t max, struct str *ret);
MUST_USE int check_bool(struct check *c, struct json_val v, enum openai_tri *ret);
MUST_USE int check_int(struct check *c, struct json_val v, int64_t lo, int64_t hi, int64_t *ret);
MUST_USE int check_num(struct check *c, struct json_val v, double lo, double hi, double *ret);
/* One of the words; *ret its index. */
MUST_USE int check_word(struct check *c, struct json_val v, const char *const *words, size_t n, size_t *ret);

/* Settings that session.update and response.create share. */
MUST_USE int check_modalities(struct check *c, struct json_val v, enum openai_modality *ret);
MUST_USE int check_format(struct check *c, struct json_val v, enum openai_format *ret);
MUST_USE int check_voice(struct check *c, struct json_val v, struct str *ret_voice, bool *ret_is_id);
MUST_USE int check_tools(struct check *c, struct json_val v);
MUST_USE int check_tool_choice(struct check *c, struct json_val v);
MUST_USE int check_max_tokens(struct check *c, struct json_val v, int64_t *ret); /* 0: "inf" */
MUST_USE int check_reasoning(struct check *c, struct json_val v, enum openai_effort *ret);
MUST_USE int check_prompt(struct check *c, struct json_val v);

/* "voice": the name, or {"id":...} */
void openai_server_put_voice(struct json_w *w, struct str voice, bool is_id);

/* The value as it stood in the text, strings with their quotes. */
struct str check_raw(struct json_val v);

#endif
