/* SPDX-License-Identifier: MIT */
#include <inttypes.h>
#include <math.h>
#include "cli/plot.h"
#include "attach/utf8.h"

enum {
    WIDTH = 900,
    HEIGHT = 440,
    LEFT = 80,
    RIGHT = 870,
    TOP = 90,
    BOTTOM = 370,
};
#define JOIN    8u  /* buckets drawn as one bar: eight bars to a doubling */
#define CROWDED 4   /* decades */
#define FLOOR   0.5 /* where the count axis begins: a single I/O is still visible */

struct plot {
    FILE *out;
    double x_min, x_max; /* log10 of ns */
    double y_max;        /* log10 of I/Os in a bar */
};

static double x_of(const struct plot *p, double ns)
{
    double part = (log10(ns < 1 ? 1 : ns) - p->x_min) / (p->x_max - p->x_min);
    return LEFT + fmin(fmax(part, 0), 1) * (RIGHT - LEFT);
}

static double y_of(const struct plot *p, double count)
{
    double low = log10(FLOOR), part = (log10(count < FLOOR ? FLOOR : count) - low) / (p->y_max - low);
    return BOTTOM - fmin(part, 1) * (BOTTOM - TOP);
}

static uint64_t bar_count(const struct histogram *h, uint32_t first)
{
    uint64_t count = 0;
    for (uint32_t i = first; i < first + JOIN; i++)
        count += h->buckets[i];
    return count;
}

/* The axes fit the data, but span a decade at least, and end on whole decades of I/Os. */
static void scale(struct plot *p, const struct histogram *h)
{
    uint64_t highest = 10;
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i += JOIN)
        if (bar_count(h, i) > highest)
            highest = bar_count(h, i);
    p->y_max = ceil(log10((double)highest));
    p->x_min = log10(h->count ? fmax((double)h->min, 1) : 1e4) - 0.1;
    p->x_max = log10(h->count ? fmax((double)h->max, 1) : 1e5) + 0.1;
    if (p->x_max - p->x_min < 1) {
        double middle = (p->x_min + p->x_max) / 2;
        p->x_min = middle - 0.5;
        p->x_max = middle + 0.5;
    }
}

static void put_escaped(FILE *out, const char *s)
{
    char plain[512];
    for (s = utf8_plain(plain, sizeof plain, s); *s; s++) {
        if (*s == '<')
            fputs("&lt;", out);
        else if (*s == '&')
            fputs("&amp;", out);
        else
            fputc(*s, out);
    }
}

static void text(const struct plot *p, double x, double y, const char *attributes, const char *s)
{
    fprintf(p->out, "<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes);
    put_escaped(p->out, s);
    fputs("</text>\n", p->out);
}

static void rule(const struct plot *p, double x1, double y1, double x2, double y2, const char *attributes)
{
    fprintf(p->out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" %s/>\n", x1, y1, x2, y2,
            attributes);
}

static void time_label(char *out, size_t size, double ns)
{
    static const char *const units[] = {"ns", "µs", "ms", "s"};
    int unit = 0;
    while (ns >= 999.5 && unit < 3) {
        ns /= 1000;
        unit++;
    }
    snprintf(out, size, "%.3g %s", ns, units[unit]);
}

/* A line at 1, 2 and 5 of every decade, with words for the first alone where they would touch. */
static void x_axis(const struct plot *p)
{
    static const double steps[] = {1, 2, 5};
    char label[32];
    for (int decade = (int)floor(p->x_min); decade <= (int)ceil(p->x_max); decade++) {
        for (int i = 0; i < 3; i++) {
            double ns = steps[i] * pow(10, decade);
            if (log10(ns) < p->x_min || log10(ns) > p->x_max)
                continue;
            rule(p, x_of(p, ns), TOP, x_of(p, ns), BOTTOM, "stroke=\"#e4e4e4\"");
            if (i > 0 && p->x_max - p->x_min > CROWDED)
                continue;
            time_label(label, sizeof label, ns);
            text(p, x_of(p, ns), BOTTOM + 20, "text-anchor=\"middle\"", label);
        }
    }
    text(p, (LEFT + RIGHT) / 2.0, BOTTOM + 45, "text-anchor=\"middle\"", "latency (logarithmic)");
}

static void y_axis(const struct plot *p)
{
    char label[32], turned[96];
    for (int decade = 0; decade <= (int)p->y_max; decade++) {
        double y = y_of(p, pow(10, decade));
        rule(p, LEFT, y, RIGHT, y, "stroke=\"#e4e4e4\"");
        snprintf(label, sizeof label, "%.0f", pow(10, decade));
        text(p, LEFT - 8, y + 4, "text-anchor=\"end\"", label);
    }
    snprintf(turned, sizeof turned, "text-anchor=\"middle\" transform=\"rotate(-90 16 %d)\"",
             (TOP + BOTTOM) / 2);
    text(p, 16, (TOP + BOTTOM) / 2.0, turned, "I/Os (logarithmic)");
}

static void bars(const struct plot *p, const struct histogram *h)
{
    for (uint32_t i = 0; i < HISTOGRAM_BUCKETS; i += JOIN) {
        uint64_t count = bar_count(h, i);
        double left = x_of(p, (double)histogram_floor(i)), right = x_of(p, (double)histogram_floor(i + JOIN));
        double y = y_of(p, (double)count);
        if (count)
            fprintf(p->out, "<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\"/>\n", left, y,
                    fmax(right - left - 0.5, 1), BOTTOM - y);
    }
}

/* Each on its own height, because they may stand close together. */
static void percentiles(const struct plot *p, const struct histogram *h)
{
    static const struct {
        double fraction;
        const char *name;
    } marks[] = {{0.5, "p50"}, {0.99, "p99"}, {0.999, "p99.9"}};
    for (int i = 0; i < 3 && h->count; i++) {
        double ns = (double)histogram_at(h, marks[i].fraction), x = x_of(p, ns), y = TOP - 32 + 13 * i;
        bool flip = x > RIGHT - 120;
        char value[32], label[64];
        time_label(value, sizeof value, ns);
        snprintf(label, sizeof label, "%s %s", marks[i].name, value);
        rule(p, x, y, x, BOTTOM, "stroke=\"#b3261e\" stroke-dasharray=\"4 3\"");
        text(p, flip ? x - 4 : x + 4, y + 9,
             flip ? "fill=\"#b3261e\" text-anchor=\"end\"" : "fill=\"#b3261e\"", label);
    }
}

void plot_write(FILE *out, const struct histogram *h, const char *title, const char *subtitle)
{
    struct plot p = {.out = out};
    scale(&p, h);
    fprintf(out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\" "
            "font-family=\"sans-serif\" font-size=\"12\">\n"
            "<rect width=\"%d\" height=\"%d\" fill=\"white\"/>\n",
            WIDTH, HEIGHT, WIDTH, HEIGHT, WIDTH, HEIGHT);
    text(&p, LEFT, 24, "font-size=\"16\"", title);
    text(&p, LEFT, 42, "fill=\"#555\"", subtitle);
    x_axis(&p);
    y_axis(&p);
    fputs("<g fill=\"#3367a8\">\n", out);
    bars(&p, h);
    fputs("</g>\n", out);
    percentiles(&p, h);
    rule(&p, LEFT, BOTTOM, RIGHT, BOTTOM, "stroke=\"black\"");
    rule(&p, LEFT, TOP, LEFT, BOTTOM, "stroke=\"black\"");
    fputs("</svg>\n", out);
}
