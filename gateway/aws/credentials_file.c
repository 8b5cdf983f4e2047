/* Credentials from the shared credentials file, read again when the file changed. */
#include "gateway/aws/credentials.h"

#include "gateway/base/crypto.h"
#include "gateway/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX (256 * 1024)

/* ---- the parser: works in place on a C string that its caller wipes ---- */

/* The values of our profile; borrowed from the text, NULL where absent or empty. */
struct profile_values {
    bool found; /* the file has that section */
    const char *access_key_id;
    const char *secret_access_key;
    const char *session_token;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static char *trim(char *text)
{
    size_t len = 0;

    while (is_blank(*text))
        text++;
    len = strlen(text);
    while (len > 0 && is_blank(text[len - 1]))
        len--;
    text[len] = '\0';
    return text;
}

/* A '#' or ';' after a blank begins a comment; without one it belongs to the value. */
static void cut_comment(char *value)
{
    for (char *c = value; *c != '\0'; c++)
        if ((*c == '#' || *c == ';') && (c == value || is_blank(c[-1]))) {
            *c = '\0';
            return;
        }
}

static void take_value(struct profile_values *values, const char *key, const char *value)
{
    const char **place = NULL;

    if (strcasecmp(key, "aws_access_key_id") == 0)
        place = &values->access_key_id;
    else if (strcasecmp(key, "aws_secret_access_key") == 0)
        place = &values->secret_access_key;
    else if (strcasecmp(key, "aws_session_token") == 0)
        place = &values->session_token;
    if (place != NULL)
        *place = value[0] != '\0' ? value : NULL;
}

/* Where the parser stands. */
struct section {
    bool any;  /* a section has begun */
    bool ours; /* and it is the profile's */
};

/* One line without its blanks. Messages never quote it: it may hold a secret. */
static int parse_line(char *line, const char *profile, struct section *section,
                      struct profile_values *values, struct error *err)
{
    if (line[0] == '\0' || line[0] == '#' || line[0] == ';')
        return 0;
    if (line[0] == '[') {
        char *end = strchr(line, ']');
        if (end == NULL)
            return error_set(err, ERROR_INVALID, "a section without its ']'");
        *end = '\0';
        section->any = true;
        section->ours = strcmp(trim(line + 1), profile) == 0;
        values->found = values->found || section->ours;
        return 0;
    }
    char *equals = strchr(line, '=');
    if (equals == NULL || equals == line)
        return error_set(err, ERROR_INVALID,
                         "expected \"[profile]\", \"key = value\", or a comment");
    if (!section->any)
        return error_set(err, ERROR_INVALID,
                         "a key before the first section: expected \"[profile]\"");
    if (section->ours) {
        *equals = '\0';
        cut_comment(equals + 1);
        take_value(values, trim(line), trim(equals + 1));
    }
    return 0;
}

static int parse_text(char *text, const char *path, const char *profile,
                      struct profile_values *values, struct error *err)
{
    struct section section = {0};
    unsigned number = 1;

    for (char *line = text; line != NULL; number++) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end = '\0';
        const int rc = parse_line(trim(line), profile, &section, values, err);
        if (rc != 0) {
            error_prefix(err, "%s:%u", path, number);
            return rc;
        }
        line = end != NULL ? end + 1 : NULL;
    }
    return 0;
}

/* ERROR_NOT_FOUND where the file has no such profile, or one without keys of its own. */
static int credentials_of_text(char *text, const char *path, const char *profile,
                               struct aws_credentials **out, struct error *err)
{
    struct profile_values values = {0};
    int rc = parse_text(text, path, profile, &values, err);

