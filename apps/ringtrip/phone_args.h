/* The command line of ringtrip phone as a struct. Reads WAV files and speaks texts, so that mistakes show at once. */
#ifndef APPS_RINGTRIP_PHONE_ARGS_H
#define APPS_RINGTRIP_PHONE_ARGS_H

#include "peer/phone/phone.h"

#define PHONE_ARGS_ITEMS 100

struct phone_args {
    struct phone_opts opts;
    struct phone_item items[PHONE_ARGS_ITEMS]; /* own their audio until phone_open takes it */
    size_t n_items;
    struct str_pair params[PHONE_PARAMS_MAX];
    size_t n_params;
    struct phone_expect expect;
    const char *report_path; /* NULL: none; "-": standard output */
    bool transcript;         /* the gateway's record goes into the report */
    const char *api_token;   /* to ask for it */
    char stream_base[128];
    bool has_echo_delay, has_noise_kind, has_noise_db;
    bool interactive;
    bool quiet; /* no progress lines */
    bool help;
};

/* Pointers in ret lend argv. Returns 0, or -EINVAL with a sentence in ret_err. Free by phone_args_done in any case. */
MUST_USE int phone_args_parse(int argc, char **argv, struct phone_args *ret, struct buf *ret_err);
/* Frees the audio that no phone has taken. */
void phone_args_done(struct phone_args *a);
extern const char phone_usage[];

#endif
