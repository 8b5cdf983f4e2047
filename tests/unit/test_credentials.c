/* credentials: values, the environment, the shared file and its changes, the chain. */
#include "gateway/aws/credentials.h"

#include "gateway/base/log.h"
#include "tests/unit/cmocka_all.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define GOOD_FILE "[default]\naws_access_key_id = AKID1\naws_secret_access_key = secret1\n"

/* A folder of its own for each test; the log goes to a file in it. */
struct fixture {
    char folder[64], path[96], log_path[96];
    int log_fd;
    time_t stamp; /* of the last file written: always another one, however fast the test is */
    struct clock *clock;
};

static int setup(void **state)
{
    static struct fixture f;

    f = (struct fixture){.folder = "/tmp/test_credentials.XXXXXX", .stamp = 1000000};
    assert_non_null(mkdtemp(f.folder));
    snprintf(f.path, sizeof(f.path), "%s/credentials", f.folder);
    snprintf(f.log_path, sizeof(f.log_path), "%s/log", f.folder);
    f.log_fd = open(f.log_path, O_CREAT | O_RDWR | O_APPEND | O_CLOEXEC, 0600);
    assert_true(f.log_fd >= 0);
    assert_int_equal(clock_open(&f.clock, NULL), 0);
    log_init(f.clock, f.log_fd, LOG_DEBUG);
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    unsetenv("AWS_SESSION_TOKEN");
    *state = &f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    log_init(f->clock, STDERR_FILENO, LOG_INFO);
    close(f->log_fd);
    clock_close(&f->clock);
    unlink(f->path);
    unlink(f->log_path);
    rmdir(f->path);
    return rmdir(f->folder);
}

static void write_file(struct fixture *f, const char *text, size_t len, mode_t mode)
{
    const int fd = open(f->path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, mode);
    const struct timespec times[2] = {{.tv_sec = ++f->stamp}, {.tv_sec = f->stamp}};

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(futimens(fd, times), 0);
    close(fd);
}

static void write_text(struct fixture *f, const char *text)
{
    write_file(f, text, strlen(text), 0600);
}

/* How often the log has `word`. */
static unsigned logged(const struct fixture *f, const char *word)
{
    char text[16384] = "";
    unsigned count = 0;

    assert_true(pread(f->log_fd, text, sizeof(text) - 1, 0) >= 0);
    for (const char *at = text; (at = strstr(at, word)) != NULL; at++)
        count++;
    return count;
}

static struct aws_credentials_provider *open_file(struct fixture *f, const char *profile)
{
    struct aws_credentials_provider *provider = NULL;
    struct error err = {0};

    if (aws_credentials_from_file(f->path, profile, &provider, &err) != 0)
        fail_msg("%s", err.message);
    return provider;
}

static void assert_gives(struct aws_credentials_provider *provider, const char *id,
                         const char *secret, const char *token)
{
    struct aws_credentials *credentials = NULL;
    struct error err = {0};

    if (aws_credentials_provider_get(provider, &credentials, &err) != 0)
        fail_msg("%s", err.message);
    assert_string_equal(aws_credentials_access_key_id(credentials), id);
    assert_string_equal(aws_credentials_secret_access_key(credentials), secret);
    if (token == NULL)
        assert_null(aws_credentials_session_token(credentials));
    else
        assert_string_equal(aws_credentials_session_token(credentials), token);
    assert_int_equal(aws_credentials_expires_wall_ms(credentials), AWS_NEVER_EXPIRES);
    aws_credentials_unref(&credentials);
    assert_null(credentials);
}

static void assert_gives_none(struct aws_credentials_provider *provider, int code, const char *why)
{
    struct aws_credentials *credentials = NULL;
    struct error err = {0};

    assert_int_equal(aws_credentials_provider_get(provider, &credentials, &err), code);
    assert_null(credentials);
    assert_non_null(strstr(err.message, why));
}

static void test_values_are_checked(void **state)
{
    static const struct {
        const char *id, *secret, *token;
    } bad[] = {{"", "s", NULL},    {"i", "", NULL},    {"i", "s", ""},        {NULL, "s", NULL},
               {"i", NULL, NULL},  {"i\n", "s", NULL}, {"i", "s\r", NULL},    {"i", "s", "a\nb: c"},
               {"i d", "s", NULL}, {"i", "s", "\x7f"}, {"i", "s", "\xc3\xa9"}};
    static char token[AWS_CREDENTIALS_TOKEN_MAX + 2];
    struct aws_credentials *credentials = NULL;
    struct error err;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(
            aws_credentials_create(bad[i].id, bad[i].secret, bad[i].token, 0, &credentials, NULL),
            ERROR_INVALID);
    memset(token, 't', AWS_CREDENTIALS_TOKEN_MAX + 1);
    assert_int_equal(aws_credentials_create("id", "topsecret\n", NULL, 0, &credentials, &err),
                     ERROR_INVALID);
    assert_null(strstr(err.message, "topsecret"));
    assert_int_equal(aws_credentials_create("i", "s", token, 0, &credentials, NULL), ERROR_INVALID);
    token[AWS_CREDENTIALS_TOKEN_MAX] = '\0';
    assert_int_equal(aws_credentials_create("i", "s", token, 42, &credentials, NULL), 0);
    struct aws_credentials *second = aws_credentials_ref(credentials);
    aws_credentials_unref(&credentials);
    assert_string_equal(aws_credentials_session_token(second), token);
    assert_int_equal(aws_credentials_expires_wall_ms(second), 42);
    aws_credentials_unref(&second);
    aws_credentials_unref(&second);
}