    if (rc != 0)
        return rc;
    if (values.access_key_id == NULL && values.secret_access_key == NULL)
        return error_set(err, ERROR_NOT_FOUND, "%s: %s [%s]", path,
                         values.found ? "no keys in the section" : "no section", profile);
    if (values.access_key_id == NULL || values.secret_access_key == NULL)
        return error_set(err, ERROR_INVALID, "%s: the section [%s] has no %s", path, profile,
                         values.access_key_id == NULL ? "aws_access_key_id"
                                                      : "aws_secret_access_key");
    rc = aws_credentials_create(values.access_key_id, values.secret_access_key,
                                values.session_token, AWS_NEVER_EXPIRES, out, err);
    if (rc != 0)
        error_prefix(err, "%s: section [%s]", path, profile);
    return rc;
}

/* ---- the file ---- */

/* What tells one content from the next; all zero for a file that isn't there. */
struct file_mark {
    struct timespec modified;
    off_t size;
    ino_t inode;
    dev_t device;
    mode_t mode;
};

static struct file_mark mark_of(const struct stat *info)
{
    return (struct file_mark){.modified = info->st_mtim,
                              .size = info->st_size,
                              .inode = info->st_ino,
                              .device = info->st_dev,
                              .mode = info->st_mode};
}

static bool same_mark(const struct file_mark *a, const struct file_mark *b)
{
    return a->modified.tv_sec == b->modified.tv_sec && a->modified.tv_nsec == b->modified.tv_nsec &&
           a->size == b->size && a->inode == b->inode && a->device == b->device &&
           a->mode == b->mode;
}

static int failed_file(const char *path, struct error *err)
{
    if (errno == ENOENT || errno == ENOTDIR)
        return error_set(err, ERROR_NOT_FOUND, "%s: no such file", path);
    return error_set(err, ERROR_IO, "%s: can't be read: %s", path, strerror(errno));
}

