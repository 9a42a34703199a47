#include "test.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "peer/speech/speech_tts.h"
#include "phone_args.h"

/* The command line is split at blanks; '_' stands for a blank inside an argument. */
struct line {
    char text[512];
    char *argv[40];
    int argc;
    struct phone_args args;
    struct buf problem;
};

static int parse(struct line *l, const char *text)
{
    *l = (struct line){.argc = 0};
    buf_init(&l->problem, 4096);
    assert_ok(str_copy(l->text, sizeof(l->text), str_from(text)));
    char *at = l->text;
    l->argv[l->argc++] = at;
    for (; *at; at++) {
        if (*at == ' ') {
            *at = '\0';
            l->argv[l->argc++] = at + 1;
        } else if (*at == '_') {
            *at = ' ';
        }
    }
    int err = phone_args_parse(l->argc, l->argv, &l->args, &l->problem);
    assert_int_equal(err<0, l->problem.len> 0); /* a refusal has a reason */
    return err;
}

static void done(struct line *l)
{
    phone_args_done(&l->args);
    buf_done(&l->problem);
}

TEST(items_keep_their_order_and_their_moment)
{
    struct line l;
    if (!tts_available()) {
        skip();
    }
    assert_ok(parse(&l, "phone http://h/twiml --say good_morning --when agent-speaks:400 --dtmf 12# --silence 300 "
                        "--when after:50 --say bye --hangup never"));
    assert_int_equal(l.args.opts.n_items, 4);
    const struct phone_item *items = l.args.opts.items;
    assert_int_equal(items[0].kind, PHONE_SAY);
    assert_int_equal(items[0].when.kind, PHONE_WHEN_DEFAULT);
    assert_string_equal(items[0].label, "good morning");
    assert_in_range(items[0].mulaw.n, 2000, 20000);
    assert_int_equal(items[1].kind, PHONE_KEYS);
    assert_int_equal(items[1].when.kind, PHONE_WHEN_AGENT_SPEAKS);
    assert_int_equal(items[1].when.ms, 400);
    assert_int_equal(items[2].silence_ms, 300);
    assert_int_equal(items[3].when.ms, 50);
    assert_int_equal(l.args.opts.hangup.kind, PHONE_WHEN_NEVER);
    done(&l);
}

TEST(values_go_where_they_belong)
{
    struct line l;
    assert_ok(parse(&l,
                    "phone --ws=ws://h/m --param a=b=c --param d= --delay 40 --jitter=20 --loss 0.5 --seed 7 --max-s 5 "
                    "--connect-to h:1 --expect-gap-ms 800 --expect-hangup agent --expect-no-late --allow-warnings "
                    "--json -q --auth-token t"));
    assert_str_is(l.args.opts.ws_url, "ws://h/m");
    assert_int_equal(l.args.opts.n_params, 2);
    assert_str_is(l.args.opts.params[0].value, "b=c");
    assert_str_is(l.args.opts.params[1].value, "");
    assert_int_equal(l.args.opts.delay_ms, 40);
    assert_int_equal(l.args.opts.jitter_ms, 20);
    assert_true(l.args.opts.loss_percent > 0.49 && l.args.opts.loss_percent < 0.51);
    assert_int_equal(l.args.opts.seed, 7);
    assert_int_equal(l.args.opts.max_ms, 5000);
    assert_str_is(l.args.opts.stream_base, "ws://h:1");
    assert_str_is(l.args.opts.auth_token, "t");
    assert_int_equal(l.args.expect.gap_ms, 800);
    assert_int_equal(l.args.expect.stop_ms, PHONE_EXPECT_NONE);
    assert_int_equal(l.args.expect.hangup, PHONE_SIDE_AGENT);
    assert_true(l.args.expect.no_late);
    assert_false(l.args.expect.no_warnings);
    assert_true(l.args.quiet);
    assert_string_equal(l.args.report_path, "-");
    done(&l);
}

TEST(the_phone_may_be_another_vendors)
{
    struct line l;
    assert_ok(setenv("PLIVO_AUTH_TOKEN", "of-plivo", 1));
    assert_ok(parse(&l, "phone http://h/answer --as plivo --variant stop --variant played"));
    assert_ptr_equal(l.args.opts.as, &phone_plivo);
    assert_int_equal(l.args.opts.variants, PHONE_VARIANT_STOP | PHONE_VARIANT_PLAYED);
    assert_str_is(l.args.opts.auth_token, "of-plivo");
    done(&l);
    assert_ok(parse(&l, "phone http://h/twiml --as twilio"));
    assert_ptr_equal(l.args.opts.as, &phone_twilio);
    assert_str_is(l.args.opts.auth_token, "");
    done(&l);
    assert_int_equal(parse(&l, "phone http://h/answer --as telnyx"), -EINVAL);
    done(&l);
    assert_int_equal(parse(&l, "phone http://h/answer --as plivo --variant other"), -EINVAL);
    done(&l);
    assert_int_equal(parse(&l, "phone http://h/twiml --variant stop"), -EINVAL);
    assert_has(buf_str(&l.problem), "--as plivo");
    done(&l);
    assert_ok(unsetenv("PLIVO_AUTH_TOKEN"));
}

