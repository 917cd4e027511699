/* lateload DLL: loads the library, which uses sockets. */
#include "loopback.h"

int main(int count, char **words)
{
    HMODULE library = LoadLibraryA(count > 1 ? words[1] : "");
    CHECK(library != NULL);
    void (*talk)(void) = (void (*)(void))GetProcAddress(library, "talk");
    CHECK(talk != NULL);
    talk();
    return 0;
}
