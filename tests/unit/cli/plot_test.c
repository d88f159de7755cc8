/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "cli/plot.h"

static struct histogram h;

static char *draw(const char *title)
{
    static char *text; /* not a local: the compiler would believe that the caller gets its address */
    static size_t len;
    FILE *out = open_memstream(&text, &len);
    plot_write(out, &h, title, "subtitle");
    fclose(out);
    return text;
}

static int occurrences(const char *text, const char *word)
{
    int count = 0;
    for (text = strstr(text, word); text; text = strstr(text + 1, word))
        count++;
    return count;
}

static void is_whole(const char *svg)
{
    assert_memory_equal(svg, "<svg ", 5);
    assert_string_equal(svg + strlen(svg) - 7, "</svg>\n");
    assert_null(strstr(svg, "nan"));
    assert_null(strstr(svg, "inf"));
}

static void one_bar_for_each_spread_value(void **state)
{
    char *svg;
    (void)state;
    histogram_clear(&h);
    for (uint64_t ns = 10000; ns < 100000000; ns *= 10)
        histogram_add(&h, ns);
    svg = draw("title");
    is_whole(svg);
    assert_int_equal(occurrences(svg, "<rect "), 4 + 1); /* and the paper */
    assert_non_null(strstr(svg, ">100 µs<"));
    assert_non_null(strstr(svg, ">p99.9 10 ms<"));
    assert_non_null(strstr(svg, "latency"));
    free(svg);
}

static void nothing_measured_still_draws_axes(void **state)
{
    char *svg;
    (void)state;
    histogram_clear(&h);
    svg = draw("title");
    is_whole(svg);
    assert_int_equal(occurrences(svg, "<rect "), 1);
    assert_null(strstr(svg, "p50"));
    free(svg);
}

static void extremes_stay_inside(void **state)
{
    char *svg;
    (void)state;
    histogram_clear(&h);
    histogram_add(&h, 0);
    histogram_add(&h, UINT64_MAX);
    svg = draw("title");
    is_whole(svg);
    assert_null(strstr(svg, "=\"-"));
    free(svg);
}

static void titles_cannot_break_out(void **state)
{
    char *svg;
    (void)state;
    histogram_clear(&h);
    svg = draw("<script>&\x1b");
    assert_null(strstr(svg, "<script"));
    assert_non_null(strstr(svg, "&lt;script>&amp;?"));
    free(svg);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_bar_for_each_spread_value),
        cmocka_unit_test(nothing_measured_still_draws_axes),
        cmocka_unit_test(extremes_stay_inside),
        cmocka_unit_test(titles_cannot_break_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
