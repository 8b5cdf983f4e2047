/*
 * The commands that are not the server: each takes its own arguments, of which `--help` prints its
 * usage, and returns a status of sysexits.h.
 */
#ifndef LOOKOUT_COMMANDS_H
#define LOOKOUT_COMMANDS_H

#include <stdbool.h>

/* policy check FILE | policy explain FILE OPTIONS */
int command_policy(int argc, char *const *argv);
/* ledger verify|show|export|backup|restore FILE ... */
int command_ledger(int argc, char *const *argv);
/* token mint OPTIONS | token inspect [FILE] */
int command_token(int argc, char *const *argv);

/* What they share: whether `--help` is among the arguments, and then `usage` on standard output. */
bool commands_print_help(int argc, char *const *argv, const char *usage);
/* The message and `usage` on standard error; EX_USAGE. */
int commands_fail_usage(const char *message, const char *usage);

#endif
