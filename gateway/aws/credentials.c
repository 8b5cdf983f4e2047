/* Credentials as immutable values, what a provider is, and the chain of providers. */
#include "gateway/aws/credentials.h"

#include "gateway/base/crypto.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct aws_credentials {
    atomic_uint references;
    char *access_key_id;
    char *secret_access_key;
    char *session_token; /* NULL where there is none */
    int64_t expires_wall_ms;
};

/* Visible ASCII: no blank, no line break, nothing that a header folds or ends at. */
static bool is_visible(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] < '!' || text[i] > '~')
            return false;
    return true;
}

/* The message never has the value. */
static int copy_part(const char *what, const char *value, size_t max_len, char **out,
                     struct error *err)
{
    const size_t len = value != NULL ? strnlen(value, max_len + 1) : 0;

    if (len == 0 || len > max_len || !is_visible(value, len))
        return error_set(
            err, ERROR_INVALID,
            "the %s is empty, longer than %zu bytes, or has blanks or other bytes that "
            "are not visible ASCII: expected it as AWS gave it",
            what, max_len);
    *out = strdup(value);
    if (*out == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for the %s", what);
    return 0;
}

int aws_credentials_create(const char *access_key_id, const char *secret_access_key,
                           const char *session_token, int64_t expires_wall_ms,
                           struct aws_credentials **out, struct error *err)
{
    struct aws_credentials *credentials = calloc(1, sizeof(*credentials));

    if (credentials == NULL)
        return error_set(err, ERROR_NOMEM, "out of memory for credentials");
    atomic_init(&credentials->references, 1);
    credentials->expires_wall_ms = expires_wall_ms;
    int rc = copy_part("access key id", access_key_id, AWS_CREDENTIALS_KEY_MAX,
                       &credentials->access_key_id, err);
    if (rc == 0)
        rc = copy_part("secret access key", secret_access_key, AWS_CREDENTIALS_KEY_MAX,
                       &credentials->secret_access_key, err);
    if (rc == 0 && session_token != NULL)
        rc = copy_part("session token", session_token, AWS_CREDENTIALS_TOKEN_MAX,
                       &credentials->session_token, err);
    if (rc != 0) {
        aws_credentials_unref(&credentials);
        return rc;
    }
    *out = credentials;
    return 0;
}

struct aws_credentials *aws_credentials_ref(struct aws_credentials *credentials)
{
    if (credentials != NULL)
        (void)atomic_fetch_add_explicit(&credentials->references, 1, memory_order_relaxed);
    return credentials;
}

static void free_secret(char *text)
{
    if (text != NULL)
        crypto_wipe(text, strlen(text));
    free(text);
}

void aws_credentials_unref(struct aws_credentials **credentials)
{
    if (credentials == NULL || *credentials == NULL)
        return;
    struct aws_credentials *last = *credentials;
    *credentials = NULL;
    if (atomic_fetch_sub_explicit(&last->references, 1, memory_order_acq_rel) != 1)
        return;
    free_secret(last->access_key_id);
    free_secret(last->secret_access_key);
    free_secret(last->session_token);
    free(last);
}

const char *aws_credentials_access_key_id(const struct aws_credentials *credentials)
{
    return credentials->access_key_id;
}

const char *aws_credentials_secret_access_key(const struct aws_credentials *credentials)
{
    return credentials->secret_access_key;
}

const char *aws_credentials_session_token(const struct aws_credentials *credentials)
{
    return credentials->session_token;
}

int64_t aws_credentials_expires_wall_ms(const struct aws_credentials *credentials)
{
    return credentials->expires_wall_ms;
}

struct aws_credentials_provider {
    const struct aws_credentials_provider_ops *ops;
    void *self;
};

int aws_credentials_provider_create(const struct aws_credentials_provider_ops *ops, void *self,
                                    struct aws_credentials_provider **out, struct error *err)
{
    struct aws_credentials_provider *provider = calloc(1, sizeof(*provider));

    if (provider == NULL) {
        ops->free(self);
        return error_set(err, ERROR_NOMEM, "out of memory for the credentials provider \"%s\"",
                         ops->name);
    }
    provider->ops = ops;
    provider->self = self;
    *out = provider;
    return 0;
}

int aws_credentials_provider_get(struct aws_credentials_provider *provider,
                                 struct aws_credentials **out, struct error *err)
{
    return provider->ops->get(provider->self, out, err);
}

void aws_credentials_provider_free(struct aws_credentials_provider **provider)
{
    if (provider == NULL || *provider == NULL)
        return;
    (*provider)->ops->free((*provider)->self);
    free(*provider);
    *provider = NULL;
}

struct chain {
    unsigned count;
    struct aws_credentials_provider *members[AWS_CREDENTIALS_CHAIN_MAX];
};

static int chain_get(void *self, struct aws_credentials **out, struct error *err)
{
    const struct chain *chain = self;

    for (unsigned i = 0; i < chain->count; i++) {
        const int rc = aws_credentials_provider_get(chain->members[i], out, err);
        if (rc != ERROR_NOT_FOUND)
            return rc;
    }
    return error_set(err, ERROR_NOT_FOUND,
                     "no AWS credentials: none of %u sources is configured; set AWS_ACCESS_KEY_ID "
                     "and AWS_SECRET_ACCESS_KEY, or name a shared credentials file",
                     chain->count);
}

static void chain_free(void *self)
{
    struct chain *chain = self;

    for (unsigned i = 0; i < chain->count; i++)
        aws_credentials_provider_free(&chain->members[i]);
    free(chain);
}

static const struct aws_credentials_provider_ops chain_ops = {
    .name = "chain",
    .get = chain_get,
    .free = chain_free,
};

int aws_credentials_chain(struct aws_credentials_provider **members, unsigned count,
                          struct aws_credentials_provider **out, struct error *err)
{
    struct chain *chain = count <= AWS_CREDENTIALS_CHAIN_MAX ? calloc(1, sizeof(*chain)) : NULL;

    if (chain == NULL) {
        for (unsigned i = 0; i < count; i++)
            aws_credentials_provider_free(&members[i]);
        if (count > AWS_CREDENTIALS_CHAIN_MAX)
            return error_set(err, ERROR_INVALID,
                             "a chain of %u sources of credentials: expected at most %d", count,
                             AWS_CREDENTIALS_CHAIN_MAX);
        return error_set(err, ERROR_NOMEM, "out of memory for the chain of credentials");
    }
    for (unsigned i = 0; i < count; i++) {
        chain->members[i] = members[i];
        members[i] = NULL;
    }
    chain->count = count;
    return aws_credentials_provider_create(&chain_ops, chain, out, err);
}
