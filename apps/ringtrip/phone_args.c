#include "phone_args.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "peer/phone/phone_sound.h"
#include "peer/phone/phone_speech.h"

const char phone_usage[] =
    "usage: ringtrip phone URL [options]\n"
    "       ringtrip phone --answer ...     the other way round: is called; see ringtrip phone --answer --help\n"
    "       ringtrip phone --ws ws://host:port/media-stream [--param NAME=VALUE]... [options]\n"
    "\n"
    "Dials a gateway as a carrier does: URL is its voice webhook. Says what it is told, listens, measures.\n"
    "\n"
    "what the caller does, in this order\n"
    "  --say TEXT            speak a sentence (flite)\n"
    "  --wav FILE            play a WAV file (PCM16 at 8, 16 or 24 kHz, mu-law at 8 kHz)\n"
    "  --dtmf DIGITS         press keys, one every 200 ms\n"
    "  --tones DIGITS        the same as sound alone, which the carrier does not report\n"
    "  --sound NAME[:N]      make a sound: cough, click, knock, door, mmhm, mm, breath, blast; N varies it\n"
    "  --silence MS          say nothing; the next thing follows at once\n"
    "  --when WHEN           when the next of these begins:\n"
    "                        start             right after the start of the stream\n"
    "                        greeting-done[:MS]  the agent spoke and fell silent (the first one's default)\n"
    "                        agent-stops[:MS]  it answered the one before and fell silent (the default of the others)\n"
    "                        agent-speaks[:MS] MS after it began to speak: barge-in\n"
    "                        agent-tail[:MS]   all of its answer has come, MS (100) of it are still to be heard\n"
    "                        after:MS          MS after the one before was over\n"
    "  --hangup WHEN         when the caller hangs up; also: never (default agent-stops:2000)\n"
    "  -i, --interactive     speak the lines that are typed; /dtmf DIGITS presses keys, /bye hangs up\n"
    "  --max-s N             hang up after N seconds in any case (60; interactive 600)\n"
    "  --quiet-ms N          silence that counts as the end of speech (700)\n"
    "the call\n"
    "  --as VENDOR           twilio (default) or plivo, as strict as the vendor is\n"
    "  --variant NAME        what plivo may do otherwise: stop, played, sequence-0, extra-json, extra-pairs, strings,\n"
    "                        no-cleared\n"
    "  --from NUMBER, --to NUMBER, --account-sid SID, --call-sid SID\n"
    "  --auth-token TOKEN    sign webhooks and the upgrade (default: TWILIO_AUTH_TOKEN or PLIVO_AUTH_TOKEN)\n"
    "  --status-callback URL where the final status goes\n"
    "  --stream-base URL     open the media socket at this ws:// or wss:// address whatever host the TwiML names\n"
    "  --connect-to HOST:PORT  the same as --stream-base ws://HOST:PORT\n"
    "  --sign-base URL       public address of the gateway: what signatures name instead of the one dialled\n"
    "  --ca-file FILE        certificates to trust\n"
    "the network\n"
    "  --delay MS, --jitter MS   one way, each way; order is kept\n"
    "  --loss PERCENT        of the 20 ms frames, each way\n"
    "  --seed N              repeat the same delays, losses, noise and first timestamp\n"
    "  --packet-bytes N      media messages of this size instead of 160 bytes\n"
    "  --rate-hz N           send audio of another sampling rate than the one announced\n"
    "  --double PERCENT, --late PERCENT  messages that come twice, or behind up to five later ones\n"
    "  --drop AT:MS          send nothing for MS, AT ms after the start; up to 8 times\n"
    "  --stall AT:MS         the same, but then send all of it at once\n"
    "the line\n"
    "  --echo-db N           what is heard comes back N dB weaker (-12); --echo-delay-ms N (120) later,\n"
    "  --echo-clip           driven too hard, --echo-tail-ms N with reverberation\n"
    "  --noise-db N          noise N dB below the caller's speech (20)\n"
    "  --noise KIND          white, pink, babble or hum (pink)\n"
    "  --gain-db N           the caller is louder or, below 0, softer\n"
    "  --dc-offset N         added to each 16-bit sample\n"
    "  --zero-silence        silence is sent as 0x00 instead of 0xFF\n"
    "what is written\n"
    "  --record FILE.wav     stereo: left what leaves on the line, right what the caller heard\n"
    "  --report FILE.json    the measurements; --json writes them to standard output\n"
    "  --transcript          what the gateway wrote of the call, which knows the words; into the report, too\n"
    "  --api-token TOKEN     one of its server.tokens, when it wants one (default: RINGTRIP_API_TOKEN)\n"
    "  -q, --quiet           no progress lines\n"
    "expectations: exit status 1 when one fails\n"
    "  --expect-gap-ms N     every turn is answered, after at most N ms\n"
    "  --expect-stop-ms N    the agent falls silent at most N ms after being interrupted\n"
    "  --expect-overlap-ms N both speak at once for at most N ms in all\n"
    "  --expect-agent-speech-ms N  the agent speaks for at least N ms in all\n"
    "  --expect-turns N      at least N turns are answered\n"
    "  --expect-hangup caller|agent\n"
    "  --expect-no-late      no frame left late, the agent's speech was never cut by a gap\n"
    "  --expect-no-audio-after-clear\n"
    "  --expect-no-warnings  nothing earned a vendor's error number (on; --allow-warnings turns it off)\n";