static void test_environment(void **state)
{
    struct aws_credentials_provider *provider = NULL;
    struct error err;

    (void)state;
    setenv("AWS_ACCESS_KEY_ID", "", 1);
    assert_int_equal(aws_credentials_from_environment(&provider, NULL), 0);
    assert_gives_none(provider, ERROR_NOT_FOUND, "AWS_ACCESS_KEY_ID");
    aws_credentials_provider_free(&provider);

    setenv("AWS_SECRET_ACCESS_KEY", "s", 1);
    assert_int_equal(aws_credentials_from_environment(&provider, &err), ERROR_INVALID);
    assert_non_null(strstr(err.message, "AWS_ACCESS_KEY_ID is not"));

    setenv("AWS_ACCESS_KEY_ID", "AKID", 1);
    assert_int_equal(aws_credentials_from_environment(&provider, NULL), 0);
    setenv("AWS_ACCESS_KEY_ID", "later", 1);
    assert_gives(provider, "AKID", "s", NULL);
    aws_credentials_provider_free(&provider);
    assert_null(provider);

    setenv("AWS_SESSION_TOKEN", "tok", 1);
    assert_int_equal(aws_credentials_from_environment(&provider, NULL), 0);
    assert_gives(provider, "later", "s", "tok");
    aws_credentials_provider_free(&provider);
    setenv("AWS_SESSION_TOKEN", "two words", 1);
    assert_int_equal(aws_credentials_from_environment(&provider, NULL), ERROR_INVALID);
}

/* Comments, blanks, CR LF, other profiles, unknown keys, any case of a key, the last one counts. */
static void test_file_is_parsed(void **state)
{
    struct fixture *f = *state;

    write_text(f, "# comment\r\n"
                  "\r\n"
                  "[ other ]\r\n"
                  "aws_access_key_id=wrong\r\n"
                  "aws_secret_access_key=wrong\r\n"
                  "[team]\r\n"
                  "  ; comment = here\r\n"
                  "AWS_Access_Key_Id\t= first\r\n"
                  "aws_secret_access_key = a/b+c=#;d ; comment\r\n"
                  "s3 =\r\n"
                  "  max_concurrent_requests = 20\r\n"
                  "[other]\r\n"
                  "aws_session_token = wrong\r\n"
                  "[team] # again\r\n"
                  "aws_access_key_id = AKID # comment\r\n"
                  "aws_session_token = tok");
    struct aws_credentials_provider *provider = open_file(f, "team");
    assert_gives(provider, "AKID", "a/b+c=#;d", "tok");
    aws_credentials_provider_free(&provider);

    write_text(f, GOOD_FILE "aws_session_token = tok\naws_session_token =\n");
    provider = open_file(f, "default");
    assert_gives(provider, "AKID1", "secret1", NULL);
    aws_credentials_provider_free(&provider);
}

