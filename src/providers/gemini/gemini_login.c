#include "providers/gemini/gemini_login.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "providers/gemini/gemini_grant.h"

#define METADATA_URL  "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
#define METADATA_HOST "169.254.169.254:80" /* by number: neither a name service nor a proxy stands in between */
#define EARLY_S       225                  /* the metadata server has a fresh one no sooner */
#define SPENT_S       10                   /* a token that lasts no longer is not used: a session must open with it */
#define NEW_S         30
#define DEADLINE_MS   10000
#define PAUSE_MS      1000
#define PAUSE_MAX_MS  60000
#define FILE_MAX      (64u << 10)
#define TEXT_MAX      4096
#define TOKEN_MAX     (32u << 10)

struct gemini_login {
    struct gemini_login_opts o;
    struct arena arena; /* of o's texts */
    struct timer *timer;
    struct buf token;
    uint64_t since_us, until_us; /* of the token */
    uint64_t again_us;
    struct gemini_grant grant; /* the job's while it runs */
    struct buf asked_wrong;    /* likewise: why there is no request */
    uint64_t request;
    bool owed; /* the job or the request will call back */
    bool closed, tried;
    uint32_t fails;
    int err;
    char account[256];
    struct buf problem;
    const char *advice;
};

static void destroy(struct gemini_login *l)
{
    timer_free(l->timer);
    gemini_grant_done(&l->grant);
    buf_done(&l->asked_wrong);
    buf_done(&l->problem);
    if (l->token.data) {
        explicit_bzero(l->token.data, l->token.cap);
    }
    buf_done(&l->token);
    arena_done(&l->arena);
    free(l);
}

static uint64_t now_us(const struct gemini_login *l)
{
    return loop_now_us(l->o.loop);
}

/* ---- an attempt ends ---- */

static void wait_ms(struct gemini_login *l, uint64_t ms)
{
    l->again_us = now_us(l) + ms * 1000;
    timer_start(l->timer, ms * 1000, 0);
}

static void tried(struct gemini_login *l, int err)
{
    l->tried = true;
    l->err = err;
    if (l->o.on_tried) {
        l->o.on_tried(l, l->o.arg); /* l may be gone */
    }
}

/* problem holds the sentence. */
static void fail(struct gemini_login *l, int err, const char *advice, uint32_t retry_after_s)
{
    uint64_t pause = l->o.pause_ms;
    for (uint32_t i = 0; i < l->fails && pause < PAUSE_MAX_MS; i++) {
        pause *= 2;
    }
    l->fails++;
    l->advice = advice;
    wait_ms(l, MIN(MAX(pause, (uint64_t)retry_after_s * 1000), (uint64_t)PAUSE_MAX_MS));
    tried(l, err);
}

static void take(struct gemini_login *l, struct span body)
{
    uint32_t lasts_s = 0;
    struct buf token;
    buf_init(&token, TOKEN_MAX);
    int err = gemini_grant_answer(str_of_span(body), &token, &lasts_s);
    buf_clear(&l->problem);
    if (err < 0) {
        buf_done(&token);
        buf_puts(&l->problem, "the answer holds no access token");
        fail(l, err, "set token_url to the address of a token server", 0);
        return;
    }
    buf_done(&l->token);
    l->token = token;
    l->since_us = now_us(l);
    l->until_us = l->since_us + (uint64_t)lasts_s * 1000000;
    l->fails = 0;
    l->advice = "";
    wait_ms(l, lasts_s > 2 * EARLY_S ? (uint64_t)(lasts_s - EARLY_S) * 1000 : MAX(lasts_s * 500ull, 1000ull));
    tried(l, 0);
}

static const char *advice_for(const struct gemini_login *l, int status, struct str said)
{
    if (l->o.key_file.n == 0) {
        return status == 404 ? "attach a service account with the role Vertex AI User to this machine"
                             : "login: metadata is for machines of Google Cloud; elsewhere give credentials_file";
    }
    if (str_starts(said, STR("invalid_grant"))) {
        return "the key was deleted, or this machine's clock is wrong (timedatectl): set it, or make a new key";
    }
    return "give credentials_file a key of a service account that is enabled and has the role Vertex AI User";
}