struct parser {
    struct phone_args *a;
    struct buf *err;
    const char *option;     /* whose value is read */
    struct phone_when when; /* given for the next item */
    bool has_when;
};

static int fail(struct parser *p, const char *fmt, const char *what)
{
    if (p->err->len == 0) {
        buf_puts(p->err, fmt);
        buf_puts(p->err, what);
    }
    return -EINVAL;
}

/* ---- what is said ---- */

static int add_item(struct parser *p, struct phone_item item)
{
    if (p->a->n_items == PHONE_ARGS_ITEMS) {
        free(item.owned);
        return fail(p, "more than 100 things to say", "");
    }
    item.when = p->when;
    p->when = (struct phone_when){0};
    p->has_when = false;
    p->a->items[p->a->n_items++] = item;
    return 0;
}

static int add_speech(struct parser *p, struct phone_speech s, const char *label)
{
    return add_item(
        p, (struct phone_item){.kind = PHONE_SAY, .mulaw = span_from(s.mulaw, s.n), .owned = s.mulaw, .label = label});
}

static int opt_say(struct parser *p, const char *value)
{
    struct phone_speech s;
    int err = phone_speech_say(str_from(value), &s);
    if (err == -ENOTSUP) {
        return fail(p, "--say needs a build with flite (package flite1-dev); use --wav instead", "");
    }
    return err < 0 ? fail(p, "this cannot be spoken: ", value) : add_speech(p, s, value);
}

static int opt_wav(struct parser *p, const char *value)
{
    struct phone_speech s;
    return phone_speech_load(value, &s, p->err) < 0 ? -EINVAL : add_speech(p, s, value);
}

/* "cough", "cough:3" */
static int opt_sound(struct parser *p, const char *value)
{
    struct phone_speech s;
    struct str name = {value, str_find(str_from(value), ':')};
    int64_t variant = 0;
    if (value[name.n] == ':' && str_to_i64(str_from(value + name.n + 1), &variant) < 0) {
        return fail(p, "--sound takes a name and a number, such as cough:3, not ", value);
    }
    if (phone_sound_make(name, (uint64_t)variant, &s) < 0) {
        buf_printf(p->err, "not a sound (%s): %s", phone_sound_names(), value);
        return -EINVAL;
    }
    return add_item(
        p,
        (struct phone_item){
            .kind = PHONE_SAY, .mulaw = span_from(s.mulaw, s.n), .owned = s.mulaw, .wordless = true, .label = value});
}

static int opt_dtmf(struct parser *p, const char *value)
{
    struct phone_item item = {.kind = PHONE_KEYS};
    if (value[0] == '\0' || strspn(value, "0123456789*#ABCD") != strlen(value) ||
        str_copy(item.keys, sizeof(item.keys), str_from(value)) < 0) {
        return fail(p, "--dtmf takes 1 to 32 of 0-9 * # A-D, not ", value);
    }
    return add_item(p, item);
}

/* Keys as sound alone, as from a carrier that reports none. */
static int opt_tones(struct parser *p, const char *value)
{
    struct phone_speech s;
    int err = phone_tones_make(value, &s);
    if (err < 0) {
        return fail(p, "--tones takes 1 to 32 of 0-9 * # A-D, not ", value);
    }
    return add_item(
        p,
        (struct phone_item){
            .kind = PHONE_SAY, .mulaw = span_from(s.mulaw, s.n), .owned = s.mulaw, .wordless = true, .label = value});
}

