/* Which live reservation a caller means by a model's name. */
#ifndef LOOKOUT_CONTROL_HELD_H
#define LOOKOUT_CONTROL_HELD_H

#include "gateway/control/context.h"

/*
 * The live row of the model that `team` (NULL: an administrator, any team) holds; "latest" is the
 * newest version that is held. ERROR_NOT_FOUND where there is none, or another team has it. A row
 * whose stop could not be recorded is STOPPING, whatever the ledger says.
 */
int held_find(struct control *control, const char *team, const char *project, const char *version,
              struct reservation *row, struct error *err) __attribute__((warn_unused_result));

#endif