TEST(a_bad_line_is_described)
{
    struct line l;
    assert_ok(parse(&l,
                    "phone http://h/twiml --echo-db -18.5 --echo-clip --echo-tail-ms 60 --noise babble --noise-db 15 "
                    "--gain-db -6 --dc-offset -300 --zero-silence --packet-bytes 240 --rate-hz 16000 --double 2 "
                    "--late 1.5 --drop 3000:500 --drop 6000:20 --stall 8000:700 --when agent-tail:80 --sound cough:3"));
    const struct phone_line_opts *line = &l.args.opts.line;
    assert_true(line->echo && line->echo_clip && line->noise && line->zero_silence);
    assert_true(line->echo_db > -18.6 && line->echo_db < -18.4);
    assert_int_equal(line->echo_delay_ms, 120);
    assert_int_equal(line->echo_tail_ms, 60);
    assert_int_equal(line->noise_kind, PHONE_NOISE_BABBLE);
    assert_true(line->noise_db > 14.9 && line->noise_db < 15.1);
    assert_true(line->gain_db < -5.9 && line->gain_db > -6.1);
    assert_int_equal(line->dc_offset, -300);
    const struct phone_packet_opts *packets = &l.args.opts.packets;
    assert_int_equal(packets->bytes, 240);
    assert_int_equal(packets->rate_hz, 16000);
    assert_true(packets->double_percent > 1.9 && packets->late_percent > 1.4);
    assert_int_equal(packets->n_drops, 2);
    assert_int_equal(packets->drops[1].at_ms, 6000);
    assert_int_equal(packets->drops[1].ms, 20);
    assert_int_equal(packets->n_stalls, 1);
    assert_int_equal(packets->stalls[0].at_ms, 8000);
    assert_int_equal(packets->stalls[0].ms, 700);
    const struct phone_item *cough = &l.args.opts.items[0];
    assert_true(cough->wordless && cough->mulaw.n > 800);
    assert_int_equal(cough->when.kind, PHONE_WHEN_AGENT_TAIL);
    assert_int_equal(cough->when.ms, 80);
    assert_string_equal(cough->label, "cough:3");
    assert_true(l.args.opts.truth);
    done(&l);

    assert_ok(parse(&l, "phone http://h/twiml --noise hum --echo-delay-ms 0"));
    assert_true(l.args.opts.line.noise_db > 19.9 && l.args.opts.line.noise_kind == PHONE_NOISE_HUM);
    assert_true(l.args.opts.line.echo && l.args.opts.line.echo_db < -11.9 && l.args.opts.line.echo_delay_ms == 0);
    done(&l);

    assert_ok(parse(&l, "phone http://h/twiml"));
    assert_false(l.args.opts.line.echo || l.args.opts.line.noise);
    done(&l);
}