static int to_number(struct parser *p, const char *value, int64_t max, int64_t *ret)
{
    if (str_to_i64(str_from(value), ret) < 0 || *ret < 0 || *ret > max) {
        buf_printf(p->err, "--%s takes a number from 0 to %lld, not %s", p->option, (long long)max, value);
        return -EINVAL;
    }
    return 0;
}

static int opt_silence(struct parser *p, const char *value)
{
    int64_t ms = 0;
    int err = to_number(p, value, 600000, &ms);
    return err < 0 ? err : add_item(p, (struct phone_item){.kind = PHONE_SILENCE, .silence_ms = (uint32_t)ms});
}

static int parse_when(struct parser *p, const char *value, struct phone_when *ret)
{
    return phone_when_parse(str_from(value), ret) < 0
               ? fail(
                     p,
                     "not a moment (start, greeting-done, agent-stops, agent-speaks[:MS], agent-tail[:MS], after:MS): ",
                     value)
               : 0;
}

static int opt_when(struct parser *p, const char *value)
{
    p->has_when = true;
    return parse_when(p, value, &p->when);
}

static int opt_hangup(struct parser *p, const char *value)
{
    return parse_when(p, value, &p->a->opts.hangup);
}

static int opt_param(struct parser *p, const char *value)
{
    struct str s = str_from(value);
    size_t eq = str_find(s, '=');
    if (eq == 0 || eq == s.n || p->a->n_params == PHONE_PARAMS_MAX) {
        return fail(p, "--param takes NAME=VALUE, at most 32 of them: ", value);
    }
    p->a->params[p->a->n_params++] = (struct str_pair){{s.p, eq}, {s.p + eq + 1, s.n - eq - 1}};
    return 0;
}

static int to_real(struct parser *p, const char *value, double min, double max, double *ret)
{
    double x = 0;
    if (str_to_f64(str_from(value), &x) < 0 || !(x >= min && x <= max)) {
        buf_printf(p->err, "--%s takes a number from %g to %g, not %s", p->option, min, max, value);
        return -EINVAL;
    }
    *ret = x;
    return 0;
}

static int opt_echo_db(struct parser *p, const char *value)
{
    p->a->opts.line.echo = true;
    return to_real(p, value, -90, -1, &p->a->opts.line.echo_db);
}

static int opt_echo_delay(struct parser *p, const char *value)
{
    int64_t ms = 0;
    p->a->opts.line.echo = true;
    p->a->has_echo_delay = true;
    int err = to_number(p, value, PHONE_ECHO_DELAY_MAX_MS, &ms);
    p->a->opts.line.echo_delay_ms = (uint32_t)ms;
    return err;
}

static int opt_echo_tail(struct parser *p, const char *value)
{
    int64_t ms = 0;
    p->a->opts.line.echo = true;
    int err = to_number(p, value, PHONE_ECHO_TAIL_MAX_MS, &ms);
    p->a->opts.line.echo_tail_ms = (uint32_t)ms;
    return err;
}

static int opt_noise(struct parser *p, const char *value)
{
    p->a->opts.line.noise = true;
    p->a->has_noise_kind = true;
    return phone_noise_parse(str_from(value), &p->a->opts.line.noise_kind) < 0
               ? fail(p, "--noise takes white, pink, babble or hum, not ", value)
               : 0;
}

static int opt_noise_db(struct parser *p, const char *value)
{
    p->a->opts.line.noise = true;
    p->a->has_noise_db = true;
    return to_real(p, value, -60, 120, &p->a->opts.line.noise_db);
}

static int opt_gain(struct parser *p, const char *value)
{
    return to_real(p, value, -60, 60, &p->a->opts.line.gain_db);
}

static int opt_offset(struct parser *p, const char *value)
{
    double x = 0;
    int err = to_real(p, value, -32768, 32767, &x);
    p->a->opts.line.dc_offset = (int32_t)x;
    return err;
}

static int opt_as(struct parser *p, const char *value)
{
    p->a->opts.as = phone_vendor_find(str_from(value));
    return p->a->opts.as ? 0 : fail(p, "--as takes twilio or plivo, not ", value);
}

static int opt_variant(struct parser *p, const char *value)
{
    uint32_t bit = phone_variant_find(str_from(value));
    p->a->opts.variants |= bit;
    return bit ? 0
               : fail(p, "--variant takes stop, played, sequence-0, extra-json, extra-pairs, no-cleared, strings, not ",
                      value);
}

