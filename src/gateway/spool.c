#include "gateway/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "gateway/mapped.h"
#include "net/file.h"

#define MAX_FILE_BYTES (64 << 20)
#define MAX_LINE_BYTES (4u << 20) /* two texts of a turn, escaped */
#define PATH_BYTES     512
#define FORMAT         1

/* ---- rows as tables of fields ---- */

enum field_type { FIELD_STR, FIELD_U64, FIELD_I64, FIELD_U32, FIELD_I32, FIELD_BOOL, FIELD_WORD };

struct field {
    const char *name;
    enum field_type type;
    size_t at;
    const char *(*word)(uint32_t value); /* FIELD_WORD: an enum, by its name; the names may move, words stay */
    uint32_t n_words;
};

static const char *direction_word(uint32_t v)
{
    return store_direction_word((enum store_direction)v);
}

static const char *status_word(uint32_t v)
{
    return store_status_word((enum store_status)v);
}

static const char *reason_word(uint32_t v)
{
    return call_reason_name((enum call_reason)v);
}

static const char *verdict_word(uint32_t v)
{
    return call_verdict_name((enum call_verdict)v);
}

static const char *party_word(uint32_t v)
{
    return call_party_name((enum call_party)v);
}

#define F(type, of, member)                                                                                            \
    {                                                                                                                  \
#member, FIELD_##type, offsetof(struct of, member), NULL, 0                                                    \
    }
#define W(of, member, fn, n)                                                                                           \
    {                                                                                                                  \
#member, FIELD_WORD, offsetof(struct of, member), fn, n                                                        \
    }
#define CALL_FIELD(type, member) F(type, store_call, member)
#define TURN_FIELD(type, member) F(type, store_turn, member)
#define LINE_FIELD(type, member) F(type, store_line, member)
#define CALLBACK_FIELD(member)   F(STR, store_callback, member)
#define SPAN_FIELD(type, member) F(type, store_span, member)
#define DIAL_FIELD(type, member) F(type, store_dial, member)

static const struct field call_fields[] = {
    CALL_FIELD(STR, id),
    CALL_FIELD(STR, carrier),
    CALL_FIELD(STR, provider),
    CALL_FIELD(STR, model),
    CALL_FIELD(STR, agent),
    W(store_call, direction, direction_word, STORE_DIRECTION_N),
    CALL_FIELD(STR, caller),
    CALL_FIELD(STR, called),
    CALL_FIELD(STR, carrier_call_id),
    CALL_FIELD(STR, stream_id),
    W(store_call, status, status_word, STORE_STATUS_N),
    CALL_FIELD(STR, outcome),
    W(store_call, reason, reason_word, CALL_REASON_N),
    CALL_FIELD(STR, error),
    CALL_FIELD(U64, started_us),
    CALL_FIELD(U64, answered_us),
    CALL_FIELD(U64, ended_us),
    CALL_FIELD(U64, duration_ms),
    CALL_FIELD(U64, alive_us),
    CALL_FIELD(STR, recording),
    CALL_FIELD(STR, journal),
    CALL_FIELD(U64, usage.in_text),
    CALL_FIELD(U64, usage.in_audio),
    CALL_FIELD(U64, usage.cached_text),
    CALL_FIELD(U64, usage.cached_audio),
    CALL_FIELD(U64, usage.out_text),
    CALL_FIELD(U64, usage.out_audio),
    CALL_FIELD(I64, cost_micro),
    CALL_FIELD(BOOL, has_line),
    CALL_FIELD(BOOL, line.echo),
    CALL_FIELD(U32, line.echo_loss_cb),
    CALL_FIELD(U32, line.echo_delay_ms),
    CALL_FIELD(U32, line.gate_closures),
    CALL_FIELD(U32, line.gated_ms),
    CALL_FIELD(U32, line.gaps),
    CALL_FIELD(U32, line.gap_ms),
    CALL_FIELD(U32, line.late),
    CALL_FIELD(U32, line.doubled),
    CALL_FIELD(U32, line.stalls),
    CALL_FIELD(U32, line.stall_ms),
    CALL_FIELD(U32, line.odd_frames),
    CALL_FIELD(U32, line.clipped_ms),
    CALL_FIELD(U32, line.zero_ms),
    CALL_FIELD(U32, line.linear_ms),
    CALL_FIELD(U32, line.rate_hz),
    CALL_FIELD(I32, line.dc_offset),
    CALL_FIELD(STR, confirmation),
    CALL_FIELD(U32, renewals),
};

