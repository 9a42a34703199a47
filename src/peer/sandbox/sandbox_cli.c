#include "peer/sandbox/sandbox_cli.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "peer/sandbox/sandbox_server.h"
#include "peer/sandbox/sandbox_speak.h"
#include "peer/speech/speech_asr.h"
#include "peer/speech/speech_tts.h"

#define DIALOGUE_MAX_BYTES (1u << 20)
#define STOP_AFTER_US      300000 /* for the closing handshakes */

struct cli {
    struct sandbox_server_opts server;
    char host[128];
    const char *dialogue_file;
    const char *tls_cert, *tls_key;
    bool canned, die_with_parent;
    struct loop *loop;
    struct timer *stop_timer;
    struct sandbox_server *running;
    struct dialogue *dialogue;
    struct buf err;
};

enum option_id {
    OPT_LISTEN = 256,
    OPT_TLS_CERT,
    OPT_TLS_KEY,
    OPT_DIALOGUE,
    OPT_PRINT_DIALOGUE,
    OPT_SPEAK,
    OPT_SPEED,
    OPT_FIRST_BYTE,
    OPT_SESSION,
    OPT_LOG_LEVEL,
    OPT_KEY,
    OPT_FAULTS,
    OPT_CANNED,
    OPT_PROFILE,
    OPT_ANSWER,
    OPT_KEEP,
    OPT_DECODERS,
    OPT_MARGIN,
    OPT_MODEL_DIR,
    OPT_SEED,
    OPT_PARENT,
    OPT_VERSION,
    OPT_HELP,
};

static const struct option options[] = {
    {"listen", required_argument, NULL, OPT_LISTEN},
    {"tls-cert", required_argument, NULL, OPT_TLS_CERT},
    {"tls-key", required_argument, NULL, OPT_TLS_KEY},
    {"dialogue", required_argument, NULL, OPT_DIALOGUE},
    {"print-dialogue", no_argument, NULL, OPT_PRINT_DIALOGUE},
    {"speak", required_argument, NULL, OPT_SPEAK},
    {"speed", required_argument, NULL, OPT_SPEED},
    {"first-byte", required_argument, NULL, OPT_FIRST_BYTE},
    {"session", required_argument, NULL, OPT_SESSION},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"key", required_argument, NULL, OPT_KEY},
    {"faults", required_argument, NULL, OPT_FAULTS},
    {"canned", no_argument, NULL, OPT_CANNED},
    {"canned-profile", required_argument, NULL, OPT_PROFILE},
    {"canned-answer-s", required_argument, NULL, OPT_ANSWER},
    {"keep-sessions", required_argument, NULL, OPT_KEEP},
    {"decoders", required_argument, NULL, OPT_DECODERS},
    {"reject-margin", required_argument, NULL, OPT_MARGIN},
    {"speech-models", required_argument, NULL, OPT_MODEL_DIR},
    {"seed", required_argument, NULL, OPT_SEED},
    {"die-with-parent", no_argument, NULL, OPT_PARENT},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

static const char help_head[] =
    "usage: ringtrip-sandbox [options]\n"
    "\n"
    "A local server that speaks the OpenAI Realtime protocol, and Gemini Live at its paths. It hears, follows a small\n"
    "dialogue, calls tools and answers aloud, without any network or key. For demonstrations, tests and load runs;\n"
    "not a model.\n"
    "\n"
    "  --listen HOST:PORT         where to listen (127.0.0.1:8765; port 0 takes a free one). The first line on\n"
    "                             stdout says where: listening on ws://HOST:PORT/v1/realtime\n"
    "  --tls-cert F --tls-key F   serve wss with this certificate and key (PEM)\n"
    "  --key KEY                  accept only this API key (default: any, or none)\n"
    "  --dialogue FILE            what it says and understands (YAML; default: built in, see --print-dialogue)\n"
    "  --print-dialogue           print the built-in dialogue and exit\n"
    "  --speak TEXT               write TEXT, spoken, to stdout as a WAV file and exit\n"
    "  --speed N                  audio is sent N times faster than real time (4)\n"
    "  --first-byte MS            thinking time before each answer (0)\n"
    "  --session S                seconds until a session expires (3600)\n"
    "  --decoders N               recognisers that work at the same time (1)\n"
    "  --reject-margin N          how much worse than free sounds a sentence may fit (1500; less is stricter)\n"
    "  --speech-models DIR        pocketsphinx models, when they are not where it was built for\n"
    "  --canned                   no recogniser: any sound of 300 ms and more is taken for the next sentence of the\n"
    "                             dialogue's script, and so is whatever the client commits by itself\n"
    "  --canned-answer-s N        spoken answers last N seconds and more, to be interrupted (implies --canned)\n"
    "  --canned-profile P         dialogue, or continuous: the model talks all the time with a barge-in every 10 s,\n"
    "                             for load runs (implies --canned)\n"
    "  --keep-sessions N          of so many sessions that have ended /sandbox/sessions still knows (256)\n"
    "  --faults LIST              misbehave in every session: names below, joined by commas. One connection alone is\n"
    "                             made to misbehave by ?fault=LIST in its URL\n"
    "  --seed N                   fixed ids, for tests (default: random)\n"
    "  --log-level LEVEL          error, warn, info or debug (warn)\n"
    "  --die-with-parent          exit when stdin closes\n"
    "  --version, --help\n"
    "\n"
    "faults:\n";