static int opt_packet(struct parser *p, const char *value)
{
    int64_t n = 0;
    int err = to_number(p, value, PHONE_PACKET_MAX_BYTES, &n);
    if (err == 0 && n < PHONE_PACKET_MIN_BYTES) {
        return fail(p, "--packet-bytes takes 40 to 4000, not ", value);
    }
    p->a->opts.packets.bytes = (uint32_t)n;
    return err;
}

static int opt_rate(struct parser *p, const char *value)
{
    int64_t n = 0;
    int err = to_number(p, value, 48000, &n);
    if (err == 0 && n < 4000) {
        return fail(p, "--rate-hz takes 4000 to 48000, not ", value);
    }
    p->a->opts.packets.rate_hz = (uint32_t)n;
    return err;
}

/* AT:MS, one more of a list. */
static int to_drop(const char *value, struct phone_drop list[PHONE_DROPS_MAX], size_t *n)
{
    struct str s = str_from(value);
    size_t colon = str_find(s, ':');
    int64_t at = 0, ms = 0;
    if (colon == s.n || str_to_i64((struct str){s.p, colon}, &at) < 0 ||
        str_to_i64((struct str){s.p + colon + 1, s.n - colon - 1}, &ms) < 0 || at < 0 || ms < 0 || at > 3600000 ||
        ms > 3600000 || *n == PHONE_DROPS_MAX) {
        return -EINVAL;
    }
    list[(*n)++] = (struct phone_drop){(uint32_t)at, (uint32_t)ms};
    return 0;
}

static int opt_drop(struct parser *p, const char *value)
{
    struct phone_packet_opts *o = &p->a->opts.packets;
    int err = to_drop(value, o->drops, &o->n_drops);
    return err < 0 ? fail(p, "--drop takes AT:MS, at most 8 times: ", value) : 0;
}

static int opt_stall(struct parser *p, const char *value)
{
    struct phone_packet_opts *o = &p->a->opts.packets;
    int err = to_drop(value, o->stalls, &o->n_stalls);
    return err < 0 ? fail(p, "--stall takes AT:MS, at most 8 times: ", value) : 0;
}

static int opt_connect_to(struct parser *p, const char *value)
{
    int n = snprintf(p->a->stream_base, sizeof(p->a->stream_base), "ws://%s", value);
    if (n < 0 || (size_t)n >= sizeof(p->a->stream_base)) {
        return fail(p, "--connect-to takes HOST:PORT", "");
    }
    p->a->opts.stream_base = str_from(p->a->stream_base);
    return 0;
}

static int opt_expect_hangup(struct parser *p, const char *value)
{
    bool caller = str_is(str_from(value), "caller");
    if (!caller && !str_is(str_from(value), "agent")) {
        return fail(p, "--expect-hangup takes caller or agent, not ", value);
    }
    p->a->expect.hangup = caller ? PHONE_SIDE_CALLER : PHONE_SIDE_AGENT;
    return 0;
}

static int opt_max(struct parser *p, const char *value)
{
    int64_t s = 0;
    int err = to_number(p, value, 3600, &s);
    p->a->opts.max_ms = (uint32_t)s * 1000;
    return err;
}

static int opt_seed(struct parser *p, const char *value)
{
    int64_t seed = 0;
    int err = to_number(p, value, INT64_MAX, &seed);
    p->a->opts.seed = (uint64_t)seed;
    return err;
}

/* ---- the table ---- */

#define AT(member) offsetof(struct phone_args, member)

