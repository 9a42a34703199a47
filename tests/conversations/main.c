/* The suite's command line: which set, how much of it, where the programs are. */
#include "suite.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"

#define SEED_TUNING     20261121u /* what defaults are chosen on */
#define SEED_EVALUATION 20261122u /* what they are judged on */

static const char usage[] =
    "usage: conversations --ringtrip FILE --sandbox FILE --config FILE --dialogue FILE --dir FOLDER [options]\n\n"
    "Calls of many kinds through a gateway and the sandbox, judged by what the simulated phone knows.\n\n"
    "  --as twilio|plivo         whose calls they are (twilio)\n"
    "  --set tuning|evaluation   which calls (evaluation); --seed N: others\n"
    "  --extent full|quick|smoke how many (full)\n"
    "  --family NAME[,NAME]...   only calls of these families\n"
    "  --turn KIND               turn detection, instead of the configuration's\n"
    "  --silence-ms N            silence that ends a turn in that configuration (400)\n"
    "  --parallel N              calls at a time (10)\n"
    "  --hearing                 the sandbox hears instead of following its script\n"
    "  --outcomes                judge outcomes only, no times: for a machine that is busy\n"
    "  --tap                     for a test runner\n"
    "  --json FILE               figures\n"
    "  --calls                   one line for each call\n";

struct args {
    struct rig_opts rig;
    struct table_opts table;
    enum extent extent;
    const char *family, *json;
    bool bad;
};

static uint32_t number(struct args *a, const char *text)
{
    int64_t n = 0;
    a->bad |= str_to_i64(str_from(text), &n) < 0 || n < 0 || n > UINT32_MAX;
    return (uint32_t)n;
}

static void set_extent(struct args *a, const char *text)
{
    static const char *const words[] = {"smoke", "quick", "full"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (str_is(str_from(text), words[i])) {
            a->extent = (enum extent)i;
            return;
        }
    }
    a->bad = true;
}

static void set_set(struct args *a, const char *text)
{
    a->table.set = text;
    a->table.seed = str_is(str_from(text), "tuning") ? SEED_TUNING : SEED_EVALUATION;
    a->bad |= a->table.seed == SEED_EVALUATION && !str_is(str_from(text), "evaluation");
}

enum {
    OPT_RINGTRIP,
    OPT_SANDBOX,
    OPT_CONFIG,
    OPT_DIALOGUE,
    OPT_DIR,
    OPT_SET,
    OPT_SEED,
    OPT_EXTENT,
    OPT_FAMILY,
    OPT_TURN,
    OPT_SILENCE,
    OPT_PARALLEL,
    OPT_HEARING,
    OPT_OUTCOMES,
    OPT_TAP,
    OPT_JSON,
    OPT_AS,
    OPT_CALLS
};

static const struct option options[] = {{"ringtrip", 1, NULL, OPT_RINGTRIP},
                                        {"sandbox", 1, NULL, OPT_SANDBOX},
                                        {"config", 1, NULL, OPT_CONFIG},
                                        {"dialogue", 1, NULL, OPT_DIALOGUE},
                                        {"dir", 1, NULL, OPT_DIR},
                                        {"as", 1, NULL, OPT_AS},
                                        {"set", 1, NULL, OPT_SET},
                                        {"seed", 1, NULL, OPT_SEED},
                                        {"extent", 1, NULL, OPT_EXTENT},
                                        {"family", 1, NULL, OPT_FAMILY},
                                        {"turn", 1, NULL, OPT_TURN},
                                        {"silence-ms", 1, NULL, OPT_SILENCE},
                                        {"parallel", 1, NULL, OPT_PARALLEL},
                                        {"hearing", 0, NULL, OPT_HEARING},
                                        {"outcomes", 0, NULL, OPT_OUTCOMES},
                                        {"tap", 0, NULL, OPT_TAP},
                                        {"json", 1, NULL, OPT_JSON},
                                        {"calls", 0, NULL, OPT_CALLS},
                                        {NULL, 0, NULL, 0}};

