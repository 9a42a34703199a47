/* Address and headers of a session, from the options. */
#include "providers/gemini/gemini_impl.h"
#include "wire/endpoint.h"

#define METHOD "BidiGenerateContent"
#define TOKEN  "auth_tokens/"

/* Made for a browser by whoever has the key; it opens another method than keys do. */
static bool is_token(const struct gemini_opts *opts)
{
    return str_starts(opts->api_key, STR(TOKEN));
}

static void put_method(struct buf *out, const struct gemini_opts *opts)
{
    struct str version = opts->api_version;
    if (opts->project.n > 0) {
        buf_puts(out, "/ws/google.cloud.aiplatform.");
        buf_put_str(out, version.n > 0 ? version : STR("v1beta1"));
        buf_puts(out, ".LlmBidiService/" METHOD);
        return;
    }
    buf_puts(out, "/ws/google.ai.generativelanguage.");
    buf_put_str(out, version.n > 0 ? version : STR("v1beta"));
    buf_puts(out, ".GenerativeService." METHOD);
    buf_puts(out, is_token(opts) ? "Constrained" : "");
}

/* A path that names the method is somebody's own (a proxy, Vertex) and stays; another one is put in front. */
static void put_path(struct buf *out, struct str path, const struct gemini_opts *opts)
{
    if (str_search(path, STR(METHOD)) != SIZE_MAX) {
        buf_put_str(out, path);
        return;
    }
    while (path.n > 0 && path.p[path.n - 1] == '/') {
        path.n--;
    }
    buf_put_str(out, path);
    put_method(out, opts);
}

/* "us-central1-aiplatform.googleapis.com"; what is global has no place in its name. */
static void put_default(struct buf *out, const struct gemini_opts *opts)
{
    if (opts->project.n == 0) {
        buf_puts(out, "wss://" GEMINI_DEFAULT_HOST);
        return;
    }
    struct str location = gemini_location(opts);
    bool global = str_is(location, "global");
    buf_puts(out, "wss://");
    buf_put_str(out, global ? STR("") : location);
    buf_puts(out, global ? "aiplatform.googleapis.com" : "-aiplatform.googleapis.com");
}

struct str gemini_location(const struct gemini_opts *opts)
{
    return opts->location.n > 0 ? opts->location : STR(GEMINI_DEFAULT_LOCATION);
}

int gemini_put_model(struct buf *out, const struct gemini_opts *opts)
{
    struct str model = opts->model.n > 0 ? opts->model : STR(GEMINI_DEFAULT_MODEL);
    if (opts->project.n > 0 && str_find(model, '/') == model.n) {
        struct str location = gemini_location(opts);
        buf_printf(out, "projects/" STR_FMT "/locations/" STR_FMT "/publishers/google/models/", STR_ARG(opts->project),
                   STR_ARG(location));
    }
    buf_put_str(out, model);
    return out->err;
}

int gemini_put_url(struct buf *out, const struct gemini_opts *opts)
{
    struct endpoint e;
    bool begun = false;
    struct buf own;
    buf_init(&own, 512);
    if (opts->url.n == 0) {
        put_default(&own, opts);
    }
    int err = own.err < 0 ? -ERR_CONFIG : endpoint_read(opts->url.n > 0 ? opts->url : buf_str(&own), &e);
    if (err < 0) {
        buf_done(&own);
        return err;
    }
    endpoint_put_origin(out, &e);
    put_path(out, e.path, opts);
    endpoint_put_query(out, &e, &begun);
    for (uint32_t i = 0; i < opts->n_query; i++) {
        endpoint_put_parameter(out, &begun, opts->query[i].name, opts->query[i].value);
    }
    buf_done(&own);
    return out->err;
}

int gemini_put_headers(struct buf *out, const struct gemini_opts *opts)
{
    const struct endpoint_headers h = {
        .auth_header = is_token(opts)            ? STR("Authorization")
                       : opts->auth_header.n > 0 ? opts->auth_header
                       : opts->project.n > 0     ? STR("Authorization")
                                                 : STR("x-goog-api-key"),
        .scheme = is_token(opts) ? STR("Token") : STR("Bearer"),
        .api_key = opts->api_key,
        .headers = opts->headers,
        .n_headers = opts->n_headers,
    };
    return endpoint_put_headers(out, &h);
}
