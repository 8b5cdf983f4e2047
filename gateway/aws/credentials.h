/*
 * AWS credentials: immutable, reference-counted values, and providers that give them.
 * A chain and a cache are providers too; so will be the ones that fetch over the network.
 */
#ifndef LOOKOUT_AWS_CREDENTIALS_H
#define LOOKOUT_AWS_CREDENTIALS_H

#include "policy/error.h"

#include <stdint.h>

/* Wiped when the last reference goes. The counter is atomic; the rest never changes. */
struct aws_credentials;

#define AWS_NEVER_EXPIRES         INT64_MAX
#define AWS_CREDENTIALS_KEY_MAX   1024        /* bytes of an access key id, of a secret */
#define AWS_CREDENTIALS_TOKEN_MAX (64 * 1024) /* bytes of a session token: AWS names no maximum */
#define AWS_CREDENTIALS_CHAIN_MAX 8           /* members of a chain */

/* Copies all strings. `session_token` may be NULL. ERROR_INVALID when one is empty, too long, or
 * has bytes that can't stand in a header. */
int aws_credentials_create(const char *access_key_id, const char *secret_access_key,
                           const char *session_token, int64_t expires_wall_ms,
                           struct aws_credentials **out, struct error *err)
    __attribute__((warn_unused_result));
struct aws_credentials *aws_credentials_ref(struct aws_credentials *credentials);
void aws_credentials_unref(struct aws_credentials **credentials);

const char *aws_credentials_access_key_id(const struct aws_credentials *credentials);
const char *aws_credentials_secret_access_key(const struct aws_credentials *credentials);
const char *aws_credentials_session_token(const struct aws_credentials *credentials); /* or NULL */
int64_t aws_credentials_expires_wall_ms(const struct aws_credentials *credentials);

/*
 * A provider. Backends fill the table.
 * get: must give a new reference to credentials that are valid now, or ERROR_NOT_FOUND when this
 *      source is not configured (a chain then asks the next), or ERROR_RETRY when it is but has
 * none to give at present. May block; must not be called with a lock held. Any thread. free: must
 * release everything.
 */
struct aws_credentials_provider_ops {
    const char *name; /* for logs: "environment", "shared-file" */
    int (*get)(void *self, struct aws_credentials **out, struct error *err);
    void (*free)(void *self);
};
struct aws_credentials_provider;

/* Takes ownership of `self`, also when it fails. `ops` outlives the provider. */
int aws_credentials_provider_create(const struct aws_credentials_provider_ops *ops, void *self,
                                    struct aws_credentials_provider **out, struct error *err)
    __attribute__((warn_unused_result));
int aws_credentials_provider_get(struct aws_credentials_provider *provider,
                                 struct aws_credentials **out, struct error *err)
    __attribute__((warn_unused_result));
void aws_credentials_provider_free(struct aws_credentials_provider **provider);

/* AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, read once, here. ERROR_INVALID when
 * only one of the first two is set, or one can't be used. */
int aws_credentials_from_environment(struct aws_credentials_provider **out, struct error *err)
    __attribute__((warn_unused_result));

/*
 * The shared credentials file (AWS SDKs and Tools Reference Guide, "Shared config and credentials
 * files"): sections [profile], keys aws_access_key_id, aws_secret_access_key, aws_session_token,
 * comments with '#' or ';'; the last of several values counts. It is read here and again when its
 * modification time, size or inode changed, so that rotating the file needs no signal.
 *
 * Here: ERROR_INVALID ("file:line: …") when it can't be parsed, ERROR_IO when it can't be read; no
 * file, or none with that profile, is no error, for it may come later. A file that later became
 * unreadable or malformed, or lost the profile, keeps the last good credentials and warns. Warns
 * too, once, when the group or others may use the file.
 */
int aws_credentials_from_file(const char *path, const char *profile,
                              struct aws_credentials_provider **out, struct error *err)
    __attribute__((warn_unused_result));

/* Asks its members in order; takes ownership of all of them, also when it fails. */
int aws_credentials_chain(struct aws_credentials_provider **members, unsigned count,
                          struct aws_credentials_provider **out, struct error *err)
    __attribute__((warn_unused_result));

#endif