static const struct option {
    const char *name;
    int (*take)(struct parser *p, const char *value);
    enum { VALUE, TEXT, PATH, U32, I32, PERCENT, FLAG, NO_FLAG } kind;
    size_t at;
} options[] = {
    {"say", opt_say, VALUE, 0},
    {"wav", opt_wav, VALUE, 0},
    {"dtmf", opt_dtmf, VALUE, 0},
    {"tones", opt_tones, VALUE, 0},
    {"silence", opt_silence, VALUE, 0},
    {"when", opt_when, VALUE, 0},
    {"hangup", opt_hangup, VALUE, 0},
    {"param", opt_param, VALUE, 0},
    {"sound", opt_sound, VALUE, 0},
    {"echo-db", opt_echo_db, VALUE, 0},
    {"echo-delay-ms", opt_echo_delay, VALUE, 0},
    {"echo-tail-ms", opt_echo_tail, VALUE, 0},
    {"noise", opt_noise, VALUE, 0},
    {"noise-db", opt_noise_db, VALUE, 0},
    {"gain-db", opt_gain, VALUE, 0},
    {"dc-offset", opt_offset, VALUE, 0},
    {"packet-bytes", opt_packet, VALUE, 0},
    {"rate-hz", opt_rate, VALUE, 0},
    {"drop", opt_drop, VALUE, 0},
    {"stall", opt_stall, VALUE, 0},
    {"loss", NULL, PERCENT, AT(opts.loss_percent)},
    {"double", NULL, PERCENT, AT(opts.packets.double_percent)},
    {"late", NULL, PERCENT, AT(opts.packets.late_percent)},
    {"echo-clip", NULL, FLAG, AT(opts.line.echo_clip)},
    {"zero-silence", NULL, FLAG, AT(opts.line.zero_silence)},
    {"connect-to", opt_connect_to, VALUE, 0},
    {"expect-hangup", opt_expect_hangup, VALUE, 0},
    {"max-s", opt_max, VALUE, 0},
    {"seed", opt_seed, VALUE, 0},
    {"url", NULL, TEXT, AT(opts.url)},
    {"ws", NULL, TEXT, AT(opts.ws_url)},
    {"auth-token", NULL, TEXT, AT(opts.auth_token)},
    {"account-sid", NULL, TEXT, AT(opts.account_sid)},
    {"call-sid", NULL, TEXT, AT(opts.call_sid)},
    {"as", opt_as, VALUE, 0},
    {"variant", opt_variant, VALUE, 0},
    {"from", NULL, TEXT, AT(opts.from)},
    {"to", NULL, TEXT, AT(opts.to)},
    {"status-callback", NULL, TEXT, AT(opts.status_callback)},
    {"stream-base", NULL, TEXT, AT(opts.stream_base)},
    {"sign-base", NULL, TEXT, AT(opts.sign_base)},
    {"ca-file", NULL, PATH, AT(opts.ca_file)},
    {"record", NULL, PATH, AT(opts.record_path)},
    {"report", NULL, PATH, AT(report_path)},
    {"transcript", NULL, FLAG, AT(transcript)},
    {"api-token", NULL, PATH, AT(api_token)},
    {"quiet-ms", NULL, U32, AT(opts.quiet_ms)},
    {"delay", NULL, U32, AT(opts.delay_ms)},
    {"jitter", NULL, U32, AT(opts.jitter_ms)},
    {"expect-gap-ms", NULL, I32, AT(expect.gap_ms)},
    {"expect-stop-ms", NULL, I32, AT(expect.stop_ms)},
    {"expect-overlap-ms", NULL, I32, AT(expect.overlap_ms)},
    {"expect-agent-speech-ms", NULL, I32, AT(expect.agent_speech_ms)},
    {"expect-turns", NULL, I32, AT(expect.turns)},
    {"expect-no-late", NULL, FLAG, AT(expect.no_late)},
    {"expect-no-audio-after-clear", NULL, FLAG, AT(expect.no_after_clear)},
    {"expect-no-warnings", NULL, FLAG, AT(expect.no_warnings)},
    {"allow-warnings", NULL, NO_FLAG, AT(expect.no_warnings)},
    {"interactive", NULL, FLAG, AT(interactive)},
    {"quiet", NULL, FLAG, AT(quiet)},
    {"help", NULL, FLAG, AT(help)},
};

static int store(struct parser *p, const struct option *o, const char *value)
{
    void *at = (char *)p->a + o->at;
    int64_t n = 0;
    switch (o->kind) {
    case VALUE:
        return o->take(p, value);
    case TEXT:
        *(struct str *)at = str_from(value);
        return 0;
    case PATH:
        *(const char **)at = value;
        return 0;
    case U32:
    case I32:
        if (to_number(p, value, 600000, &n) < 0) {
            return -EINVAL;
        }
        if (o->kind == U32) {
            *(uint32_t *)at = (uint32_t)n;
        } else {
            *(int32_t *)at = (int32_t)n;
        }
        return 0;
    case PERCENT:
        return to_real(p, value, 0, 100, at);
    case FLAG:
        *(bool *)at = true;
        return 0;
    case NO_FLAG:
        *(bool *)at = false;
        return 0;
    }
    return -EINVAL;
}

static const struct option *find(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(options); i++) {
        if (str_is(name, options[i].name)) {
            return &options[i];
        }
    }
    return NULL;
}

