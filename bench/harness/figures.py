# SPDX-License-Identifier: MIT
"""Figures: what is kept of one run, and what is made of many."""
import statistics

# name, heading, how it is printed, whether less of it is better
METRICS = [
    ("cpu_us_per_io", "CPU us/I/O", ".3f", True),
    ("cpu_ms_per_gb", "ms/GB", ".0f", True),
    ("iops", "IOPS", ".0f", False),
    ("gb_per_s", "GB/s", ".2f", False),
    ("target_cpu_us_per_io", "target", ".2f", True),
    ("system_cpu_us_per_io", "system", ".2f", True),
    ("syscalls_per_io", "calls", ".3f", True),
    ("switches_per_io", "switches", ".3f", True),
    ("p50_us", "p50 us", ".1f", True),
    ("p99_us", "p99 us", ".0f", True),
    ("p999_us", "p99.9 us", ".0f", True),
    ("rss_kib", "KiB", ".0f", True),
]
FORM = {name: form for name, _, form, _ in METRICS}
LESS_IS_BETTER = {name: less for name, _, _, less in METRICS}


def quartiles(values):
    if len(values) < 2:
        return values[0], values[0], values[0]
    return tuple(statistics.quantiles(values, n=4, method="inclusive"))


def median(samples, metric):
    """Of the samples that have it, or None."""
    values = [s[metric] for s in samples if s.get(metric) is not None]
    return statistics.median(values) if values else None


def ratios(mine, theirs, metric):
    """Of neighbours: sample by sample. A machine that slows down between two rounds slows down both."""
    return [a[metric] / b[metric] for a, b in zip(mine, theirs) if a.get(metric) is not None and b.get(metric)]


def column(values, form):
    low, middle, high = (format(v, form) for v in quartiles(values))
    return f"{middle:>9}  {low + ' .. ' + high:<19}"
