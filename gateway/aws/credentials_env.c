/* Credentials from the environment, taken once: a running process's environment doesn't change. */
#include "gateway/aws/credentials.h"

#include <stdlib.h>

/* `self` is the credentials, or NULL where the environment has none. */
static int environment_get(void *self, struct aws_credentials **out, struct error *err)
{
    if (self == NULL)
        return error_set(err, ERROR_NOT_FOUND,
                         "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set");
    *out = aws_credentials_ref(self);
    return 0;
}

static void environment_free(void *self)
{
    struct aws_credentials *credentials = self;

    aws_credentials_unref(&credentials);
}

static const struct aws_credentials_provider_ops environment_ops = {
    .name = "environment",
    .get = environment_get,
    .free = environment_free,
};

/* An empty variable counts as one that is not set, as in AWS's own tools. */
static const char *read_variable(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

int aws_credentials_from_environment(struct aws_credentials_provider **out, struct error *err)
{
    const char *id = read_variable("AWS_ACCESS_KEY_ID");
    const char *secret = read_variable("AWS_SECRET_ACCESS_KEY");
    struct aws_credentials *credentials = NULL;

    if ((id == NULL) != (secret == NULL))
        return error_set(err, ERROR_INVALID,
                         "%s is set but %s is not: expected both or none in the environment",
                         id != NULL ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                         id != NULL ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
    if (id != NULL) {
        const int rc = aws_credentials_create(id, secret, read_variable("AWS_SESSION_TOKEN"),
                                              AWS_NEVER_EXPIRES, &credentials, err);
        if (rc != 0) {
            error_prefix(err, "environment");
            return rc;
        }
    }
    return aws_credentials_provider_create(&environment_ops, credentials, out, err);
}
