/* The names and numbers of a request, checked before anything is done with them. */
#ifndef LOOKOUT_CONTROL_MODEL_NAME_H
#define LOOKOUT_CONTROL_MODEL_NAME_H

#include "policy/error.h"

#include <stdbool.h>
#include <stddef.h>

/* Source: the service's model, API 2020-11-20, shapes ProjectName, ModelVersion, ClientToken. */
/* 1 to 255 of [a-zA-Z0-9_-], the first not '_' or '-'. */
int model_name_check_project(const char *name, size_t len, struct error *err)
    __attribute__((warn_unused_result));
/* 1 to 10 digits without a leading zero, or "latest". */
int model_name_check_version(const char *version, size_t len, struct error *err)
    __attribute__((warn_unused_result));
bool model_name_is_latest(const char *version);
/* An idempotency key: 1 to 64 of [a-zA-Z0-9-], as AWS's ClientToken. */
int model_name_check_key(const char *key, size_t len, struct error *err)
    __attribute__((warn_unused_result));

#endif
