/*
 * The control endpoint under /_emulator/: JSON in, JSON out, unsigned, for loopback only (the wire
 * sees to that). Bodies are strict: an unknown member is an error.
 *
 *   GET  /_emulator/state       time, counters of each operation, models with their applied starts
 *   GET  /_emulator/bill        billed runs of each model and their sums
 *   GET  /_emulator/settings    all settings
 *   POST /_emulator/settings    changes some: {"starting_ms":100,"token_reuse":"validation"}
 *   GET  /_emulator/faults      what is armed
 *   POST /_emulator/faults      arms one: {"operation":"start","fault":"drop_after","count":1};
 *                               faults.h has them all
 *   POST /_emulator/faults/clear  disarms all
 *   POST /_emulator/clock       {"shift_ms":-600000}: shifts the emulator's own wall clock
 *   POST /_emulator/models      {"project":"p","version":"1"}: a TRAINED model
 *   POST /_emulator/set-status  {"project","version","status","units"}: behind everybody's back
 *   POST /_emulator/reset       forgets everything but the settings
 *
 * 200 with a JSON object, or 400, 404, 405 with {"error":"what is wrong"}.
 */
#ifndef LOOKOUT_EMULATOR_CONTROL_H
#define LOOKOUT_EMULATOR_CONTROL_H

#include "tests/emulator/service.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#define CONTROL_PREFIX "/_emulator/"

/* Returns the HTTP status. `*out` is owned by the caller; NULL only when memory is out (500). */
int control_handle(struct service *service, const char *method, const char *path, const char *body,
                   size_t body_len, json_t **out);

#endif
