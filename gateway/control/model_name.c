/* Bounds of project names, model versions and idempotency keys. */
#include "gateway/control/model_name.h"

#include "gateway/ledger/ledger.h"

#include <string.h>

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

int model_name_check_project(const char *name, size_t len, struct error *err)
{
    if (len == 0 || len > RESERVATION_PROJECT_MAX)
        return error_set(err, ERROR_INVALID,
                         "a project's name has 1 to %d characters, saw %zu: name a project of your "
                         "AWS account",
                         RESERVATION_PROJECT_MAX, len);
    for (size_t i = 0; i < len; i++)
        if (!is_alnum(name[i]) && (i == 0 || (name[i] != '_' && name[i] != '-')))
            return error_set(err, ERROR_INVALID,
                             "a project's name has letters, digits, '_' and '-' and begins with a "
                             "letter or digit; character %zu is something else",
                             i + 1);
    return 0;
}

bool model_name_is_latest(const char *version)
{
    return strcmp(version, "latest") == 0;
}

int model_name_check_version(const char *version, size_t len, struct error *err)
{
    if (len == strlen("latest") && memcmp(version, "latest", len) == 0)
        return 0;
    bool good = len >= 1 && len <= RESERVATION_VERSION_MAX && version[0] != '0';
    for (size_t i = 0; good && i < len; i++)
        good = version[i] >= '0' && version[i] <= '9';
    if (good)
        return 0;
    return error_set(err, ERROR_INVALID,
                     "a model's version is a number of 1 to %d digits without a leading zero, or "
                     "\"latest\"",
                     RESERVATION_VERSION_MAX);
}

int model_name_check_key(const char *key, size_t len, struct error *err)
{
    if (len == 0 || len > LEDGER_KEY_MAX)
        return error_set(err, ERROR_INVALID,
                         "an idempotency key has 1 to %d characters, saw %zu: a UUID does well",
                         LEDGER_KEY_MAX, len);
    for (size_t i = 0; i < len; i++)
        if (!is_alnum(key[i]) && key[i] != '-')
            return error_set(err, ERROR_INVALID,
                             "an idempotency key has letters, digits and '-', as AWS's "
                             "ClientToken; character %zu is something else",
                             i + 1);
    return 0;
}
