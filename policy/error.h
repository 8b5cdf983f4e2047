/* What went wrong, told where it was found: a class for the program, a sentence for people. */
#ifndef LOOKOUT_POLICY_ERROR_H
#define LOOKOUT_POLICY_ERROR_H

/*
 * The classes a caller branches on. Every fallible function returns 0 or one of these.
 * The three that money depends on are REFUSED, RETRY and UNCERTAIN: whoever returns one of them
 * promises what its comment says.
 */
enum error_code {
    ERROR_INVALID = -1,   /* the input is malformed or outside its bounds; nothing was done */
    ERROR_REFUSED = -2,   /* definitely not done, and repeating does not help */
    ERROR_RETRY = -3,     /* definitely not done; the same call may be repeated later */
    ERROR_UNCERTAIN = -4, /* may or may not have been done: doubt frees nothing */
    ERROR_NOT_FOUND = -5, /* what was asked for does not exist */
    ERROR_CONFLICT = -6,  /* somebody else changed it first: read again, decide again */
    ERROR_IO = -7,        /* a file, socket or library failed; the message has its words */
    ERROR_NOMEM = -8      /* out of memory; nothing was done */
};

#define ERROR_MESSAGE_MAX 384
#define ERROR_POINTER_MAX 256

struct error {
    enum error_code code;
    char message[ERROR_MESSAGE_MAX]; /* what was seen, what was expected, what to do */
    char pointer[ERROR_POINTER_MAX]; /* JSON pointer (RFC 6901) into the input, or "" */
};

/*
 * Fills `err` (NULL is allowed: the caller does not care) and returns `code`, so that a failing
 * branch reads `return error_set(err, ERROR_INVALID, "saw %d, expected 1 to 5", n);`.
 * A message that is too long is cut.
 */
int error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, with the JSON pointer of the offending member. */
int error_set_at(struct error *err, enum error_code code, const char *pointer, const char *format,
                 ...) __attribute__((format(printf, 4, 5)));

/* Puts "prefix: " before the message that is there, for the caller who knows which file it was. */
void error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The class as a lower-case word for logs: "invalid", "refused", ... */
const char *error_code_name(enum error_code code);

#endif