static void test_malformed_files_are_refused(void **state)
{
    static const struct {
        const char *text, *why;
    } bad[] = {
        {"[default\naws_access_key_id = hidden\n", "credentials:1: "},
        {"[default]\n\nhidden\n", "credentials:3: "},
        {"[default]\n= hidden\n", "credentials:2: "},
        {"# c\naws_access_key_id = hidden\n", "credentials:2: "},
        {"[default]\naws_access_key_id = hidden\n", "no aws_secret_access_key"},
        {"[default]\naws_secret_access_key = hidden\n", "no aws_access_key_id"},
        {"[default]\naws_access_key_id = a\naws_secret_access_key = hid den\n", "[default]"},
        {"[other]\nhidden\n" GOOD_FILE, "credentials:2: "},
    };
    struct fixture *f = *state;
    struct aws_credentials_provider *provider = NULL;
    struct error err = {0};

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_text(f, bad[i].text);
        assert_int_equal(aws_credentials_from_file(f->path, "default", &provider, &err),
                         ERROR_INVALID);
        assert_non_null(strstr(err.message, bad[i].why));
        assert_non_null(strstr(err.message, f->path));
        assert_null(strstr(err.message, "hid"));
    }
    write_file(f, GOOD_FILE "\0", sizeof(GOOD_FILE), 0600);
    assert_int_equal(aws_credentials_from_file(f->path, "default", &provider, &err), ERROR_INVALID);
    assert_non_null(strstr(err.message, "NUL"));

    char *large = calloc(1, 256 * 1024 + 2);
    memset(large, '\n', 256 * 1024 + 1);
    write_text(f, large);
    free(large);
    assert_int_equal(aws_credentials_from_file(f->path, "default", &provider, &err), ERROR_INVALID);
    assert_non_null(strstr(err.message, "262144"));

    unlink(f->path);
    assert_int_equal(mkdir(f->path, 0700), 0);
    assert_int_equal(aws_credentials_from_file(f->path, "default", &provider, &err), ERROR_IO);
    assert_int_equal(rmdir(f->path), 0);
    assert_int_equal(mkfifo(f->path, 0600), 0);
    assert_int_equal(aws_credentials_from_file(f->path, "default", &provider, &err), ERROR_IO);
}

static void test_file_that_comes_later(void **state)
{
    struct fixture *f = *state;
    struct aws_credentials_provider *provider = open_file(f, "default");

    assert_gives_none(provider, ERROR_NOT_FOUND, "no such file");
    write_text(f, "[other]\na = b\n");
    assert_gives_none(provider, ERROR_NOT_FOUND, "no section [default]");
    write_text(f, "[default]\nregion = x\n");
    assert_gives_none(provider, ERROR_NOT_FOUND, "no keys");
    write_text(f, "[default]\nbroken\n");
    assert_gives_none(provider, ERROR_RETRY, "credentials:2: ");
    write_text(f, GOOD_FILE);
    assert_gives(provider, "AKID1", "secret1", NULL);
    assert_int_equal(logged(f, "kept_last_good"), 0);
    aws_credentials_provider_free(&provider);
}

static void test_rotation_and_last_good(void **state)
{
    struct fixture *f = *state;
    struct aws_credentials *held = NULL;

    write_text(f, GOOD_FILE);
    struct aws_credentials_provider *provider = open_file(f, "default");
    assert_int_equal(aws_credentials_provider_get(provider, &held, NULL), 0);
    write_text(f, "[default]\naws_access_key_id = AKID2\naws_secret_access_key = secret2\n");
    assert_gives(provider, "AKID2", "secret2", NULL);
    assert_string_equal(aws_credentials_access_key_id(held), "AKID1");
    aws_credentials_unref(&held);

    /* each kind of loss warns once and keeps what was good */
    write_text(f, "[default]\nbroken\n");
    for (int i = 0; i < 3; i++)
        assert_gives(provider, "AKID2", "secret2", NULL);
    assert_int_equal(logged(f, "kept_last_good"), 1);
    write_text(f, "[other]\n");
    for (int i = 0; i < 3; i++)
        assert_gives(provider, "AKID2", "secret2", NULL);
    assert_int_equal(logged(f, "kept_last_good"), 2);
    unlink(f->path);
    for (int i = 0; i < 3; i++)
        assert_gives(provider, "AKID2", "secret2", NULL);
    assert_int_equal(logged(f, "kept_last_good"), 3);
    assert_int_equal(mkdir(f->path, 0700), 0);
    for (int i = 0; i < 3; i++)
        assert_gives(provider, "AKID2", "secret2", NULL);
    assert_int_equal(logged(f, "kept_last_good"), 4);
    assert_int_equal(rmdir(f->path), 0);

    write_text(f, GOOD_FILE);
    assert_gives(provider, "AKID1", "secret1", NULL);
    assert_int_equal(logged(f, "secret"), 0);
    aws_credentials_provider_free(&provider);
}

static void test_open_permissions_warn_once(void **state)
{
    struct fixture *f = *state;

    write_text(f, GOOD_FILE);
    struct aws_credentials_provider *provider = open_file(f, "default");
    assert_int_equal(logged(f, "file_permissions"), 0);
    for (int i = 0; i < 3; i++) {
        write_file(f, GOOD_FILE, strlen(GOOD_FILE), 0640);
        assert_gives(provider, "AKID1", "secret1", NULL);
    }
    assert_int_equal(logged(f, "file_permissions"), 1);
    aws_credentials_provider_free(&provider);
}

static atomic_bool rotating;
static atomic_uint torn; /* answers whose parts are of different files, or none */

