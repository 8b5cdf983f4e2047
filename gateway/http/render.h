/* Reservations, decisions and usage as the JSON that several routes answer with. */
#ifndef LOOKOUT_HTTP_RENDER_H
#define LOOKOUT_HTTP_RENDER_H

#include "gateway/base/strbuf.h"
#include "gateway/ledger/reservation.h"
#include "policy/quota.h"

#define RENDER_HREF_SIZE 64

/* "/v1/reservations/<id>" */
void render_href(const struct reservation *row, char out[RENDER_HREF_SIZE]);

/*
 * A reservation as an object; `name` NULL for an element of an array. Shows it whole but for tokens
 * and bookkeeping: only for those who may see it.
 */
void render_reservation(struct strbuf *out, const char *name, const struct reservation *row);

/* The members PolicyDigest, LargestFit and Rules of an object that is open. */
void render_decision(struct strbuf *out, const struct quota_decision *decision,
                     const char *policy_digest);

/* The members Rule, Scope, Pointer, Limit, Used, Reserved, Requested, FitsNow, Admits, EverAdmits.
 */
void render_rule(struct strbuf *out, const struct quota_rule *rule);

/* The limits with what is held and what is left, as an object. */
void render_usage(struct strbuf *out, const char *name, const struct policy_limits *limits,
                  const struct quota_usage *usage);

#endif