static void print_help(void)
{
    struct buf text;
    buf_init(&text, 64u << 10);
    buf_puts(&text, help_head);
    faults_describe(&text);
    fwrite(buf_ptr(&text), 1, text.len, stdout);
    buf_done(&text);
}

static void log_line(enum log_level level, const struct log_scope *scope, const char *event, const char *fields,
                     void *arg)
{
    fprintf(stderr, "%s %s %s\n", log_level_name(level), event, fields);
}

static int PRINTF_LIKE(1, 2) usage_error(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fprintf(stderr, "ringtrip-sandbox: ");
    vfprintf(stderr, fmt, args);
    fprintf(stderr, "\nTry ringtrip-sandbox --help.\n");
    va_end(args);
    return 2;
}

/* ---- options ---- */

/* "127.0.0.1:8765", "[::1]:0", ":8765" */
static int read_listen(struct cli *cli, const char *text)
{
    struct str s = str_from(text);
    size_t colon = s.n;
    while (colon > 0 && s.p[colon - 1] != ':') {
        colon--;
    }
    int64_t port = 0;
    struct str host = {s.p, colon > 0 ? colon - 1 : 0};
    if (colon == 0 || str_to_i64((struct str){s.p + colon, s.n - colon}, &port) < 0 || port < 0 || port > 65535) {
        return -EINVAL;
    }
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
        host = (struct str){host.p + 1, host.n - 2};
    }
    cli->server.port = (uint16_t)port;
    return str_copy(cli->host, sizeof(cli->host), host.n ? host : STR("127.0.0.1"));
}

static int read_number(const char *text, int64_t low, int64_t high, int64_t *ret)
{
    int64_t v = 0;
    if (str_to_i64(str_from(text), &v) < 0 || v < low || v > high) {
        return -EINVAL;
    }
    *ret = v;
    return 0;
}

static int read_count(const char *text, int64_t low, int64_t high, uint32_t *ret)
{
    int64_t v = 0;
    int err = read_number(text, low, high, &v);
    if (err >= 0) {
        *ret = (uint32_t)v;
    }
    return err;
}

static int read_profile(struct cli *cli, const char *text)
{
    bool continuous = strcmp(text, "continuous") == 0;
    cli->canned = true;
    cli->server.profile = continuous ? SANDBOX_CONTINUOUS : SANDBOX_DIALOGUE;
    return continuous || strcmp(text, "dialogue") == 0 ? 0 : -EINVAL;
}

static int read_speed(struct cli *cli, const char *text)
{
    double v = 0;
    if (str_to_f64(str_from(text), &v) < 0 || !(v >= 0.1 && v <= 1000.0)) {
        return -EINVAL;
    }
    cli->server.speed = v;
    return 0;
}

static int read_log_level(const char *text)
{
    enum log_level level;
    int err = log_level_parse(str_from(text), &level);
    if (err >= 0) {
        log_set_level(level);
    }
    return err;
}

static int read_seed(struct cli *cli, const char *text)
{
    int64_t v = 0;
    int err = read_number(text, 1, INT64_MAX, &v);
    cli->server.seed = (uint64_t)v;
    return err;
}

static int read_margin(struct cli *cli, const char *text)
{
    int64_t v = 0;
    int err = read_number(text, 1, 1000000, &v);
    cli->server.max_margin = (int32_t)v;
    return err;
}

