/* Whether anything new can be started now, whoever asks: the ledger, the account and the time. */
#ifndef LOOKOUT_CONTROL_START_GATE_H
#define LOOKOUT_CONTROL_START_GATE_H

#include "gateway/control/admission.h"
#include "gateway/control/context.h"

struct start_gate {
    bool open;
    enum start_outcome outcome; /* of what would be new where it is closed, and why */
    char detail[RESERVATION_MESSAGE_MAX];
};

/*
 * What is there already, by key or by model, is told of all the same, and only not sent again. A
 * dry run asks nobody. Without the model's marker.
 *
 * Rules 9 and 10: the first start of a process asks AWS first, and so does each one while AWS's
 * account is the wrong one or the time is not known: a row that begins at a wrong time is charged
 * too little, and in the wrong window. One asks, the others wait for it.
 */
void start_gate_look(struct control *control, const struct start_request *request,
                     int64_t deadline_ms, struct start_gate *gate);

/* With the model's marker: not while a stop of it is not written down. The ledger may have closed
 * its row, and knows of no fence then. */
void start_gate_look_at_model(struct control *control, const char *project, const char *version,
                              struct start_gate *gate);

#endif
