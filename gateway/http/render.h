/* A reservation as the JSON that several routes answer with; rules and limits: render_rule.h. */
#ifndef LOOKOUT_HTTP_RENDER_H
#define LOOKOUT_HTTP_RENDER_H

#include "gateway/base/strbuf.h"
#include "gateway/ledger/reservation.h"

/*
 * A reservation as an object; `name` NULL for an element of an array. Shows it whole but for tokens
 * and bookkeeping: only for those who may see it.
 */
void render_reservation(struct strbuf *out, const char *name, const struct reservation *row);

#endif
