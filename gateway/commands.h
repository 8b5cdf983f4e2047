/* The commands that are not the server: each takes its own arguments and returns a status of
 * sysexits.h. */
#ifndef LOOKOUT_COMMANDS_H
#define LOOKOUT_COMMANDS_H

/* policy check FILE | policy explain FILE OPTIONS */
int command_policy(int argc, char *const *argv);
/* ledger verify|show|export|backup|restore FILE ... */
int command_ledger(int argc, char *const *argv);
/* token mint OPTIONS | token inspect [FILE] */
int command_token(int argc, char *const *argv);

#endif