static int read_option(struct cli *cli, int id, const char *value)
{
    switch ((enum option_id)id) {
    case OPT_LISTEN:
        return read_listen(cli, value);
    case OPT_TLS_CERT:
        cli->tls_cert = value;
        return 0;
    case OPT_TLS_KEY:
        cli->tls_key = value;
        return 0;
    case OPT_DIALOGUE:
        cli->dialogue_file = value;
        return 0;
    case OPT_SPEED:
        return read_speed(cli, value);
    case OPT_FIRST_BYTE:
        return read_count(value, 0, 600000, &cli->server.first_byte_ms);
    case OPT_SESSION:
        return read_count(value, 1, 86400, &cli->server.session_s);
    case OPT_LOG_LEVEL:
        return read_log_level(value);
    case OPT_KEY:
        cli->server.key = str_from(value);
        return 0;
    case OPT_FAULTS:
        return faults_parse(&cli->server.faults, str_from(value), &cli->err);
    case OPT_CANNED:
        cli->canned = true;
        return 0;
    case OPT_PROFILE:
        return read_profile(cli, value);
    case OPT_ANSWER:
        cli->canned = true;
        return read_count(value, 1, 120, &cli->server.answer_s);
    case OPT_KEEP:
        return read_count(value, 1, 10000, &cli->server.keep_sessions);
    case OPT_DECODERS:
        return read_count(value, 1, 16, &cli->server.decoders);
    case OPT_MARGIN:
        return read_margin(cli, value);
    case OPT_MODEL_DIR:
        cli->server.model_dir = value;
        return 0;
    case OPT_SEED:
        return read_seed(cli, value);
    case OPT_PARENT:
        cli->die_with_parent = true;
        return 0;
    case OPT_PRINT_DIALOGUE:
    case OPT_SPEAK:
    case OPT_VERSION:
    case OPT_HELP:
        break;
    }
    return -EINVAL;
}

/* What only prints. True: done. */
static bool print_only(int id)
{
    if (id == OPT_HELP) {
        print_help();
    } else if (id == OPT_VERSION) {
        printf("ringtrip-sandbox %s (%s, %s)\n", RINGTRIP_VERSION, asr_available() ? "hears" : "cannot hear",
               tts_available() ? "speaks" : "cannot speak");
    } else if (id == OPT_PRINT_DIALOGUE) {
        struct str yaml = dialogue_builtin_yaml();
        fwrite(yaml.p, 1, yaml.n, stdout);
    } else {
        return false;
    }
    return true;
}

static int speak(const char *text)
{
    if (isatty(STDOUT_FILENO)) {
        return usage_error("--speak writes a WAV file: send it to one, with > message.wav");
    }
    int err = sandbox_speak(str_from(text), stdout);
    if (err == -ERR_MISSING) {
        return usage_error("--speak \"%.100s\" has no words", text);
    }
    if (err == -ERR_TOO_BIG) {
        return usage_error("--speak takes a text of %d bytes at most", TTS_TEXT_MAX_BYTES);
    }
    if (err < 0) {
        fprintf(stderr, "ringtrip-sandbox: --speak: %s\n", err == -ENOTSUP ? "built without flite" : err_text(err));
    }
    return err < 0;
}

/* -1: go on; else the exit status. */
static int read_options(struct cli *cli, int argc, char **argv)
{
    int id, index = 0;
    opterr = 0;
    while ((id = getopt_long(argc, argv, "", options, &index)) != -1) {
        if (id == '?' || id == ':') {
            return usage_error("unknown option or missing value: %s", argv[optind - 1]);
        }
        if (print_only(id)) {
            return 0;
        }
        if (id == OPT_SPEAK) {
            return speak(optarg);
        }
        if (read_option(cli, id, optarg) < 0) {
            if (cli->err.len > 0) {
                return usage_error("%s", buf_cstr(&cli->err));
            }
            return usage_error("wrong value: --%s \"%.100s\"", options[index].name, optarg ? optarg : "");
        }
    }
    if (optind < argc) {
        return usage_error("unexpected argument: %s", argv[optind]);
    }
    if (!cli->tls_cert != !cli->tls_key) {
        return usage_error("--tls-cert and --tls-key go together");
    }
    return -1;
}

/* ---- starting ---- */

static int read_file(const char *path, struct buf *out)
{
    FILE *f = fopen(path, "re");
    if (!f) {
        return -errno;
    }
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        buf_put(out, chunk, n);
    }
    int err = ferror(f) ? -EIO : out->err;
    fclose(f);
    return err;
}

