/* Address and headers of a session, from the options. */
#include "providers/gemini/gemini_impl.h"
#include "wire/endpoint.h"

#define METHOD "BidiGenerateContent"

/* A path that names the method is somebody's own (a proxy, Vertex) and stays; another one is put in front. */
static void put_path(struct buf *out, struct str path, struct str version)
{
    if (str_search(path, STR(METHOD)) != SIZE_MAX) {
        buf_put_str(out, path);
        return;
    }
    while (path.n > 0 && path.p[path.n - 1] == '/') {
        path.n--;
    }
    buf_put_str(out, path);
    buf_puts(out, "/ws/google.ai.generativelanguage.");
    buf_put_str(out, version.n > 0 ? version : STR("v1beta"));
    buf_puts(out, ".GenerativeService." METHOD);
}

int gemini_put_url(struct buf *out, const struct gemini_opts *opts)
{
    struct endpoint e;
    bool begun = false;
    int err = endpoint_read(opts->url.n > 0 ? opts->url : STR("wss://" GEMINI_DEFAULT_HOST), &e);
    if (err < 0) {
        return err;
    }
    endpoint_put_origin(out, &e);
    put_path(out, e.path, opts->api_version);
    endpoint_put_query(out, &e, &begun);
    for (uint32_t i = 0; i < opts->n_query; i++) {
        endpoint_put_parameter(out, &begun, opts->query[i].name, opts->query[i].value);
    }
    return out->err;
}

int gemini_put_headers(struct buf *out, const struct gemini_opts *opts)
{
    const struct endpoint_headers h = {
        .auth_header = opts->auth_header.n > 0 ? opts->auth_header : STR("x-goog-api-key"),
        .api_key = opts->api_key,
        .headers = opts->headers,
        .n_headers = opts->n_headers,
    };
    return endpoint_put_headers(out, &h);
}