static void take(struct args *a, int opt, const char *value)
{
    switch (opt) {
    case OPT_RINGTRIP:
        a->rig.ringtrip = value;
        break;
    case OPT_SANDBOX:
        a->rig.sandbox = value;
        break;
    case OPT_CONFIG:
        a->rig.config = value;
        break;
    case OPT_DIALOGUE:
        a->rig.dialogue = value;
        break;
    case OPT_AS:
        a->rig.as = phone_vendor_find(str_from(value));
        a->bad |= !a->rig.as;
        break;
    case OPT_DIR:
        a->rig.dir = value;
        break;
    case OPT_SET:
        set_set(a, value);
        break;
    case OPT_SEED:
        a->table.set = "seed";
        a->table.seed = number(a, value);
        break;
    case OPT_EXTENT:
        set_extent(a, value);
        break;
    case OPT_FAMILY:
        a->family = value;
        break;
    case OPT_TURN:
        a->rig.turn = a->table.turn = value;
        break;
    case OPT_SILENCE:
        a->table.silence_ms = number(a, value);
        break;
    case OPT_PARALLEL:
        a->rig.parallel = number(a, value);
        break;
    case OPT_HEARING:
        a->rig.hearing = true;
        break;
    case OPT_OUTCOMES:
        a->table.smoke = true;
        a->rig.again = false;
        break;
    case OPT_TAP:
        a->table.tap = true;
        break;
    case OPT_JSON:
        a->json = value;
        break;
    case OPT_CALLS:
        a->rig.verbose = true;
        break;
    default:
        a->bad = true;
    }
}

static bool names(const char *list, const char *name)
{
    struct str rest = str_from(list), word;
    while (str_split(&rest, ',', &word)) {
        if (str_is(word, name)) {
            return true;
        }
    }
    return false;
}

static void keep_families(struct set *set, const char *list)
{
    size_t n = 0;
    for (size_t i = 0; i < set->n; i++) {
        if (names(list, family_name(set->calls[i].family))) {
            set->calls[n++] = set->calls[i];
        }
    }
    set->n = n;
}

static bool write_json(const char *path, const struct buf *json)
{
    FILE *f = fopen(path, "we");
    bool ok = f && fwrite(buf_ptr(json), 1, json->len, f) == json->len && fputc('\n', f) != EOF;
    return f && fclose(f) == 0 && ok;
}

static int run(const struct args *a, struct studio *studio)
{
    struct set set;
    struct buf json;
    int status = 2;
    set_make(&set, studio, a->table.seed, a->extent);
    if (a->family) {
        keep_families(&set, a->family);
    }
    struct outcome *outcomes = calloc(set.n + 1, sizeof(*outcomes));
    buf_init(&json, 16u << 20);
    if (set.n == 0) {
        ignore_result(fprintf(stderr, "conversations: no such family\n") < 0);
    } else if (outcomes && rig_run(&a->rig, &set, outcomes) == 0) {
        for (size_t i = 0; i < set.n; i++) {
            measure_words(&outcomes[i]);
            outcomes[i].blurred &= a->table.smoke; /* else what was made again and still is late counts as it is */
        }
        status = table_print(&a->table, &set, outcomes, &json) ? 0 : 1;
        if (a->json && (json.err || !write_json(a->json, &json))) {
            ignore_result(fprintf(stderr, "conversations: %s could not be written\n", a->json) < 0);
            status = 2;
        }
    }
    buf_done(&json);
    free(outcomes);
    set_done(&set);
    return status;
}

int main(int argc, char **argv)
{
    struct args a = {.rig = {.parallel = 10, .again = true},
                     .extent = EXTENT_FULL,
                     .table = {.set = "evaluation", .seed = SEED_EVALUATION, .silence_ms = 400}};
    for (int opt; (opt = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        take(&a, opt, optarg);
    }
    if (a.bad || optind < argc || !a.rig.ringtrip || !a.rig.sandbox || !a.rig.config || !a.rig.dialogue || !a.rig.dir) {
        ignore_result(fputs(usage, stderr));
        return 2;
    }
    if (mkdir(a.rig.dir, 0700) < 0 && errno != EEXIST) {
        ignore_result(fprintf(stderr, "conversations: %s: %s\n", a.rig.dir, err_text(-errno)) < 0);
        return 2;
    }
    struct studio *studio = NULL;
    int status = studio_new(a.table.seed, &studio) < 0 ? 2 : run(&a, studio);
    studio_free(studio);
    return status;
}
