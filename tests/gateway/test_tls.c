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

TEST_MAIN(T(calls_run_over_tls_and_a_new_certificate_is_taken_by_sighup))