static const struct field turn_fields[] = {
    TURN_FIELD(STR, call_id),           TURN_FIELD(U32, t.number),
    TURN_FIELD(I32, t.speech_start_ms), TURN_FIELD(I32, t.speech_stop_ms),
    TURN_FIELD(I32, t.commit_ms),       TURN_FIELD(I32, t.created_ms),
    TURN_FIELD(I32, t.first_audio_ms),  TURN_FIELD(I32, t.first_sent_ms),
    TURN_FIELD(I32, t.agent_end_ms),    TURN_FIELD(U32, t.item_ms),
    TURN_FIELD(U32, t.heard_ms),        TURN_FIELD(U32, t.tools),
    TURN_FIELD(BOOL, t.interrupted),    W(store_turn, t.verdict, verdict_word, VERDICT_N),
    TURN_FIELD(U32, t.pauses),          TURN_FIELD(U32, t.paused_ms),
    TURN_FIELD(U32, t.end_silence_ms),  TURN_FIELD(STR, user_text),
    TURN_FIELD(STR, agent_text),        TURN_FIELD(STR, agent),
    TURN_FIELD(U32, t.paused_for),
};

static const struct field line_fields[] = {
    LINE_FIELD(STR, call_id),    LINE_FIELD(U32, seq),
    LINE_FIELD(I32, at_ms),      W(store_line, who, party_word, PARTY_N),
    LINE_FIELD(STR, text),       LINE_FIELD(STR, unheard),
    LINE_FIELD(BOOL, estimated), LINE_FIELD(STR, agent),
};

static const struct field callback_fields[] = {
    CALLBACK_FIELD(call_id),
    CALLBACK_FIELD(id),
    CALLBACK_FIELD(phone),
    CALLBACK_FIELD(department),
    CALLBACK_FIELD(reason),
    CALLBACK_FIELD(scheduled),
    F(U64, store_callback, created_us),
    F(U64, store_callback, closed_us),
    CALLBACK_FIELD(note),
};

static const struct field span_fields[] = {
    SPAN_FIELD(STR, call_id),   SPAN_FIELD(STR, span_id), SPAN_FIELD(U32, seq),     SPAN_FIELD(STR, trace_id),
    SPAN_FIELD(STR, parent_id), SPAN_FIELD(STR, type),    SPAN_FIELD(STR, name),    SPAN_FIELD(U32, kind),
    SPAN_FIELD(U64, start_us),  SPAN_FIELD(U64, end_us),  SPAN_FIELD(BOOL, failed), SPAN_FIELD(STR, error),
    SPAN_FIELD(STR, attrs),     SPAN_FIELD(STR, events),
};

static const struct field dial_fields[] = {
    DIAL_FIELD(STR, call_id),     DIAL_FIELD(STR, campaign), DIAL_FIELD(STR, opening_reason),
    DIAL_FIELD(STR, objective),   DIAL_FIELD(STR, context),  DIAL_FIELD(STR, request_id),
    DIAL_FIELD(STR, answered_by), DIAL_FIELD(STR, outcome),  DIAL_FIELD(STR, cause),
    DIAL_FIELD(STR, detail),      DIAL_FIELD(U64, asked_us), DIAL_FIELD(U64, ringing_us),
    DIAL_FIELD(U64, answered_us), DIAL_FIELD(U64, ended_us), DIAL_FIELD(U64, talk_s),
};

