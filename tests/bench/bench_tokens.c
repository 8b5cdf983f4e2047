/*
 * bench_tokens KEY.pem KID TEAM FIRST COUNT: writes COUNT tokens, a line each, by all processors.
 * Their numbers, from FIRST on, make each of them one that nobody has seen.
 */
#include "tests/bench/token_maker.h"

#include <openssl/pem.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define THREADS_MAX 16
#define COUNT_MAX   10000000

struct share {
    pthread_t thread;
    const struct token_maker *maker;
    uint64_t first;
    size_t count;
    char (*tokens)[TOKEN_MAKER_SIZE];
    bool done;
};

static void *make_share(void *context)
{
    struct share *share = context;

    share->done = true;
    for (size_t i = 0; share->done && i < share->count; i++)
        share->done = token_maker_sign(share->maker, share->first + i, share->tokens[i]);
    return NULL;
}

static bool make_tokens(const struct token_maker *maker, uint64_t first, size_t count,
                        char (*tokens)[TOKEN_MAKER_SIZE])
{
    struct share shares[THREADS_MAX];
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const size_t threads = processors < 1             ? 1
                           : processors > THREADS_MAX ? THREADS_MAX
                                                      : (size_t)processors;
    bool done = true;

    for (size_t i = 0; i < threads; i++) {
        const size_t from = count * i / threads;
        shares[i] = (struct share){.maker = maker,
                                   .first = first + from,
                                   .count = count * (i + 1) / threads - from,
                                   .tokens = tokens + from};
        if (pthread_create(&shares[i].thread, NULL, make_share, &shares[i]) != 0)
            abort();
    }
    for (size_t i = 0; i < threads; i++) {
        pthread_join(shares[i].thread, NULL);
        done = done && shares[i].done;
    }
    return done;
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *file = fopen(path, "re");
    EVP_PKEY *key = file != NULL ? PEM_read_PrivateKey(file, NULL, NULL, NULL) : NULL;

    if (file != NULL)
        (void)fclose(file);
    return key;
}

int main(int argc, char **argv)
{
    const long long count = argc == 6 ? strtoll(argv[5], NULL, 10) : 0;

    if (count < 1 || count > COUNT_MAX) {
        (void)fprintf(stderr, "usage: bench_tokens KEY.pem KID TEAM FIRST COUNT\n");
        return 64;
    }
    EVP_PKEY *key = read_key(argv[1]);
    char(*tokens)[TOKEN_MAKER_SIZE] = calloc((size_t)count, TOKEN_MAKER_SIZE);
    const struct token_maker maker = {
        .key = key, .kid = argv[2], .team = argv[3], .now_s = (int64_t)time(NULL)};
    bool done = key != NULL && tokens != NULL &&
                make_tokens(&maker, strtoull(argv[4], NULL, 10), (size_t)count, tokens);
    for (long long i = 0; done && i < count; i++)
        done = puts(tokens[i]) >= 0;
    done = done && fflush(stdout) == 0;
    if (!done)
        (void)fprintf(stderr, "bench_tokens: can't sign or write with the key %s\n", argv[1]);
    free(tokens);
    EVP_PKEY_free(key);
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
}
