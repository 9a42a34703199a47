/* The weights of the speech detector at the start: built in, from a file, or a sentence why not. */
#include "test.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "gateway/check.h"
#include "gateway/gateway.h"
#include "gateway/vad_load.h"

static void write_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(close(fd), 0);
}

static void assert_refused(const char *file, int err, const char *words)
{
    struct vad_model *m = NULL;
    struct buf why;
    buf_init(&why, 4096);
    assert_int_equal(vad_load(str_from(file), &why, &m), err);
    assert_null(m);
    assert_true(str_search(buf_str(&why), STR("vad.model_file (RINGTRIP_VAD_MODEL): ")) == 0);
    assert_has(buf_str(&why), file);
    assert_has(buf_str(&why), words);
    buf_done(&why);
}

TEST(without_a_file_the_built_in_weights_are_taken)
{
    struct vad_model *m = NULL;
    struct buf why;
    buf_init(&why, 4096);
    assert_ok(vad_load(STR_NULL, &why, &m));
    assert_int_equal(strlen(vad_model_id(m)), 16);
    vad_model_free(m);
    m = NULL;
    assert_ok(vad_load(STR(""), &why, &m));
    vad_model_free(m);
    assert_int_equal(why.len, 0);
    buf_done(&why);
}

TEST(a_file_that_is_not_there_or_no_file_is_named)
{
    assert_refused("no-such-dir/model.onnx", -ENOENT, "cannot be read");
    assert_refused(".", -EISDIR, "cannot be read");
}

TEST(a_file_that_is_no_model_is_named)
{
    char empty[] = "vad.XXXXXX";
    char text[] = "vad.XXXXXX";
    write_file(empty, "");
    assert_refused(empty, -ERR_CORRUPT, "not usable");
    write_file(text, "this is a text and not a model\n");
    assert_refused(text, -ERR_CORRUPT, "not usable");
    unlink(empty);
    unlink(text);
}

static const char *bad_model(const char *name, void *arg)
{
    return strcmp(name, "RINGTRIP_VAD_MODEL") == 0 ? arg : NULL;
}

static char no_file[] = "no-such-dir/model.onnx";

TEST(the_gateway_does_not_start_with_a_model_that_is_no_model)
{
    const struct str yaml = STR("server: {listen: \"127.0.0.1:0\"}\nrecords: {dir: \"vad-load-dir\"}\n");
    const struct gateway_opts o = {
        .config = {.text = &yaml, .path = "test.yaml", .dotenv_path = "", .env = bad_model, .env_arg = no_file},
        .own_log = true,
    };
    struct gateway *gw = NULL;
    struct buf why;
    buf_init(&why, 4096);
    assert_err(gateway_open(&o, &why, &gw), ENOENT);
    assert_has(buf_str(&why), "RINGTRIP_VAD_MODEL): no-such-dir/model.onnx");
    assert_int_equal(access("vad-load-dir", F_OK), -1); /* refused before anything was made */
    buf_done(&why);
}

static void on_finding(const struct check_finding *f, void *arg)
{
    bool *found = arg;
    *found |= f->level == CHECK_ERROR && strcmp(f->subject, "speech detector") == 0 && f->remedy.n > 0 &&
              str_search(f->text, str_from(no_file)) != SIZE_MAX;
}

TEST(the_check_names_it_too)
{
    const struct str yaml = STR("server: {listen: \"127.0.0.1:0\"}\n");
    struct config_source source = {
        .text = &yaml, .path = "test.yaml", .dotenv_path = "", .env = bad_model, .env_arg = no_file};
    bool found = false;
    assert_int_equal(check_run(&source, &(struct check_opts){.offline = true}, on_finding, &found), CHECK_ERROR);
    assert_true(found);
}

TEST_MAIN(T(without_a_file_the_built_in_weights_are_taken), T(a_file_that_is_not_there_or_no_file_is_named),
          T(a_file_that_is_no_model_is_named), T(the_gateway_does_not_start_with_a_model_that_is_no_model),
          T(the_check_names_it_too))