/* Kinds of rows; the first field of each is the call's id. */
static const struct shape {
    const char *word;
    const struct field *fields;
    size_t n;
    size_t size;
} shapes[] = {
    [STORE_CALL_BEGIN] = {"begin", call_fields, ARRAY_LEN(call_fields), sizeof(struct store_call)},
    [STORE_CALL_UPDATE] = {"update", call_fields, ARRAY_LEN(call_fields), sizeof(struct store_call)},
    [STORE_CALL_END] = {"end", call_fields, ARRAY_LEN(call_fields), sizeof(struct store_call)},
    [STORE_CALL_ALIVE] = {"alive", call_fields, ARRAY_LEN(call_fields), sizeof(struct store_call)},
    [STORE_TURN_ADD] = {"turn", turn_fields, ARRAY_LEN(turn_fields), sizeof(struct store_turn)},
    [STORE_LINE_ADD] = {"line", line_fields, ARRAY_LEN(line_fields), sizeof(struct store_line)},
    [STORE_CALLBACK_ADD] = {"callback", callback_fields, ARRAY_LEN(callback_fields), sizeof(struct store_callback)},
    [STORE_SPAN_ADD] = {"span", span_fields, ARRAY_LEN(span_fields), sizeof(struct store_span)},
    [STORE_CALLBACK_CLOSE] = {"callback-close", callback_fields, ARRAY_LEN(callback_fields),
                              sizeof(struct store_callback)},
    [STORE_DIAL_PUT] = {"dial", dial_fields, ARRAY_LEN(dial_fields), sizeof(struct store_dial)},
};

/* ---- rows to text ---- */

static void put_field(struct json_w *w, const struct field *f, const void *row)
{
    const void *p = (const uint8_t *)row + f->at;
    switch (f->type) {
    case FIELD_STR:
        json_w_kstr(w, f->name, *(const struct str *)p);
        break;
    case FIELD_U64: /* all of them are times and counts far below the sign */
        json_w_ki64(w, f->name, (int64_t) * (const uint64_t *)p);
        break;
    case FIELD_I64:
        json_w_ki64(w, f->name, *(const int64_t *)p);
        break;
    case FIELD_U32:
        json_w_ki64(w, f->name, *(const uint32_t *)p);
        break;
    case FIELD_I32:
        json_w_ki64(w, f->name, *(const int32_t *)p);
        break;
    case FIELD_BOOL:
        json_w_kbool(w, f->name, *(const bool *)p);
        break;
    case FIELD_WORD:
        json_w_kz(w, f->name, f->word(*(const uint32_t *)p));
        break;
    }
}

static const void *row_of(const struct store_op *op)
{
    bool callback = op->kind == STORE_CALLBACK_ADD || op->kind == STORE_CALLBACK_CLOSE;
    return op->kind == STORE_TURN_ADD   ? (const void *)op->u.turn
           : op->kind == STORE_LINE_ADD ? (const void *)op->u.line
           : op->kind == STORE_SPAN_ADD ? (const void *)op->u.span
           : op->kind == STORE_DIAL_PUT ? (const void *)op->u.dial
           : callback                   ? (const void *)op->u.callback
                                        : (const void *)op->u.call;
}

static void put_row(struct buf *out, const struct store_op *op)
{
    const struct shape *s = &shapes[op->kind];
    struct json_w w = json_w(out);
    json_w_open(&w);
    json_w_ki64(&w, "format", FORMAT);
    json_w_kz(&w, "row", s->word);
    json_w_ki64(&w, "at_us", (int64_t)op->at_us);
    for (size_t i = 0; i < s->n; i++) {
        put_field(&w, &s->fields[i], row_of(op));
    }
    json_w_close(&w);
    buf_putc(out, '\n');
}

/* ---- text to rows ---- */

static int read_text(struct json_val v, struct arena *a, struct str *ret)
{
    struct buf scratch;
    struct str s = STR("");
    buf_init(&scratch, MAX_LINE_BYTES);
    int err = json_to_str(v, &scratch, &s);
    if (err >= 0) {
        *ret = arena_str(a, s);
        err = ret->p ? 0 : -ENOMEM;
    }
    buf_done(&scratch);
    return err;
}

static uint32_t read_word(struct json_val v, const struct field *f)
{
    for (uint32_t i = 0; v.type == JSON_STRING && i < f->n_words; i++) {
        if (str_is(v.s, f->word(i))) {
            return i;
        }
    }
    return 0; /* a word of another version: the first is the neutral one */
}