TEST(mistakes_are_named)
{
    static const struct {
        const char *line, *names;
    } cases[] = {
        {"phone", "URL"},
        {"phone http://a http://b", "http://b"},
        {"phone http://a --ws ws://b", "URL"},
        {"phone http://a --sya hello", "--sya"},
        {"phone http://a -x", "-x"},
        {"phone http://a --dtmf", "--dtmf"},
        {"phone http://a --dtmf 12x", "12x"},
        {"phone http://a --dtmf ", "--dtmf"},
        {"phone http://a --when soon --dtmf 1", "soon"},
        {"phone http://a --dtmf 1 --when start", "--when"},
        {"phone http://a --hangup later", "later"},
        {"phone http://a --delay -5", "-5"},
        {"phone http://a --delay 5ms", "--delay takes a number from 0 to 600000, not 5ms"},
        {"phone http://a --max-s 999999", "999999"},
        {"phone http://a --loss 101", "101"},
        {"phone http://a --param a=b", "--param"},
        {"phone --ws ws://a --param =b", "=b"},
        {"phone http://a --expect-hangup me", "me"},
        {"phone http://a --expect-no-late=1", "--expect-no-late=1"},
        {"phone http://a --sound sneeze", "sneeze"},
        {"phone http://a --sound cough:x", "cough:x"},
        {"phone http://a --echo-db=3", "--echo-db takes a number from -90 to -1, not 3"},
        {"phone http://a --echo-delay-ms 2000", "2000"},
        {"phone http://a --echo-tail-ms 500", "500"},
        {"phone http://a --noise brown", "brown"},
        {"phone http://a --noise-db loud", "loud"},
        {"phone http://a --gain-db 99", "99"},
        {"phone http://a --dc-offset 99999", "99999"},
        {"phone http://a --packet-bytes 20", "20"},
        {"phone http://a --rate-hz 100", "100"},
        {"phone http://a --drop 500", "500"},
        {"phone http://a --drop 1:x", "1:x"},
        {"phone http://a --late 101", "101"},
        {"phone http://a --wav /does/not/exist.wav", "/does/not/exist.wav"},
        {"phone http://a --ca-file /does/not/exist.pem", "cannot be read: /does/not/exist.pem"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct line l;
        assert_err(parse(&l, cases[i].line), EINVAL);
        if (str_search(buf_str(&l.problem), str_from(cases[i].names)) == SIZE_MAX) {
            print_error("%s: " STR_FMT "\n", cases[i].line, STR_ARG(buf_str(&l.problem)));
            fail();
        }
        done(&l);
    }
}

static void write_wav(const char *path, const char *bytes, size_t n)
{
    FILE *f = fopen(path, "wbe");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

TEST(a_wav_file_is_resampled_and_trimmed)
{
    /* 16 kHz mono PCM16: 100 ms silence, 200 ms of a square wave, 100 ms silence. */
    static char file[44 + 2 * 6400];
    static const unsigned char head[44] =
        "RIFF\x24\x32\0\0WAVEfmt \x10\0\0\0\1\0\1\0\x80\x3e\0\0\0\x7d\0\0\2\0\x10\0data\0\x32\0";
    memcpy(file, head, sizeof(head));
    for (size_t i = 0; i < 3200; i++) {
        file[44 + 2 * (1600 + i) + 1] = i / 20 % 2 ? 0x20 : (char)0xE0;
    }
    char path[] = "phone-args-test.wav";
    write_wav(path, file, sizeof(file));
    struct line l;
    assert_ok(parse(&l, "phone http://a --wav phone-args-test.wav"));
    assert_in_range(l.args.items[0].mulaw.n, 1600, 1600 + 320);
    done(&l);
    memset(file + 44, 0, sizeof(file) - 44);
    write_wav(path, file, sizeof(file));
    assert_err(parse(&l, "phone http://a --wav phone-args-test.wav"), EINVAL);
    assert_has(buf_str(&l.problem), "silence");
    done(&l);
    file[24] = 0x44; /* 16 452 Hz */
    write_wav(path, file, sizeof(file));
    assert_err(parse(&l, "phone http://a --wav phone-args-test.wav"), EINVAL);
    done(&l);
    write_wav(path, "RIFX", 4);
    assert_err(parse(&l, "phone http://a --wav phone-args-test.wav"), EINVAL);
    done(&l);
    assert_int_equal(remove(path), 0);
}

TEST(every_option_is_in_the_help)
{
    static const char *const names[] = {"--say",
                                        "--wav",
                                        "--dtmf",
                                        "--silence",
                                        "--when",
                                        "--hangup",
                                        "--param",
                                        "--loss",
                                        "--ws",
                                        "--auth-token",
                                        "--record",
                                        "--report",
                                        "--seed",
                                        "--quiet-ms",
                                        "--sign-base",
                                        "--stream-base",
                                        "--json",
                                        "--expect-gap-ms",
                                        "--expect-stop-ms",
                                        "--expect-overlap-ms",
                                        "--expect-agent-speech-ms",
                                        "--expect-turns",
                                        "--expect-hangup",
                                        "--expect-no-late",
                                        "--expect-no-audio-after-clear",
                                        "--expect-no-warnings",
                                        "--allow-warnings",
                                        "--status-callback",
                                        "--connect-to",
                                        "--sound",
                                        "--echo-db",
                                        "--echo-delay-ms",
                                        "--echo-tail-ms",
                                        "--echo-clip",
                                        "--noise ",
                                        "--noise-db",
                                        "--gain-db",
                                        "--dc-offset",
                                        "--zero-silence",
                                        "--packet-bytes",
                                        "--rate-hz",
                                        "--double",
                                        "--late",
                                        "--drop",
                                        "agent-tail",
                                        "--ca-file"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        assert_has(str_from(phone_usage), names[i]);
    }
    struct line l;
    assert_ok(parse(&l, "phone --help"));
    assert_true(l.args.help);
    done(&l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {T(items_keep_their_order_and_their_moment),
                                       T(values_go_where_they_belong),
                                       T(the_phone_may_be_another_vendors),
                                       T(a_bad_line_is_described),
                                       T(mistakes_are_named),
                                       T(a_wav_file_is_resampled_and_trimmed),
                                       T(every_option_is_in_the_help)};
    if (unsetenv("TWILIO_AUTH_TOKEN") != 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
