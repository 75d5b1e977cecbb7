/* A CNI executable that does nothing: it prints a result and ends. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(void) {
    const char *verb = getenv("CNI_COMMAND"), *netns = getenv("CNI_NETNS");
    if (verb && !strcmp(verb, "ADD"))
        printf("{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"%s\"}],"
               "\"ips\":[{\"address\":\"10.1.2.3/32\",\"interface\":0}]}\n", netns ? netns : "");
    else if (verb && !strcmp(verb, "VERSION"))
        puts("{\"cniVersion\":\"1.0.0\",\"supportedVersions\":[\"0.3.1\",\"0.4.0\",\"1.0.0\"]}");
    return 0;
}