static int read_field(struct json_val v, const struct field *f, struct arena *a, void *row)
{
    void *p = (uint8_t *)row + f->at;
    int64_t n = 0;
    int err = 0;
    if (f->type == FIELD_STR) {
        return read_text(v, a, p);
    }
    if (f->type == FIELD_BOOL) {
        return json_to_bool(v, p);
    }
    if (f->type == FIELD_WORD) {
        *(uint32_t *)p = read_word(v, f);
        return 0;
    }
    err = json_to_i64(v, &n);
    if (err < 0) {
        return err;
    }
    if (f->type == FIELD_U64 || f->type == FIELD_I64) {
        *(int64_t *)p = n;
    } else if (f->type == FIELD_U32) {
        *(uint32_t *)p = (uint32_t)MAX(MIN(n, (int64_t)UINT32_MAX), 0);
    } else {
        *(int32_t *)p = (int32_t)MAX(MIN(n, (int64_t)INT32_MAX), (int64_t)INT32_MIN);
    }
    return 0;
}

static int read_shape(struct json_val doc)
{
    struct json_val word = json_get(doc, "row");
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        if (word.type == JSON_STRING && str_is(word.s, shapes[i].word)) {
            return (int)i;
        }
    }
    return -ERR_TYPE;
}

/* A member that is missing leaves its field zero: an older program wrote the line. */
static int read_row(struct str line, struct arena *a, struct store_op *op)
{
    struct json_val doc;
    int64_t at_us = 0;
    int kind = json_parse(line, &doc);
    kind = kind < 0 ? kind : read_shape(doc);
    if (kind < 0) {
        return kind;
    }
    const struct shape *s = &shapes[kind];
    void *row = arena_alloc(a, s->size);
    if (!row) {
        return -ENOMEM;
    }
    memset(row, 0, s->size);
    for (size_t i = 0; i < s->n; i++) {
        struct json_val v = json_get(doc, s->fields[i].name);
        int err = v.type == JSON_NONE ? 0 : read_field(v, &s->fields[i], a, row);
        if (err < 0) {
            return err;
        }
    }
    *op = (struct store_op){.kind = (enum store_op_kind)kind};
    op->at_us = json_to_i64(json_get(doc, "at_us"), &at_us) < 0 ? 0 : (uint64_t)MAX(at_us, 0);
    op->u.call = row; /* the members of u are pointers all */
    return 0;
}

/* ---- the file ---- */

int spool_path(struct str dir, char *ret, size_t cap)
{
    int n = snprintf(ret, cap, STR_FMT "/" SPOOL_NAME, STR_ARG(dir));
    return n < 0 || (size_t)n >= cap ? -ENAMETOOLONG : 0;
}

/* The lock's descriptor; closing it gives it back. */
static int take_lock(const char *path)
{
    char name[PATH_BYTES];
    int n = snprintf(name, sizeof(name), "%s.lock", path);
    if (n < 0 || (size_t)n >= sizeof(name)) {
        return -ENAMETOOLONG;
    }
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return -errno;
    }
    while (flock(fd, LOCK_EX) < 0) {
        if (errno != EINTR) {
            int err = -errno;
            close(fd);
            return err;
        }
    }
    return fd;
}

/* Appends whole lines; when that fails the file is as long as before. A torn line of a kill is ended first. */
static int append(int fd, struct str text)
{
    off_t end = lseek(fd, 0, SEEK_END);
    if (end < 0) {
        return -errno;
    }
    if ((uint64_t)end + text.n > MAX_FILE_BYTES) {
        return -ERR_LIMIT;
    }
    char last = '\n';
    int err = end > 0 && pread(fd, &last, 1, end - 1) < 0 ? -errno : 0;
    err = err >= 0 && last != '\n' ? file_write_all(fd, span_of_str(STR("\n"))) : err;
    err = err < 0 ? err : file_write_all(fd, span_of_str(text));
    err = err >= 0 && fsync(fd) < 0 ? -errno : err;
    if (err < 0) {
        ignore_result(ftruncate(fd, end) < 0); /* what is half written is passed over by the reader */
    }
    return err;
}

