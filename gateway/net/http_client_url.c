/*
 * CURLOPT_CURLU with CURLOPT_REQUEST_TARGET. Setting only the path of a CURLU would do as well,
 * but that makes "%2F" into "%2f", which is not what was signed.
 */
#include "gateway/net/http_client_url.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>

#define MAX_URL_BYTES (16 * 1024)

void http_client_url_init(struct http_client_url *url)
{
    url->origin = NULL;
    strbuf_init(&url->origin_text, MAX_URL_BYTES);
    strbuf_init(&url->target, MAX_URL_BYTES);
}

void http_client_url_free(struct http_client_url *url)
{
    curl_url_cleanup(url->origin);
    url->origin = NULL;
    strbuf_free(&url->origin_text);
    strbuf_free(&url->target);
}

/* Visible ASCII, and no fragment: libcurl does not look at it any more. */
static bool is_target(const char *target)
{
    for (; *target != '\0'; target++) {
        if (*target <= ' ' || *target > '~' || *target == '#')
            return false;
    }
    return true;
}

static int change_origin(struct http_client_url *url, CURL *easy, const char *text, size_t len,
                         struct error *err)
{
    CURLUcode code;

    curl_url_cleanup(url->origin);
    url->origin = curl_url();
    strbuf_clear(&url->origin_text);
    strbuf_add(&url->origin_text, text, len);
    if (url->origin == NULL || !strbuf_ok(&url->origin_text))
        return error_set(err, ERROR_NOMEM, "no memory for the URL's origin");
    code = curl_url_set(url->origin, CURLUPART_URL, url->origin_text.data, 0);
    if (code != CURLUE_OK)
        return error_set(err, ERROR_INVALID, "saw the URL \"%.128s\", which can't be used: %s",
                         text, curl_url_strerror(code));
    if (curl_easy_setopt(easy, CURLOPT_CURLU, url->origin) != CURLE_OK)
        return error_set(err, ERROR_NOMEM, "no memory for the URL's origin");
    return 0;
}

/* After a failure no next URL shares the origin: the handle gets one before it performs again. */
static int set_origin(struct http_client_url *url, CURL *easy, const char *text, size_t len,
                      struct error *err)
{
    int rc;

    if (url->origin_text.len == len && memcmp(url->origin_text.data, text, len) == 0)
        return 0;
    rc = change_origin(url, easy, text, len, err);
    if (rc != 0)
        strbuf_clear(&url->origin_text);
    return rc;
}

int http_client_url_set(struct http_client_url *url, void *easy, const char *text,
                        struct error *err)
{
    const char *scheme_end = strstr(text, "://");
    const char *target;
    int rc;

    if (scheme_end == NULL || strlen(text) >= MAX_URL_BYTES)
        return error_set(err, ERROR_INVALID,
                         "saw the URL \"%.128s\", expected one with http:// or https://, shorter "
                         "than %d bytes",
                         text, MAX_URL_BYTES);
    target = scheme_end + 3 + strcspn(scheme_end + 3, "/?#");
    if (!is_target(target))
        return error_set(err, ERROR_INVALID,
                         "saw the URL \"%.128s\", expected visible ASCII and no fragment", text);
    rc = set_origin(url, easy, text, (size_t)(target - text), err);
    if (rc != 0)
        return rc;
    strbuf_clear(&url->target);
    if (*target != '/')
        strbuf_addch(&url->target, '/');
    strbuf_addstr(&url->target, target);
    if (!strbuf_ok(&url->target) ||
        curl_easy_setopt((CURL *)easy, CURLOPT_REQUEST_TARGET, url->target.data) != CURLE_OK)
        return error_set(err, ERROR_NOMEM, "no memory for the URL's target");
    return 0;
}
