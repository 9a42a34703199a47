#include "gateway/approvals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "net/crypto.h"

/* All texts of an entry behind each other in one block. */
static int copy_texts(struct approval *e)
{
    struct str *texts[] = {&e->call_id, &e->tool_call_id, &e->tool, &e->arguments, &e->agent, &e->caller};
    size_t n = 1;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        n += texts[i]->n;
    }
    e->texts = malloc(n);
    if (!e->texts) {
        return -ENOMEM;
    }
    char *at = e->texts;
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        memcpy(at, texts[i]->p ? texts[i]->p : "", texts[i]->n);
        texts[i]->p = at;
        at += texts[i]->n;
    }
    return 0;
}

static void make_id(char out[APPROVAL_ID_MAX])
{
    uint8_t random[8];
    crypto_random(random, sizeof(random));
    memcpy(out, "apr_", 4);
    crypto_hex(span_from(random, sizeof(random)), out + 4);
}

int approvals_add(struct approvals *a, const struct approval *what, const struct approval **ret)
{
    struct approval *e = malloc(sizeof(*e));
    struct approval **at = &a->first;
    if (!e) {
        return -ENOMEM;
    }
    *e = *what;
    e->next = NULL;
    if (copy_texts(e) < 0) {
        free(e);
        return -ENOMEM;
    }
    make_id(e->id);
    while (*at) {
        at = &(*at)->next;
    }
    *at = e;
    a->n++;
    *ret = e;
    return 0;
}

const struct approval *approvals_find(const struct approvals *a, struct str id)
{
    for (const struct approval *e = a->first; e; e = e->next) {
        if (str_is(id, e->id)) {
            return e;
        }
    }
    return NULL;
}

static bool is_of(const struct approval *e, struct host_id host, struct str tool_call_id)
{
    return e->host.slot == host.slot && e->host.generation == host.generation &&
           (!tool_call_id.p || str_eq(e->tool_call_id, tool_call_id));
}

const struct approval *approvals_of(const struct approvals *a, struct host_id host, struct str tool_call_id)
{
    for (const struct approval *e = a->first; e; e = e->next) {
        if (is_of(e, host, tool_call_id)) {
            return e;
        }
    }
    return NULL;
}

uint32_t approvals_remove(struct approvals *a, struct host_id host, struct str tool_call_id)
{
    uint32_t n = 0;
    for (struct approval **at = &a->first; *at;) {
        struct approval *e = *at;
        if (is_of(e, host, tool_call_id)) {
            *at = e->next;
            a->n--;
            n++;
            free(e->texts);
            free(e);
        } else {
            at = &e->next;
        }
    }
    return n;
}