static void *read_often(void *data)
{
    while (atomic_load(&rotating)) {
        struct aws_credentials *credentials = NULL;
        if (aws_credentials_provider_get(data, &credentials, NULL) != 0 ||
            strcmp(aws_credentials_access_key_id(credentials) + strlen("AKID"),
                   aws_credentials_secret_access_key(credentials) + strlen("secret")) != 0)
            atomic_fetch_add(&torn, 1);
        aws_credentials_unref(&credentials);
    }
    return NULL;
}

/* The file is replaced, as a careful rotation does it, while others read. */
static void test_rotation_under_readers(void **state)
{
    struct fixture *f = *state;
    pthread_t threads[3];
    char target[96];
    char text[256];

    memcpy(target, f->path, sizeof(target));
    write_text(f, GOOD_FILE);
    struct aws_credentials_provider *provider = open_file(f, "default");
    atomic_store(&rotating, true);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_often, provider), 0);
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof(text),
                 "[default]\naws_access_key_id=AKID%d\naws_secret_access_key=secret%d\n", i, i);
        snprintf(f->path, sizeof(f->path), "%s/fresh", f->folder);
        write_text(f, text);
        assert_int_equal(rename(f->path, target), 0);
    }
    memcpy(f->path, target, sizeof(target));
    atomic_store(&rotating, false);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&torn), 0);
    assert_gives(provider, "AKID199", "secret199", NULL);
    aws_credentials_provider_free(&provider);
}

/* A member that answers with a code, or with credentials of its name when the code is 0. */
struct fake {
    int code;
    unsigned asked;
    bool freed;
};

static int fake_get(void *self, struct aws_credentials **out, struct error *err)
{
    struct fake *fake = self;

    fake->asked++;
    if (fake->code != 0)
        return error_set(err, (enum error_code)fake->code, "fake");
    return aws_credentials_create("fake", "s", NULL, AWS_NEVER_EXPIRES, out, err);
}

static void fake_free(void *self)
{
    ((struct fake *)self)->freed = true;
}

static const struct aws_credentials_provider_ops fake_ops = {"fake", fake_get, fake_free};

static struct aws_credentials_provider *make_chain(struct fake *fakes, unsigned count)
{
    struct aws_credentials_provider *members[AWS_CREDENTIALS_CHAIN_MAX];
    struct aws_credentials_provider *chain = NULL;

    for (unsigned i = 0; i < count; i++)
        assert_int_equal(aws_credentials_provider_create(&fake_ops, &fakes[i], &members[i], NULL),
                         0);
    assert_int_equal(aws_credentials_chain(members, count, &chain, NULL), 0);
    return chain;
}

static void test_chain(void **state)
{
    struct fake fakes[3] = {{.code = ERROR_NOT_FOUND}, {.code = 0}, {.code = 0}};
    struct aws_credentials_provider *chain = make_chain(fakes, 3);

    (void)state;
    assert_gives(chain, "fake", "s", NULL);
    assert_int_equal(fakes[0].asked, 1);
    assert_int_equal(fakes[1].asked, 1);
    assert_int_equal(fakes[2].asked, 0);
    fakes[1].code = ERROR_RETRY; /* configured, but has none: must not fall through to another */
    assert_gives_none(chain, ERROR_RETRY, "fake");
    assert_int_equal(fakes[2].asked, 0);
    fakes[1].code = fakes[2].code = ERROR_NOT_FOUND;
    assert_gives_none(chain, ERROR_NOT_FOUND, "none of 3 sources");
    aws_credentials_provider_free(&chain);
    assert_true(fakes[0].freed && fakes[1].freed && fakes[2].freed);
}

static void test_chain_too_long_frees_its_members(void **state)
{
    struct fake fakes[AWS_CREDENTIALS_CHAIN_MAX + 1] = {0};
    struct aws_credentials_provider *members[AWS_CREDENTIALS_CHAIN_MAX + 1];
    struct aws_credentials_provider *chain = NULL;

    (void)state;
    for (size_t i = 0; i < AWS_CREDENTIALS_CHAIN_MAX + 1; i++)
        assert_int_equal(aws_credentials_provider_create(&fake_ops, &fakes[i], &members[i], NULL),
                         0);
    assert_int_equal(aws_credentials_chain(members, AWS_CREDENTIALS_CHAIN_MAX + 1, &chain, NULL),
                     ERROR_INVALID);
    assert_null(chain);
    for (size_t i = 0; i < AWS_CREDENTIALS_CHAIN_MAX + 1; i++)
        assert_true(fakes[i].freed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_are_checked),
        cmocka_unit_test_setup_teardown(test_environment, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_is_parsed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_malformed_files_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_file_that_comes_later, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rotation_and_last_good, setup, teardown),
        cmocka_unit_test_setup_teardown(test_open_permissions_warn_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rotation_under_readers, setup, teardown),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_chain_too_long_frees_its_members),
    };
    return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
