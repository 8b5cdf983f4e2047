/*
 * The URL of a CURL handle in two parts: the origin, which libcurl parses only when it is another
 * one than before, and the target, which it sends byte by byte as it was signed.
 */
#ifndef LOOKOUT_NET_HTTP_CLIENT_URL_H
#define LOOKOUT_NET_HTTP_CLIENT_URL_H

#include "gateway/base/strbuf.h"
#include "policy/error.h"

struct http_client_url {
    void *origin;              /* a CURLU *, which the handle reads; NULL before the first */
    struct strbuf origin_text; /* what it was made of: "https://host:port" */
    struct strbuf target;      /* path and query */
};

void http_client_url_init(struct http_client_url *url);
/* After the handle is cleaned up. */
void http_client_url_free(struct http_client_url *url);

/*
 * Makes `text`, an http:// or https:// URL, the one of `easy` (a CURL *, always the same).
 * ERROR_INVALID where it is none, is too long, has a fragment, or its target has characters that
 * can't stand in a request line; ERROR_NOMEM.
 */
int http_client_url_set(struct http_client_url *url, void *easy, const char *text,
                        struct error *err) __attribute__((warn_unused_result));

#endif