int spool_put(const char *path, const struct store_op *ops, size_t n)
{
    struct buf text;
    buf_init(&text, MAX_FILE_BYTES);
    for (size_t i = 0; i < n; i++) {
        put_row(&text, &ops[i]);
    }
    int err = text.err;
    int lock = err < 0 ? err : take_lock(path);
    if (lock >= 0) {
        int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
        err = fd < 0 ? -errno : append(fd, buf_str(&text));
        if (fd >= 0) {
            close(fd);
        }
        close(lock);
    }
    buf_done(&text);
    return lock < 0 ? lock : err;
}

/* ---- back into the store ---- */

static int drain_line(struct str line, const struct store_ops *ops, struct store *store, struct spool_report *ret)
{
    struct store_op op;
    struct arena arena;
    arena_init(&arena, MAX_LINE_BYTES);
    int err = read_row(line, &arena, &op);
    if (err >= 0) {
        err = ops->write(store, &op, 1, NULL);
    }
    arena_done(&arena);
    if (store_may_pass(err)) {
        return err;
    }
    ret->written += err >= 0;
    ret->refused += err < 0;
    if (err < 0 && err != -EEXIST) { /* EEXIST: it went in when the file was read before */
        log_warn(NULL, "spool.row-refused", "error=%s bytes=%zu", err_name(err), line.n);
    }
    return 0;
}

static int drain_file(const char *path, const struct store_ops *ops, struct store *store, struct spool_report *ret)
{
    struct span file;
    struct str line;
    int err = mapped_open(path, &file);
    if (err < 0) {
        return err;
    }
    struct str rest = str_of_span(file);
    while (err >= 0 && rest.n > 0 && str_split(&rest, '\n', &line)) {
        err = line.n > 0 ? drain_line(line, ops, store, ret) : 0;
    }
    mapped_close(file);
    return err < 0 || unlink(path) >= 0 ? err : -errno;
}

int spool_drain(const char *path, const struct store_ops *ops, struct store *store, struct spool_report *ret)
{
    *ret = (struct spool_report){0};
    if (access(path, F_OK) < 0) {
        return -errno;
    }
    int lock = take_lock(path);
    if (lock < 0) {
        return lock;
    }
    int err = drain_file(path, ops, store, ret);
    close(lock);
    return err;
}

/* ---- deletion ---- */

static bool is_of_call(struct str line, struct str call_id)
{
    struct json_val doc;
    if (json_parse(line, &doc) < 0) {
        return false;
    }
    int kind = read_shape(doc);
    struct json_val id = kind < 0 ? (struct json_val){0} : json_get(doc, shapes[kind].fields[0].name);
    return id.type == JSON_STRING && str_eq(id.s, call_id);
}

static int copy_others(struct str rest, struct str call_id, const char *to)
{
    struct str line;
    int fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    int err = fd < 0 ? -errno : 0;
    while (err >= 0 && rest.n > 0 && str_split(&rest, '\n', &line)) {
        if (line.n > 0 && !is_of_call(line, call_id)) {
            err = file_write_all(fd, span_of_str(line));
            err = err < 0 ? err : file_write_all(fd, span_of_str(STR("\n")));
        }
    }
    err = err >= 0 && fsync(fd) < 0 ? -errno : err;
    if (fd >= 0) {
        close(fd);
    }
    return err;
}

static int forget(const char *path, struct str call_id)
{
    char fresh[PATH_BYTES];
    struct span file;
    int err = mapped_open(path, &file);
    if (err < 0) {
        return err;
    }
    int n = snprintf(fresh, sizeof(fresh), "%s.new", path);
    err = n < 0 || (size_t)n >= sizeof(fresh) ? -ENAMETOOLONG : copy_others(str_of_span(file), call_id, fresh);
    mapped_close(file);
    return err < 0 || rename(fresh, path) >= 0 ? err : -errno;
}

int spool_forget(const char *path, struct str call_id)
{
    if (access(path, F_OK) < 0) {
        return errno == ENOENT ? 0 : -errno;
    }
    int lock = take_lock(path);
    if (lock < 0) {
        return lock;
    }
    int err = forget(path, call_id);
    close(lock);
    return err == -ENOENT ? 0 : err;
}
