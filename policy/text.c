/* Where UTF-8 may be cut (RFC 3629 section 3). */
#include "policy/text.h"

#include <stddef.h>
#include <string.h>

static size_t character_len(unsigned char lead)
{
    if (lead >= 0xF0U)
        return 4;
    if (lead >= 0xE0U)
        return 3;
    return lead >= 0xC0U ? 2 : 1;
}

void text_drop_partial(char *text)
{
    size_t len = strlen(text);
    size_t start = len;

    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0U) == 0x80U)
        start--;
    if (start == 0)
        return;
    start--;
    if (len - start < character_len((unsigned char)text[start]))
        text[start] = '\0';
}
