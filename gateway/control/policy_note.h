/* The policy in the journal: when one comes into force, and what exceeds its limits from then on.
 */
#ifndef LOOKOUT_CONTROL_POLICY_NOTE_H
#define LOOKOUT_CONTROL_POLICY_NOTE_H

#include "gateway/control/control.h"

/* Entries about limits that are exceeded, at one time; the others are counted in the log. */
#define POLICY_NOTE_MAX 100

/*
 * Writes "policy" into the journal, and "over-limit" about the team for each of its limits that is
 * exceeded, in this period or by what is reserved in a later one: it was lowered (promise 2), or
 * was exceeded before. What can't be written is in the log, and nothing waits for it. `why`:
 * "loaded", "reloaded". Any thread.
 */
void policy_note(struct control *control, const char *why);

#endif