/* "--name value", "--name=value"; *i moves on over what was used. */
static int take_option(struct parser *p, int argc, char **argv, int *i)
{
    struct str arg = str_from(argv[*i]);
    struct str name = {arg.p + 2, str_find(arg, '=') - 2};
    if (str_is(arg, "-i") || str_is(arg, "-q") || str_is(arg, "-h")) {
        name = arg.p[1] == 'i' ? STR("interactive") : arg.p[1] == 'q' ? STR("quiet") : STR("help");
    } else if (str_is(arg, "--json")) {
        p->a->report_path = "-";
        return 0;
    } else if (!str_starts(arg, STR("--"))) {
        return fail(p, "unknown option ", argv[*i]);
    }
    const struct option *o = find(name);
    if (!o) {
        return fail(p, "unknown option ", argv[*i]);
    }
    p->option = o->name;
    bool has_value = str_starts(arg, STR("--")) && name.n + 2 < arg.n;
    if (o->kind == FLAG || o->kind == NO_FLAG) {
        return has_value ? fail(p, "this option takes no value: ", argv[*i]) : store(p, o, "");
    }
    if (has_value) {
        return store(p, o, arg.p + name.n + 3);
    }
    if (*i + 1 >= argc) {
        return fail(p, "a value is missing behind ", argv[*i]);
    }
    *i += 1;
    return store(p, o, argv[*i]);
}

/* What goes without saying once one of a group is given. */
static void defaults(struct phone_args *a)
{
    struct phone_line_opts *line = &a->opts.line;
    line->echo |= line->echo_clip;
    if (line->echo && line->echo_db >= 0) {
        line->echo_db = -12;
    }
    if (line->echo && !a->has_echo_delay) {
        line->echo_delay_ms = 120;
    }
    if (line->noise && !a->has_noise_db) {
        line->noise_db = 20;
    }
    if (line->noise && !a->has_noise_kind) {
        line->noise_kind = PHONE_NOISE_PINK;
    }
    a->opts.truth = true;
    a->opts.open_ended = a->interactive;
    if (a->interactive && a->opts.max_ms == 0) {
        a->opts.max_ms = 600000;
    }
}

static int check(struct parser *p)
{
    struct phone_args *a = p->a;
    if (a->help) {
        return 0;
    }
    if ((a->opts.url.n > 0) == (a->opts.ws_url.n > 0)) {
        return fail(p, "one URL is wanted: that of the voice webhook, or --ws and that of the media socket", "");
    }
    if (p->has_when) {
        return fail(p, "--when stands before what it times", "");
    }
    if (a->opts.ca_file && access(a->opts.ca_file, R_OK) != 0) {
        return fail(p, "--ca-file cannot be read: ", a->opts.ca_file);
    }
    if (a->n_params > 0 && a->opts.ws_url.n == 0) {
        return fail(p, "--param goes with --ws; otherwise the TwiML names the parameters", "");
    }
    if (a->opts.variants && a->opts.as != &phone_plivo) {
        return fail(p, "--variant goes with --as plivo", "");
    }
    return 0;
}

int phone_args_parse(int argc, char **argv, struct phone_args *ret, struct buf *ret_err)
{
    *ret = (struct phone_args){0};
    phone_expect_init(&ret->expect);
    struct parser p = {.a = ret, .err = ret_err};
    for (int i = 1; i < argc; i++) {
        int err = 0;
        if (argv[i][0] == '-') {
            err = take_option(&p, argc, argv, &i);
        } else if (ret->opts.url.n > 0) {
            err = fail(&p, "one URL only, not also ", argv[i]);
        } else {
            ret->opts.url = str_from(argv[i]);
        }
        if (err < 0) {
            return err;
        }
    }
    if (!ret->opts.auth_token.p) {
        const char *token = getenv(ret->opts.as == &phone_plivo ? "PLIVO_AUTH_TOKEN" : "TWILIO_AUTH_TOKEN");
        ret->opts.auth_token = str_from(token ? token : "");
    }
    ret->opts.items = ret->items;
    ret->opts.n_items = ret->n_items;
    ret->opts.params = ret->params;
    ret->opts.n_params = ret->n_params;
    defaults(ret);
    return check(&p);
}

void phone_args_done(struct phone_args *a)
{
    for (size_t i = 0; i < a->n_items; i++) {
        free(a->items[i].owned);
    }
    a->n_items = 0;
}