static void refuse(struct gemini_login *l, const struct http_reply *reply)
{
    bool theirs = reply->status >= 500 || reply->status == 429 || reply->status == 408;
    struct buf said;
    buf_init(&said, TEXT_MAX);
    gemini_grant_refusal(str_of_span(reply->body), &said);
    buf_printf(&l->problem, "the token server answered with HTTP status %d", reply->status);
    if (said.len > 0) {
        buf_printf(&l->problem, ": " STR_FMT, STR_ARG(buf_str(&said)));
    }
    const char *advice =
        theirs ? "the token server's side: it is asked again by itself" : advice_for(l, reply->status, buf_str(&said));
    buf_done(&said);
    fail(l, theirs ? -ERR_HTTP : -ERR_AUTH, advice, reply->retry_after_s);
}

static void on_reply(const struct http_reply *reply, void *arg)
{
    struct gemini_login *l = arg;
    l->owed = false;
    l->request = 0;
    if (l->closed) {
        destroy(l);
        return;
    }
    buf_clear(&l->problem);
    if (reply->err < 0) {
        buf_printf(&l->problem, "the token server cannot be asked: %s",
                   reply->detail ? reply->detail : err_text(reply->err));
        fail(l, reply->err,
             l->o.key_file.n == 0 ? advice_for(l, 0, STR(""))
                                  : "look whether a firewall or proxy lets this machine connect to the token server",
             0);
    } else if (reply->status != 200) {
        refuse(l, reply);
    } else {
        take(l, reply->body);
    }
}

/* ---- an attempt begins ---- */

static void send_request(struct gemini_login *l)
{
    bool metadata = l->o.key_file.n == 0;
    struct http_call_opts o = {
        .method = metadata ? "GET" : "POST",
        .url = buf_str(&l->grant.url),
        .headers =
            metadata ? STR("Metadata-Flavor: Google\r\n") : STR("Content-Type: application/x-www-form-urlencoded\r\n"),
        .body = buf_span(&l->grant.body),
        .ca_file = l->o.ca_file.n > 0 ? l->o.ca_file.p : NULL,
        .connect_to = metadata && l->o.url.n == 0 ? METADATA_HOST : NULL,
        .deadline_ms = l->o.deadline_ms,
    };
    int err = http_call(l->o.http, &o, on_reply, l, &l->request);
    l->owed = err >= 0;
    if (err < 0) {
        on_reply(&(struct http_reply){.err = err}, l);
    }
}

static int read_file(const char *path, struct buf *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe without a writer must not hold us */
    ssize_t n = 0;
    if (fd < 0) {
        return -errno;
    }
    do {
        uint8_t *room = buf_room(out, 4096);
        n = room ? read(fd, room, 4096) : -1;
        buf_added(out, n > 0 ? (size_t)n : 0);
    } while (n > 0);
    int err = out->err < 0 ? out->err : n < 0 ? -errno : 0;
    close(fd);
    return err;
}

static int on_work(void *arg)
{
    struct gemini_login *l = arg;
    struct buf file;
    buf_init(&file, FILE_MAX);
    buf_clear(&l->asked_wrong);
    int err = read_file(l->o.key_file.p, &file);
    if (err < 0) {
        buf_printf(&l->asked_wrong, "the key file %s cannot be read: %s", l->o.key_file.p, err_text(err));
        err = err == -ENOMEM ? err : -ERR_CONFIG;
    } else {
        err = gemini_grant_make(&l->grant, buf_str(&file), l->o.url, clock_wall_us() / 1000000, &l->asked_wrong);
    }
    if (file.data) {
        explicit_bzero(file.data, file.cap);
    }
    buf_done(&file);
    return err;
}

