/*
 * The address of a service that is spoken to over a WebSocket, and the headers that open it: what is configured, read
 * and written again. Pure; the path is the business of whoever knows the service.
 */
#ifndef WIRE_ENDPOINT_H
#define WIRE_ENDPOINT_H

#include "base/buf.h"
#include "base/str.h"

/* Slices of the text that was read. */
struct endpoint {
    bool tls;
    struct str host;  /* with port */
    struct str path;  /* with its slash, may be empty */
    struct str query; /* without '?' */
};

/* ws, wss, http or https; a fragment is dropped. -ERR_CONFIG: another scheme, no host, blanks or control characters. */
MUST_USE int endpoint_read(struct str text, struct endpoint *ret);
/* "wss://host" */
void endpoint_put_origin(struct buf *out, const struct endpoint *e);
/* The query as it was read; *ret_begun: there is one. */
void endpoint_put_query(struct buf *out, const struct endpoint *e, bool *ret_begun);
bool endpoint_has_parameter(const struct endpoint *e, const char *name);
/* One more parameter, escaped; *begun: there is a '?' already. */
void endpoint_put_parameter(struct buf *out, bool *begun, struct str name, struct str value);

struct endpoint_headers {
    struct str auth_header; /* "Authorization": "<scheme> <key>"; any other name: the bare key */
    struct str scheme;      /* of Authorization: "Bearer" when empty */
    struct str api_key;     /* empty: none */
    const struct str_pair *headers;
    uint32_t n_headers; /* one named like auth_header replaces it */
};
/* Lines that each end with \r\n. -ERR_CONFIG: a name or value that cannot stand in a header; the buffer's error. */
MUST_USE int endpoint_put_headers(struct buf *out, const struct endpoint_headers *h);

#endif
