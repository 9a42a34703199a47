/* Address and headers of a session, from the options. */
#include "providers/openai/openai_impl.h"
#include "wire/endpoint.h"

/* The reference's bases end in nothing or in /v1; a longer path is somebody's own and stays. */
static void put_path(struct buf *out, struct str path)
{
    while (path.n > 0 && path.p[path.n - 1] == '/') {
        path.n--;
    }
    if (path.n == 0) {
        buf_puts(out, "/v1/realtime");
        return;
    }
    buf_put_str(out, path);
    if (str_ends(path, STR("/v1"))) {
        buf_puts(out, "/realtime");
    }
}

int openai_put_url(struct buf *out, const struct openai_opts *opts, struct str model)
{
    struct endpoint e;
    bool begun = false;
    int err = endpoint_read(opts->url, &e);
    if (err < 0) {
        return err;
    }
    endpoint_put_origin(out, &e);
    put_path(out, e.path);
    endpoint_put_query(out, &e, &begun);
    if (!opts->no_model_query && model.n > 0 && !endpoint_has_parameter(&e, "model")) {
        endpoint_put_parameter(out, &begun, STR("model"), model);
    }
    for (uint32_t i = 0; i < opts->n_query; i++) {
        endpoint_put_parameter(out, &begun, opts->query[i].name, opts->query[i].value);
    }
    return out->err;
}

int openai_put_headers(struct buf *out, const struct openai_opts *opts)
{
    const struct endpoint_headers h = {
        .auth_header = opts->auth_header.n > 0 ? opts->auth_header : STR("Authorization"),
        .api_key = opts->api_key,
        .headers = opts->headers,
        .n_headers = opts->n_headers,
    };
    return endpoint_put_headers(out, &h);
}