/* `text` holds FILE_MAX + 1 bytes. */
static int read_text(int fd, const char *path, char *text, struct error *err)
{
    size_t len = 0;

    for (;;) {
        const ssize_t got = read(fd, text + len, FILE_MAX + 1 - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed_file(path, err);
        if (got == 0)
            break;
        len += (size_t)got;
        if (len > FILE_MAX)
            return error_set(err, ERROR_INVALID, "%s: over %d bytes", path, FILE_MAX);
    }
    text[len] = '\0';
    if (strlen(text) != len)
        return error_set(err, ERROR_INVALID, "%s: has a NUL byte: expected text", path);
    return 0;
}

/* Opens without waiting, so that a pipe in the file's place can't hold us up. `*mark` is that of
 * what was opened. */
static int load(const char *path, const char *profile, struct file_mark *mark,
                struct aws_credentials **out, struct error *err)
{
    struct stat info;
    char *text = NULL;
    int rc = 0;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    *mark = (struct file_mark){0};
    if (fd < 0)
        return failed_file(path, err);
    if (fstat(fd, &info) != 0) {
        rc = failed_file(path, err);
        goto out;
    }
    *mark = mark_of(&info);
    if (!S_ISREG(info.st_mode)) {
        rc = error_set(err, ERROR_IO, "%s: not a regular file", path);
        goto out;
    }
    text = malloc(FILE_MAX + 1);
    if (text == NULL) {
        rc = error_set(err, ERROR_NOMEM, "%s: out of memory", path);
        goto out;
    }
    rc = read_text(fd, path, text, err);
    if (rc == 0)
        rc = credentials_of_text(text, path, profile, out, err);
out:
    if (text != NULL)
        crypto_wipe(text, FILE_MAX + 1);
    free(text);
    (void)close(fd);
    return rc;
}

/* ---- the provider ---- */

struct file_provider {
    char *path;
    char *profile;
    pthread_mutex_t mutex;           /* guards what follows; never held while the file is read */
    bool loading;                    /* somebody reads: the others take what is there */
    bool warned_mode;                /* of whoever is loading */
    struct file_mark mark;           /* of the last file that was read, good or bad */
    struct aws_credentials *current; /* the last good ones, or NULL */
    struct error problem;            /* why the last reading gave none; code 0 = it did */
};

/* Only whoever set `loading` comes here, without the mutex: a log line may take its time. */
static void warn(struct file_provider *provider, const struct file_mark *mark,
                 const struct error *problem)
{
    if (!provider->warned_mode && (mark->mode & (S_IRWXG | S_IRWXO)) != 0) {
        provider->warned_mode = true;
        LOG(LOG_WARNING, "credentials.file_permissions", log_str("path", provider->path),
            log_str("hint", "group or others may use this file: chmod 600"));
    }
    if (provider->current != NULL && problem->code != 0 &&
        strcmp(problem->message, provider->problem.message) != 0)
        LOG(LOG_WARNING, "credentials.file_kept_last_good", log_str("path", provider->path),
            log_str("problem", problem->message));
}

/*
 * Called with the mutex held; gives it up while the file is read. What may pass by itself (no file
 * descriptor, no permission, no memory) leaves no mark, so that it is tried again.
 */
static void reload(struct file_provider *provider)
{
    struct file_mark mark = {0};
    struct aws_credentials *fresh = NULL;
    struct aws_credentials *old = NULL;
    struct error problem = {0};

    provider->loading = true;
    (void)pthread_mutex_unlock(&provider->mutex);
    const int rc = load(provider->path, provider->profile, &mark, &fresh, &problem);
    warn(provider, &mark, &problem);
    if (rc == ERROR_IO || rc == ERROR_NOMEM)
        mark = (struct file_mark){0};
    (void)pthread_mutex_lock(&provider->mutex);
    provider->loading = false;
    provider->problem = problem;
    provider->mark = mark;
    if (rc == 0) {
        old = provider->current;
        provider->current = fresh;
    }
    aws_credentials_unref(&old);
}

/* Nothing to give: not configured, or configured and broken. Called with the mutex held. */
static int report_problem(const struct file_provider *provider, struct error *err)
{
    const enum error_code code =
        provider->problem.code == ERROR_NOT_FOUND ? ERROR_NOT_FOUND : ERROR_RETRY;

    return error_set(err, code, "%s", provider->problem.message);
}

static int file_get(void *self, struct aws_credentials **out, struct error *err)
{
    struct file_provider *provider = self;
    struct stat info;
    struct file_mark now = {0};
    int rc = 0;

    if (stat(provider->path, &info) == 0)
        now = mark_of(&info);
    (void)pthread_mutex_lock(&provider->mutex);
    if (!provider->loading && !same_mark(&now, &provider->mark))
        reload(provider);
    if (provider->current != NULL)
        *out = aws_credentials_ref(provider->current);
    else
        rc = report_problem(provider, err);
    (void)pthread_mutex_unlock(&provider->mutex);
    return rc;
}

static void file_free(void *self)
{
    struct file_provider *provider = self;

    aws_credentials_unref(&provider->current);
    (void)pthread_mutex_destroy(&provider->mutex);
    free(provider->path);
    free(provider->profile);
    free(provider);
}

static const struct aws_credentials_provider_ops file_ops = {
    .name = "shared-file",
    .get = file_get,
    .free = file_free,
};

int aws_credentials_from_file(const char *path, const char *profile,
                              struct aws_credentials_provider **out, struct error *err)
{
    struct file_provider *provider = calloc(1, sizeof(*provider));

    if (provider == NULL || pthread_mutex_init(&provider->mutex, NULL) != 0) {
        free(provider);
        return error_set(err, ERROR_NOMEM, "out of memory for the credentials file");
    }
    provider->path = strdup(path);
    provider->profile = strdup(profile);
    if (provider->path == NULL || provider->profile == NULL) {
        file_free(provider);
        return error_set(err, ERROR_NOMEM, "out of memory for the credentials file");
    }
    (void)pthread_mutex_lock(&provider->mutex);
    reload(provider);
    const struct error problem = provider->problem;
    (void)pthread_mutex_unlock(&provider->mutex);
    if (problem.code != 0 && problem.code != ERROR_NOT_FOUND) {
        file_free(provider);
        return error_set(err, problem.code, "%s", problem.message);
    }
    return aws_credentials_provider_create(&file_ops, provider, out, err);
}
