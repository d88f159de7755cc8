# SPDX-License-Identifier: MIT
"""Plots: SVG, drawn from a record. Bars for one cell, lines for cells that differ in one thing only."""
import math
import os
from html import escape

from .cells import size_text
from .figures import median, quartiles

COLOURS = {"berth": "#1f6fb2", "ceiling": "#4a9d5b", "libiscsi": "#c2542d", "iscsi-perf": "#d98c3f", "qemu": "#8a6bb0"}
FONT = 'font-family="system-ui, sans-serif"'
INK, PALE = "#333", "#ddd"


def colour(contestant):
    return COLOURS.get(contestant.split(":")[0], "#777")


class Drawing:
    def __init__(self, width, height, title, subtitle):
        self.width, self.height = width, height
        self.parts = [f'<rect width="{width}" height="{height}" fill="#fff"/>']
        self.text(16, 26, title, size=16, weight="bold")
        self.text(16, 45, subtitle, size=12, fill="#666")

    def text(self, x, y, words, size=12, anchor="start", weight="normal", fill=INK):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
                          f'font-weight="{weight}" fill="{fill}" {FONT}>{escape(words)}</text>')

    def line(self, x1, y1, x2, y2, stroke=PALE, width=1.0):
        self.parts.append(f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" '
                          f'stroke-width="{width}"/>')

    def box(self, x, y, width, height, fill):
        self.parts.append(f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}" '
                          f'fill="{fill}" rx="2"/>')

    def path(self, points, stroke):
        way = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(f'<polyline points="{way}" fill="none" stroke="{stroke}" stroke-width="2"/>')
        self.parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{stroke}"/>' for x, y in points]

    def save(self, path):
        with open(path, "w") as f:
            f.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" '
                    f'width="{self.width}" height="{self.height}">\n' + "\n".join(self.parts) + "\n</svg>\n")
        return path


# --- bars: the contestants of one cell ---


def draw_cell(entry, machine, path, metric="cpu_us_per_io"):
    rows = [(name, quartiles([s[metric] for s in row["samples"]])) for name, row in entry["contestants"].items()
            if row["samples"]]
    rows.sort(key=lambda row: row[1][1])
    d = Drawing(720, 76 + 34 * len(rows), f"Initiator CPU per I/O, microseconds: {entry['rw']} of {size_text(entry['block'])}",
                f"{entry['depth']} in flight, target {entry['target']}, {entry['link']}; medians and quartiles; {machine['cpu']}, "
                f"{machine['kernel']}")
    left, scale = 150, 470 / max(high for _, (_, _, high) in rows)
    for i, (name, (low, middle, high)) in enumerate(rows):
        y = 62 + 34 * i
        d.text(left - 8, y + 16, name, anchor="end")
        d.box(left, y, middle * scale, 24, colour(name))
        d.line(left + low * scale, y + 12, left + high * scale, y + 12, stroke=INK, width=1.5)
        d.text(left + max(middle, high) * scale + 8, y + 16, f"{middle:.2f}")
    return d.save(path)


# --- lines: one contestant over cells ---


def lines_of(record, chosen, key):
    """contestant -> [(x, median CPU per I/O)], of the cells that are chosen."""
    lines = {}
    for cell in record["cells"]:
        for name, row in cell["contestants"].items() if chosen(cell) else ():
            value = median(row["samples"], "cpu_us_per_io")
            if value:
                lines.setdefault(name, {})[cell[key]] = value
    return {name: sorted(points.items()) for name, points in lines.items() if len(points) > 2}


def draw_lines(lines, words, title, subtitle, path):
    xs = sorted({x for points in lines.values() for x, _ in points})
    ys = [y for points in lines.values() for _, y in points]
    floor, top = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))
    d = Drawing(720, 420, title, subtitle)

    def place(x, y):
        return (70 + 500 * xs.index(x) / max(1, len(xs) - 1),
                380 - 310 * (math.log10(y) - floor) / max(1, top - floor))

    for power in range(floor, top + 1):
        _, y = place(xs[0], 10.0 ** power)
        d.line(70, y, 570, y)
        d.text(62, y + 4, f"{10.0 ** power:g}", anchor="end")
    for x in xs:
        d.text(place(x, ys[0])[0], 400, words(x), size=11, anchor="middle")
    for i, (name, points) in enumerate(sorted(lines.items(), key=lambda line: -line[1][-1][1])):
        d.path([place(x, y) for x, y in points], colour(name))
        d.box(586, 70 + 22 * i, 12, 12, colour(name))
        d.text(604, 80 + 22 * i, name)
    return d.save(path)


def like(**wanted):
    return lambda cell: cell["link"] == "lo" and cell["target"] == "busy" and all(cell[k] == v for k, v in wanted.items())


SERIES = [
    ("cpu-by-size", like(rw="randread", depth=32, sessions=1), "block", size_text,
     "Initiator CPU per random read, microseconds, by size"),
    ("cpu-by-write-size", like(rw="randwrite", depth=32, sessions=1), "block", size_text,
     "Initiator CPU per random write, microseconds, by size"),
    ("cpu-by-depth", like(rw="randread", block=4096, sessions=1), "depth", str,
     "Initiator CPU per 4 KiB random read, microseconds, by depth"),
]


def draw_all(record, folder):
    """The paths of what could be drawn."""
    os.makedirs(folder, exist_ok=True)
    machine, drawn = record["machine"], []
    for entry in record["cells"]:
        if sum(1 for row in entry["contestants"].values() if row["samples"]) > 1:
            drawn.append(draw_cell(entry, machine, os.path.join(folder, entry["name"] + ".svg")))
    for name, chosen, key, words, title in SERIES:
        lines = lines_of(record, chosen, key)
        if lines:
            drawn.append(draw_lines(lines, words, title, f"target busy, loopback; {machine['cpu']}, {machine['kernel']}",
                                    os.path.join(folder, name + ".svg")))
    return drawn
