/* SPDX-License-Identifier: MIT */
#include "attach/url.h"
#include <string.h>

static const char *behind_scheme(const char *url)
{
    const char *slashes = strstr(url, "://");
    return slashes ? slashes + 3 : url;
}

size_t url_user(const char *url, const char **user)
{
    *user = behind_scheme(url);
    const char *at = memchr(*user, '@', strcspn(*user, "/"));
    return at ? (size_t)(at - *user) : 0;
}

size_t url_host(const char *url, const char **host)
{
    const char *user, *from = behind_scheme(url);
    size_t len = url_user(url, &user);
    *host = from[len] == '@' ? from + len + 1 : from;
    size_t address = **host == '[' ? strcspn(*host, "]/") : 0;
    return address + strcspn(*host + address, ":/");
}
