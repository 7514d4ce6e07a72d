/*
 * The floor: the least that an extension can do. It registers, polls, and exits at SHUTDOWN. What the platform and the
 * kernel cost, it costs too; what another extension takes beyond it, is that extension's own.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static char answer[65536];

/* Sends a request and reads its whole answer into `answer`. Returns 0, or -1 when the connection ended before. */
static int exchange(int connection, const char *request)
{
    size_t length = strlen(request), got = 0;
    if (write(connection, request, length) != (ssize_t)length)
        return -1;
    for (;;) {
        ssize_t more = read(connection, answer + got, sizeof answer - 1 - got);
        if (more <= 0)
            return -1;
        got += (size_t)more;
        answer[got] = '\0';
        char *body = strstr(answer, "\r\n\r\n");
        char *declared = strcasestr(answer, "content-length:");
        if (body != NULL && declared != NULL && got >= (size_t)(body + 4 - answer) + (size_t)atoi(declared + 15))
            return 0;
    }
}

int main(void)
{
    char host[64], request[512], identifier[128];
    const char *body = "{\"events\":[\"INVOKE\",\"SHUTDOWN\"]}";
    const char *api = getenv("AWS_LAMBDA_RUNTIME_API");
    const char *colon = api ? strchr(api, ':') : NULL;
    if (colon == NULL || (size_t)(colon - api) >= sizeof host)
        return 2;
    memcpy(host, api, (size_t)(colon - api));
    host[colon - api] = '\0';

    struct sockaddr_in platform = {.sin_family = AF_INET, .sin_port = htons((unsigned short)atoi(colon + 1))};
    if (inet_pton(AF_INET, host, &platform.sin_addr) != 1)
        return 2;
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0 || connect(connection, (struct sockaddr *)&platform, sizeof platform) != 0)
        return 3;

    snprintf(request, sizeof request,
             "POST /2020-01-01/extension/register HTTP/1.1\r\nHost: %s\r\nLambda-Extension-Name: floor\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             api, strlen(body), body);
    if (exchange(connection, request) != 0)
        return 4;
    char *given = strcasestr(answer, "lambda-extension-identifier:");
    if (given == NULL || sscanf(given + 28, " %127[^\r\n]", identifier) != 1)
        return 5;

    snprintf(request, sizeof request,
             "GET /2020-01-01/extension/event/next HTTP/1.1\r\nHost: %s\r\nLambda-Extension-Identifier: %s\r\n\r\n",
             api, identifier);
    do {
        if (exchange(connection, request) != 0)
            return 6;
    } while (strstr(answer, "SHUTDOWN") == NULL);
    return 0;
}
