/* Text that had to be cut to a size: what is left must still be whole UTF-8. */
#ifndef LOOKOUT_POLICY_TEXT_H
#define LOOKOUT_POLICY_TEXT_H

/*
 * Drops the bytes of a character that a cut (snprintf's, say) left incomplete at the end of `text`.
 * Half a character would make jansson refuse the whole answer that the text stands in.
 */
void text_drop_partial(char *text);

#endif
