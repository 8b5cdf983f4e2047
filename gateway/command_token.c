/* `lookout-gateway token mint` and `token inspect`: tokens for development, and for looking into.
 */
#include "gateway/commands.h"

#include "gateway/auth/jws.h"
#include "gateway/auth/token_issue.h"
#include "gateway/base/clock.h"
#include "gateway/base/file.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define MAX_KEY_BYTES (16 * 1024)
#define MAX_TEAMS     16

static const char usage[] =
    "usage: lookout-gateway token mint --key-file FILE --algorithm ALG --kid KID --issuer ISS\n"
    "         --audience AUD --subject SUB --team TEAM [--team TEAM...] [--scope \"SCOPE...\"]\n"
    "         [--lifetime-seconds N]\n"
    "       lookout-gateway token inspect [FILE]      (or the token on standard input)\n"
    "Scopes: models:start models:stop models:read models:detect gateway:admin\n";

static int fail(int status, const struct error *err)
{
    (void)fprintf(stderr, "lookout-gateway: %s\n", err->message);
    return status;
}

static int fail_usage(const char *message)
{
    return commands_fail_usage(message, usage);
}

struct mint {
    struct token_request request;
    const char *teams[MAX_TEAMS];
    const char *key_file;
    const char *algorithm;
};

static bool parse_lifetime(const char *text, int64_t *out)
{
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || value < 1)
        return false;
    *out = value;
    return true;
}

/* NULL, or what is wrong with the arguments. */
static const char *parse_mint(int argc, char *const *argv, struct mint *mint)
{
    enum { KEY, ALGORITHM, KID, ISSUER, AUDIENCE, SUBJECT, TEAM, SCOPE, LIFETIME };
    static const struct option flags[] = {
        {"key-file", required_argument, NULL, KEY},
        {"algorithm", required_argument, NULL, ALGORITHM},
        {"kid", required_argument, NULL, KID},
        {"issuer", required_argument, NULL, ISSUER},
        {"audience", required_argument, NULL, AUDIENCE},
        {"subject", required_argument, NULL, SUBJECT},
        {"team", required_argument, NULL, TEAM},
        {"scope", required_argument, NULL, SCOPE},
        {"lifetime-seconds", required_argument, NULL, LIFETIME},
        {NULL, 0, NULL, 0},
    };
    struct token_request *request = &mint->request;
    int flag;
    opterr = 0;
    while ((flag = getopt_long(argc, argv, "", flags, NULL)) != -1) {
        switch (flag) {
        case KEY:
            mint->key_file = optarg;
            break;
        case ALGORITHM:
            mint->algorithm = optarg;
            break;
        case KID:
            request->kid = optarg;
            break;
        case ISSUER:
            request->issuer = optarg;
            break;
        case AUDIENCE:
            request->audience = optarg;
            break;
        case SUBJECT:
            request->subject = optarg;
            break;
        case TEAM:
            if (request->team_count == MAX_TEAMS)
                return "too many teams";
            mint->teams[request->team_count++] = optarg;
            break;
        case SCOPE:
            request->scopes = optarg;
            break;
        case LIFETIME:
            if (!parse_lifetime(optarg, &request->lifetime_seconds))
                return "--lifetime-seconds: expected a whole number above 0";
            break;
        default:
            return "unknown or incomplete flag";
        }
    }
    if (optind != argc)
        return "too many arguments";
    if (mint->key_file == NULL || mint->algorithm == NULL || request->kid == NULL ||
        request->issuer == NULL || request->audience == NULL || request->subject == NULL)
        return "key-file, algorithm, kid, issuer, audience and subject are needed";
    return NULL;
}

static int mint_token(int argc, char *const *argv)
{
    struct mint mint = {
        .request = {.scopes = "models:start models:stop models:read", .lifetime_seconds = 3600}};
    struct error err = {0};
    struct clock *clock = NULL;
    struct strbuf token;
    enum jws_algorithm algorithm = JWS_RS256;
    char *key = NULL;
    size_t len = 0;
    int status = EX_OK;

    const char *wrong = parse_mint(argc, argv, &mint);
    if (wrong != NULL)
        return fail_usage(wrong);
    if (!jws_algorithm_parse(mint.algorithm, &algorithm))
        return fail_usage("--algorithm: expected a name such as RS256, ES256 or HS256");
    if (file_read(mint.key_file, MAX_KEY_BYTES, &key, &len, &err) != 0)
        return fail(EX_NOINPUT, &err);
    strbuf_init_secret(&token, JWS_MAX_TOKEN);
    /* A secret's line end does not belong to it; a PEM does not mind. */
    while (len > 0 && (key[len - 1] == '\n' || key[len - 1] == '\r'))
        len--;
    if (clock_open(&clock, &err) != 0) {
        status = fail(EX_OSERR, &err);
        goto out;
    }
    mint.request.teams = mint.teams;
    mint.request.issued_wall_ms = clock_wall_ms(clock);
    if (token_issue(&mint.request, algorithm, key, len, &token, &err) != 0)
        status = fail(EX_DATAERR, &err);
    else
        (void)printf("%s\n", token.data);
out:
    clock_close(&clock);
    strbuf_free(&token);
    file_free(&key, len);
    return status;
}

/* One line of at most JWS_MAX_TOKEN bytes, without its line end. */
static bool read_token(const char *file, char *out, size_t *len)
{
    FILE *in = file != NULL ? fopen(file, "re") : stdin;
    if (in == NULL)
        return false;
    *len = fread(out, 1, JWS_MAX_TOKEN, in);
    bool whole = feof(in) != 0 && ferror(in) == 0;
    if (in != stdin)
        (void)fclose(in);
    while (*len > 0 && (out[*len - 1] == '\n' || out[*len - 1] == '\r'))
        (*len)--;
    return whole;
}

static int inspect_token(const char *file)
{
    static char token[JWS_MAX_TOKEN];
    struct error err = {0};
    struct strbuf text;
    size_t len = 0;
    int status = EX_OK;
    if (!read_token(file, token, &len)) {
        (void)fprintf(stderr, "lookout-gateway: can't read a token of at most %d bytes from %s\n",
                      JWS_MAX_TOKEN, file != NULL ? file : "standard input");
        return EX_NOINPUT;
    }
    strbuf_init(&text, (size_t)8 * JWS_MAX_TOKEN);
    if (token_describe(token, len, &text, &err) != 0)
        status = fail(EX_DATAERR, &err);
    else
        (void)printf("%s", text.data);
    strbuf_free(&text);
    return status;
}

int command_token(int argc, char *const *argv)
{
    if (commands_print_help(argc, argv, usage))
        return EX_OK;
    if (argc >= 1 && strcmp(argv[0], "mint") == 0)
        return mint_token(argc, argv);
    if (argc >= 1 && argc <= 2 && strcmp(argv[0], "inspect") == 0)
        return inspect_token(argc == 2 ? argv[1] : NULL);
    return fail_usage("expected mint or inspect");
}
