/* From the request's credentials to a principal, answered as RFC 6750 says. */
#ifndef LOOKOUT_HTTP_AUTHENTICATE_H
#define LOOKOUT_HTTP_AUTHENTICATE_H

#include "gateway/http/context.h"
#include "gateway/http/exchange.h"

#define AUTHENTICATE_REALM "lookout-gateway"

/*
 * Takes the token from `Authorization: Bearer`, or, where Authorization is an AWS signature, from
 * X-Amz-Security-Token, and verifies it. True: exchange->principal is who asks. False: the exchange
 * has its 401 (or 400, 500). `*reason` tells log and metrics why, in both cases.
 */
bool authenticate(const struct http_context *context, struct exchange *exchange,
                  enum jws_reason *reason);

/* False: the exchange has its 403 insufficient_scope. */
bool authenticate_require_scope(struct exchange *exchange, enum scope scope);

#endif
