#include "gateway/admission.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "net/crypto.h"

#define TOKEN_BYTES 24

struct number_count {
    char *number;
    uint32_t calls;
};

struct token {
    char text[ADMISSION_TOKEN_MAX];
    uint8_t bound_to[32]; /* digest of the carrier's call id: one length for all */
    struct host_id id;
    uint64_t expires_us;
};

struct admission {
    pthread_mutex_t lock;
    struct admission_limits limits;
    bool draining;
    uint32_t calls;
    struct number_count *numbers; /* only those with calls; few, so a walk is quicker than a table */
    size_t n_numbers, cap_numbers;
    struct token *tokens;
    size_t n_tokens, cap_tokens;
};

static const char *const cause_words[ADMISSION_CAUSE_N] = {
#define X(name, word) word,
    ADMISSION_CAUSE_LIST(X)
#undef X
};

const char *admission_cause_word(enum admission_cause cause)
{
    return (unsigned)cause < ADMISSION_CAUSE_N ? cause_words[cause] : "other";
}

int admission_new(const struct admission_limits *limits, struct admission **ret)
{
    struct admission *a = calloc(1, sizeof(*a));
    if (!a) {
        return -ENOMEM;
    }
    pthread_mutex_init(&a->lock, NULL);
    a->limits = *limits;
    *ret = a;
    return 0;
}

struct admission *admission_free(struct admission *a)
{
    if (a) {
        for (size_t i = 0; i < a->n_numbers; i++) {
            free(a->numbers[i].number);
        }
        free(a->numbers);
        free(a->tokens);
        pthread_mutex_destroy(&a->lock);
        free(a);
    }
    return NULL;
}

void admission_set_limits(struct admission *a, const struct admission_limits *limits)
{
    pthread_mutex_lock(&a->lock);
    a->limits = *limits;
    pthread_mutex_unlock(&a->lock);
}

void admission_drain(struct admission *a)
{
    pthread_mutex_lock(&a->lock);
    a->draining = true;
    pthread_mutex_unlock(&a->lock);
}

static struct number_count *find_number(struct admission *a, struct str number)
{
    for (size_t i = 0; i < a->n_numbers; i++) {
        if (str_is(number, a->numbers[i].number)) {
            return &a->numbers[i];
        }
    }
    return NULL;
}

static int count_number(struct admission *a, struct str number)
{
    struct number_count *known = find_number(a, number);
    if (known) {
        known->calls++;
        return 0;
    }
    if (a->n_numbers == a->cap_numbers) {
        size_t cap = MAX(a->cap_numbers * 2, 16u);
        struct number_count *grown = reallocarray(a->numbers, cap, sizeof(*grown));
        if (!grown) {
            return -ENOMEM;
        }
        a->numbers = grown;
        a->cap_numbers = cap;
    }
    char *copy = str_dup(number);
    if (!copy) {
        return -ENOMEM;
    }
    a->numbers[a->n_numbers++] = (struct number_count){copy, 1};
    return 0;
}

static bool check_open(const struct admission *a, enum admission_cause *ret_cause)
{
    if (a->draining) {
        *ret_cause = ADMISSION_DRAINING;
        return false;
    }
    if (a->calls >= a->limits.max_calls) {
        *ret_cause = ADMISSION_MAX_CALLS;
        return false;
    }
    return true;
}

static int enter_locked(struct admission *a, struct str number, enum admission_cause *ret_cause)
{
    if (!check_open(a, ret_cause)) {
        return -ERR_LIMIT;
    }
    if (number.n > 0) {
        const struct number_count *known = find_number(a, number);
        if (a->limits.max_calls_per_number && known && known->calls >= a->limits.max_calls_per_number) {
            *ret_cause = ADMISSION_PER_NUMBER;
            return -ERR_LIMIT;
        }
        int err = count_number(a, number);
        if (err < 0) {
            *ret_cause = ADMISSION_OTHER;
            return err;
        }
    }
    a->calls++;
    return 0;
}

int admission_enter(struct admission *a, struct str number, enum admission_cause *ret_cause)
{
    pthread_mutex_lock(&a->lock);
    int err = enter_locked(a, number, ret_cause);
    pthread_mutex_unlock(&a->lock);
    return err;
}

