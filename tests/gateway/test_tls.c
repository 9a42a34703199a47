/* server.tls: https, wss and a certificate that is changed while a call runs. The real program, so that SIGHUP counts.
 */
#include "gateway/process.h"

#include <signal.h>
#include <stdio.h>

#include "net/cert.h"

static void copy_over(const char *from, const char *to)
{
    struct buf text;
    buf_init(&text, 1 << 16);
    read_file(from, &text);
    FILE *f = fopen(to, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(buf_ptr(&text), 1, text.len, f), text.len);
    assert_int_equal(fclose(f), 0);
    buf_done(&text);
}

TEST(calls_run_over_tls_and_a_new_certificate_is_taken_by_sighup)
{
    struct fixture f;
    struct cert_dir old;
    struct cert_dir new;
    char tls[512];
    char word[64];
    cert_dir_new(&old, "DNS:localhost,IP:127.0.0.1", 5);
    cert_dir_new(&new, "DNS:localhost,IP:127.0.0.1", 5);
    ignore_result(snprintf(tls, sizeof(tls), ", tls: {cert: \"%s\", key: \"%s\"}", old.cert, old.key) < 0);
    open_fixture(&f, tls);
    f.ca_file = old.ca;
    serve(&f);
    get(&f, "/live", 200);
    ring(&f);
    wait_until(f.loop, spoke, &f);

    copy_over(new.cert, old.cert);
    copy_over(new.key, old.key);
    assert_int_equal(kill(f.pid, SIGHUP), 0);
    wait_log(&f, "config.reloaded source=", word, sizeof(word));
    assert_false(f.phone_over); /* the call goes on over its old connection */
    f.ca_file = new.ca;
    http_client_free(f.http); /* with the connections that it keeps */
    assert_ok(http_client_new(f.loop, &f.http));
    get(&f, "/live", 200);
    f.ca_file = old.ca;
    http_client_free(f.http);
    assert_ok(http_client_new(f.loop, &f.http));
    get(&f, "/live", -ERR_TLS);

    phone_hang_up(f.phone, "enough");
    wait_until(f.loop, over, &f);
    wait_log(&f, "reason=", word, sizeof(word));
    assert_string_equal(word, "caller-hangup");
    assert_int_equal(end_child(&f, SIGTERM), 0);
    close_fixture(&f);
    cert_dir_done(&old);
    cert_dir_done(&new);
}

/* ringtrip approvals with the gateway's port and this certificate in its configuration: the exit status. */
static int ask_gateway(struct fixture *f, const char *cert, const char *key)
{
    char exe[256], config[96], log[96];
    int status = 0;
    assert_ok(str_copy(exe, sizeof(exe), str_from(ringtrip())));
    ignore_result(snprintf(config, sizeof(config), "%s/cli.yaml", f->dir) < 0);
    ignore_result(snprintf(log, sizeof(log), "%s/cli.log", f->dir) < 0);
    FILE *file = fopen(config, "w");
    assert_non_null(file);
    assert_true(fprintf(file,
                        "server: {listen: \"127.0.0.1:%s\", public_url: \"https://voice.example.com\", tls: {cert: "
                        "\"%s\", key: \"%s\"}}\n"
                        "providers: {sandbox: {kind: sandbox}}\n",
                        strrchr(f->base, ':') + 1, cert, key) > 0);
    assert_int_equal(fclose(file), 0);
    char *argv[] = {exe, (char[]){"approvals"}, (char[]){"-c"}, config, NULL};
    pid_t pid = start(argv, log);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

/* The certificate is for the public name, and nobody's store knows who signed it. */
TEST(the_command_line_reaches_a_gateway_that_speaks_tls)
{
    struct fixture f;
    struct cert_dir own;
    struct cert_dir other;
    char tls[512];
    cert_dir_new(&own, "DNS:voice.example.com", 5);
    cert_dir_new(&other, "DNS:voice.example.com", 5);
    ignore_result(snprintf(tls, sizeof(tls),
                           ", tls: {cert: \"%s\", key: \"%s\"}, public_url: "
                           "\"https://voice.example.com\"",
                           own.cert, own.key) < 0);
    open_fixture(&f, tls);
    f.ca_file = own.ca;
    serve(&f);
    assert_int_equal(ask_gateway(&f, own.cert, own.key), 0);
    assert_int_not_equal(ask_gateway(&f, other.cert, other.key), 0); /* somebody else listens there */
    assert_int_equal(end_child(&f, SIGTERM), 0);
    close_fixture(&f);
    cert_dir_done(&own);
    cert_dir_done(&other);
}

TEST_MAIN(T(calls_run_over_tls_and_a_new_certificate_is_taken_by_sighup),
          T(the_command_line_reaches_a_gateway_that_speaks_tls))
