#include "wire/plivo_sig.h"

#define QUERY_MAX_BYTES (64u << 10)

static void put_query(struct buf *out, struct form *query)
{
    form_sort(query);
    for (size_t i = 0; i < query->n; i++) {
        if (i > 0) {
            buf_putc(out, '&');
        }
        buf_put_str(out, query->pairs[i].name);
        buf_putc(out, '=');
        buf_put_str(out, query->pairs[i].value);
    }
}

static void put_form(struct buf *out, struct form *params)
{
    form_sort(params);
    for (size_t i = 0; i < params->n; i++) {
        buf_put_str(out, params->pairs[i].name);
        buf_put_str(out, params->pairs[i].value);
    }
}

static void put_all(struct buf *out, struct form *query, struct form *params)
{
    bool form = params && params->n > 0;
    if (query->n > 0 || form) {
        buf_putc(out, '?'); /* also in front of a form without a query */
    }
    put_query(out, query);
    if (form && query->n > 0) {
        buf_putc(out, '.');
    }
    if (form) {
        put_form(out, params);
    }
}

int plivo_sign_base(struct buf *out, struct str url, struct form *params, struct str nonce)
{
    struct form query;
    size_t mark = str_find(url, '?');
    form_init(&query, QUERY_MAX_BYTES);
    int err = mark < url.n ? form_decode(&query, (struct str){url.p + mark + 1, url.n - mark - 1}) : 0;
    if (err >= 0) {
        buf_put(out, url.p, mark);
        put_all(out, &query, params);
        buf_putc(out, '.');
        buf_put_str(out, nonce);
        err = out->err;
    }
    form_done(&query);
    return err;
}

int plivo_sign_base_v2(struct buf *out, struct str url, struct str nonce)
{
    buf_put(out, url.p, str_find(url, '?'));
    buf_put_str(out, nonce);
    return out->err;
}

bool plivo_next_signature(struct str *list, struct str *ret)
{
    while (list->n > 0) {
        size_t end = str_find(*list, ',');
        *ret = str_trim((struct str){list->p, end});
        end = MIN(end + 1, list->n);
        *list = (struct str){list->p + end, list->n - end};
        if (ret->n > 0) {
            return true;
        }
    }
    return false;
}
