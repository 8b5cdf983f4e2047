/* When what is held will end, for those who look ahead: read seldom, told often. */
#ifndef LOOKOUT_LEDGER_LEDGER_RELEASES_H
#define LOOKOUT_LEDGER_LEDGER_RELEASES_H

#include "gateway/ledger/ledger_backend.h"

struct ledger_releases; /* any thread */

int ledger_releases_create(struct ledger_releases **out, struct error *err)
    __attribute__((warn_unused_result));
void ledger_releases_free(struct ledger_releases **releases);

/*
 * What ledger_list_releases answers. `changes` is the writer's count of changes: as long as that
 * stands nothing is read. With many live rows what was read counts for a second all the same, so
 * that a storm of refusals costs one look at them.
 */
int ledger_releases_list(struct ledger_releases *releases, const struct ledger_backend *backend,
                         struct ledger_session *session, int64_t changes, const char *team,
                         struct quota_release *out, size_t capacity, size_t *count,
                         struct error *err) __attribute__((warn_unused_result));

#endif
