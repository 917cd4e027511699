/* words WORD...: prints what it was given, a word a line in angle brackets, and some to the standard error. */
#include <stdio.h>
#include <wchar.h>

int wmain(int count, wchar_t **words)
{
    for (int i = 1; i < count; i++) {
        putchar('<');
        for (const wchar_t *c = words[i]; *c != 0; c++)
            printf(*c < 128 ? "%lc" : "U+%04X", *c);
        puts(">");
    }
    fprintf(stderr, "%d words\n", count - 1);
    return 0;
}