static void on_worked(int err, void *arg)
{
    struct gemini_login *l = arg;
    l->owed = false;
    if (l->closed) {
        destroy(l);
        return;
    }
    ignore_result(str_copy(l->account, sizeof(l->account), str_from(l->grant.account))); /* of the same size */
    if (err < 0) {
        buf_clear(&l->problem);
        buf_put_str(&l->problem, l->asked_wrong.len > 0 ? buf_str(&l->asked_wrong) : str_from(err_text(err)));
        fail(l, err,
             "give credentials_file the JSON key of a service account, whole and readable for the user who serves", 0);
        return;
    }
    send_request(l);
}

static void ask(void *arg)
{
    struct gemini_login *l = arg;
    if (l->o.key_file.n == 0) {
        buf_clear(&l->grant.url);
        buf_put_str(&l->grant.url, l->o.url.n > 0 ? l->o.url : STR(METADATA_URL));
        send_request(l);
        return;
    }
    int err = job_run(l->o.loop, on_work, on_worked, l);
    l->owed = err >= 0;
    if (err < 0) {
        on_worked(err, l);
    }
}

/* ---- outside ---- */

int gemini_login_open(const struct gemini_login_opts *opts, struct gemini_login **ret)
{
    struct gemini_login *l = calloc(1, sizeof(*l));
    if (!l) {
        return -ENOMEM;
    }
    arena_init(&l->arena, 64u << 10);
    l->o = *opts;
    l->o.key_file = arena_str(&l->arena, opts->key_file);
    l->o.url = arena_str(&l->arena, opts->url);
    l->o.ca_file = arena_str(&l->arena, opts->ca_file);
    l->o.deadline_ms = opts->deadline_ms ? opts->deadline_ms : DEADLINE_MS;
    l->o.pause_ms = opts->pause_ms ? opts->pause_ms : PAUSE_MS;
    l->advice = "";
    gemini_grant_init(&l->grant);
    buf_init(&l->asked_wrong, TEXT_MAX);
    buf_init(&l->problem, TEXT_MAX);
    buf_init(&l->token, TOKEN_MAX);
    int err = l->o.key_file.p && l->o.url.p && l->o.ca_file.p ? 0 : -ENOMEM;
    err = err < 0 ? err : timer_new(opts->loop, ask, l, &l->timer);
    if (err < 0) {
        destroy(l);
        return err;
    }
    timer_start(l->timer, 0, 0);
    *ret = l;
    return 0;
}

struct gemini_login *gemini_login_close(struct gemini_login *l)
{
    if (!l) {
        return NULL;
    }
    l->closed = true;
    l->timer = timer_free(l->timer);
    if (!l->owed) {
        destroy(l);
    } else if (l->request != 0) {
        http_cancel(l->o.http, l->request); /* its last word comes later, like that of a job */
    }
    return NULL;
}

void gemini_login_state(const struct gemini_login *l, struct gemini_login_state *ret)
{
    uint64_t now = now_us(l);
    bool counts = l->token.len > 0 && l->until_us > now + (uint64_t)SPENT_S * 1000000;
    *ret = (struct gemini_login_state){
        .token = counts ? buf_str(&l->token) : STR(""),
        .lasts_s = counts ? (uint32_t)((l->until_us - now) / 1000000) : 0,
        .tried = l->tried,
        .err = l->err,
        .account = str_from(l->account),
        .problem = l->err < 0 ? buf_str(&l->problem) : STR(""),
        .advice = l->advice,
        .retry_ms = l->again_us > now ? (uint32_t)((l->again_us - now) / 1000) : 0,
    };
}

void gemini_login_refused(struct gemini_login *l)
{
    bool is_new = l->token.len > 0 && now_us(l) - l->since_us < (uint64_t)NEW_S * 1000000;
    if (!l->owed && l->err >= 0 && !is_new) {
        timer_start(l->timer, 0, 0);
    }
}