void admission_leave(struct admission *a, struct str number)
{
    pthread_mutex_lock(&a->lock);
    assert(a->calls > 0);
    a->calls--;
    struct number_count *known = number.n > 0 ? find_number(a, number) : NULL;
    if (known && --known->calls == 0) {
        free(known->number);
        *known = a->numbers[--a->n_numbers];
    }
    pthread_mutex_unlock(&a->lock);
}

bool admission_open(struct admission *a, enum admission_cause *ret_cause)
{
    pthread_mutex_lock(&a->lock);
    bool open = check_open(a, ret_cause);
    pthread_mutex_unlock(&a->lock);
    return open;
}

uint32_t admission_calls(struct admission *a)
{
    pthread_mutex_lock(&a->lock);
    uint32_t calls = a->calls;
    pthread_mutex_unlock(&a->lock);
    return calls;
}

/* ---- tokens ---- */

static bool same_id(struct host_id a, struct host_id b)
{
    return a.slot == b.slot && a.generation == b.generation;
}

static struct token *token_of(struct admission *a, struct host_id id)
{
    for (size_t i = 0; i < a->n_tokens; i++) {
        if (same_id(a->tokens[i].id, id)) {
            return &a->tokens[i];
        }
    }
    return NULL;
}

static void drop_token(struct admission *a, struct host_id id)
{
    struct token *t = token_of(a, id);
    if (t) {
        *t = a->tokens[--a->n_tokens];
    }
}

static struct token *add_token(struct admission *a)
{
    if (a->n_tokens == a->cap_tokens) {
        size_t cap = MAX(a->cap_tokens * 2, 16u);
        struct token *grown = reallocarray(a->tokens, cap, sizeof(*grown));
        if (!grown) {
            return NULL;
        }
        a->tokens = grown;
        a->cap_tokens = cap;
    }
    return &a->tokens[a->n_tokens++];
}

int admission_token_new(struct admission *a, struct str carrier_call_id, struct host_id id, uint64_t expires_us,
                        char ret[ADMISSION_TOKEN_MAX])
{
    uint8_t random[TOKEN_BYTES];
    uint8_t bound_to[32];
    crypto_random(random, sizeof(random));
    crypto_sha256(span_of_str(carrier_call_id), bound_to);
    pthread_mutex_lock(&a->lock);
    struct token *t = token_of(a, id);
    if (t && !crypto_equal(span_from(bound_to, sizeof(bound_to)), span_from(t->bound_to, sizeof(t->bound_to)))) {
        drop_token(a, id);
        t = NULL;
    }
    if (!t && (t = add_token(a)) != NULL) {
        t->id = id;
        crypto_base64url(span_from(random, sizeof(random)), t->text);
        memcpy(t->bound_to, bound_to, sizeof(bound_to));
    }
    if (t) {
        t->expires_us = expires_us;
        memcpy(ret, t->text, sizeof(t->text));
    }
    pthread_mutex_unlock(&a->lock);
    return t ? 0 : -ENOMEM;
}

/* Every token is looked at, so that neither the answer nor its time tells how close a guess was. */
static size_t find_token(const struct admission *a, struct str text, const uint8_t bound_to[32])
{
    size_t found = SIZE_MAX;
    for (size_t i = 0; i < a->n_tokens; i++) {
        const struct token *t = &a->tokens[i];
        bool same_text = crypto_equal(span_of_str(text), span_of_str(str_from(t->text)));
        bool same_call = crypto_equal(span_from(bound_to, 32), span_from(t->bound_to, 32));
        if (same_text & same_call) {
            found = i;
        }
    }
    return found;
}

int admission_token_use(struct admission *a, struct str token, struct str carrier_call_id, uint64_t now_us,
                        struct host_id *ret)
{
    uint8_t bound_to[32];
    crypto_sha256(span_of_str(carrier_call_id), bound_to);
    int err = -ERR_AUTH;
    pthread_mutex_lock(&a->lock);
    size_t i = find_token(a, token, bound_to);
    if (i != SIZE_MAX) {
        struct token t = a->tokens[i];
        a->tokens[i] = a->tokens[--a->n_tokens];
        if (now_us < t.expires_us) {
            *ret = t.id;
            err = 0;
        }
    }
    pthread_mutex_unlock(&a->lock);
    return err;
}

void admission_token_drop(struct admission *a, struct host_id id)
{
    pthread_mutex_lock(&a->lock);
    drop_token(a, id);
    pthread_mutex_unlock(&a->lock);
}