static int load_dialogue(struct cli *cli)
{
    if (!cli->dialogue_file) {
        return dialogue_load(dialogue_builtin_yaml(), "sandbox-dialogue.yaml", &cli->err, &cli->dialogue);
    }
    struct buf yaml;
    buf_init(&yaml, DIALOGUE_MAX_BYTES);
    int err = read_file(cli->dialogue_file, &yaml);
    if (err < 0) {
        buf_printf(&cli->err, "%s: %s", cli->dialogue_file, err_text(err));
    } else {
        err = dialogue_load(buf_str(&yaml), cli->dialogue_file, &cli->err, &cli->dialogue);
    }
    buf_done(&yaml);
    return err;
}

static void choose_speech(struct cli *cli)
{
    cli->server.speech = cli->canned ? SANDBOX_SPEECH_CANNED : SANDBOX_SPEECH_FULL;
    if (!cli->canned && !asr_available()) {
        fprintf(stderr, "ringtrip-sandbox: built without pocketsphinx: it cannot hear, as with --canned\n");
        cli->server.speech = SANDBOX_SPEECH_CANNED;
    }
    if (!tts_available()) {
        fprintf(stderr, "ringtrip-sandbox: built without flite: its voice is a noise\n");
    }
}

static void on_stop_timer(void *arg)
{
    struct cli *cli = arg;
    loop_stop(cli->loop);
}

static void on_signal(int signo, void *arg)
{
    struct cli *cli = arg;
    if (cli->running && sandbox_server_sessions(cli->running) > 0 && cli->stop_timer) {
        sandbox_server_stop(cli->running);
        timer_start(cli->stop_timer, STOP_AFTER_US, 0);
        return;
    }
    loop_stop(cli->loop);
}

/* A blocked thread is the whole watch: whatever ends stdin ends us as SIGTERM would. */
static void *watch_stdin(void *arg)
{
    char drop[256];
    ssize_t n;
    do {
        n = read(STDIN_FILENO, drop, sizeof(drop));
    } while (n > 0 || (n < 0 && errno == EINTR));
    kill(getpid(), SIGTERM);
    return NULL;
}

static int watch_parent(void)
{
    pthread_t thread;
    int err = pthread_create(&thread, NULL, watch_stdin, NULL);
    if (err == 0) {
        err = pthread_detach(thread);
    }
    return -err;
}

static int start(struct cli *cli)
{
    int err = load_dialogue(cli);
    if (err >= 0) {
        err = loop_new(&cli->loop);
    }
    if (err >= 0 && cli->tls_cert) {
        err = tls_server_new(cli->tls_cert, cli->tls_key, &cli->err, &cli->server.tls);
    }
    if (err < 0) {
        return err;
    }
    cli->server.host = cli->host;
    cli->server.dialogue = cli->dialogue;
    choose_speech(cli);
    err = sandbox_server_open(cli->loop, &cli->server, &cli->err, &cli->running);
    if (err >= 0) {
        err = timer_new(cli->loop, on_stop_timer, cli, &cli->stop_timer);
    }
    if (err >= 0) {
        err = loop_on_signal(cli->loop, SIGTERM, on_signal, cli);
    }
    if (err >= 0) {
        err = loop_on_signal(cli->loop, SIGINT, on_signal, cli);
    }
    if (err >= 0 && cli->die_with_parent) {
        err = watch_parent();
    }
    return err;
}

static void say_where(const struct cli *cli)
{
    bool v6 = strchr(cli->host, ':') != NULL;
    printf("listening on %s://%s%s%s:%u/v1/realtime\n", cli->tls_cert ? "wss" : "ws", v6 ? "[" : "", cli->host,
           v6 ? "]" : "", sandbox_server_port(cli->running));
    fflush(stdout);
}

static void finish(struct cli *cli)
{
    if (cli->running) {
        sandbox_server_stop(cli->running);
    }
    timer_free(cli->stop_timer);
    loop_free(cli->loop);
    sandbox_server_free(cli->running);
    tls_unref(cli->server.tls);
    dialogue_free(cli->dialogue);
    buf_done(&cli->err);
}

int sandbox_cli_main(int argc, char **argv)
{
    struct cli cli = {.host = "127.0.0.1", .server.port = 8765};
    buf_init(&cli.err, 8192);
    log_set_sink(log_line, NULL, LOG_WARN);
    int status = read_options(&cli, argc, argv);
    if (status < 0) {
        int err = start(&cli);
        status = err < 0 ? 1 : 0;
        if (err < 0) {
            fprintf(stderr, "ringtrip-sandbox: %s\n", cli.err.len ? buf_cstr(&cli.err) : err_text(err));
        } else {
            say_where(&cli);
            loop_run(cli.loop);
        }
    }
    finish(&cli);
    return status;
}
