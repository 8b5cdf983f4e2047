/*
 * The API: what is done with every exchange, in order. Fault, route, credentials, scope, handler;
 * then the log line and the metrics.
 */
#ifndef LOOKOUT_HTTP_API_H
#define LOOKOUT_HTTP_API_H

#include "gateway/http/context.h"
#include "gateway/http/exchange.h"

struct api;

/* Copies `context`, registers the metrics. */
int api_create(const struct http_context *context, struct api **out, struct error *err)
    __attribute__((warn_unused_result));
void api_free(struct api **api);

/* An http_handle_fn; `api` is a struct api. Any thread. */
void api_handle(void *api, struct exchange *exchange);

#endif
