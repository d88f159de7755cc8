# SPDX-License-Identifier: MIT
"""The record: what a run leaves in JSON, with every sample."""
import json

from .processes import Failure

SCHEMA = "berth-peers/2"

# What every record has: a name, and its type; a list or a table of one kind names that.
SHAPE = {
    "schema": str,
    "rounds": int,
    "seconds": (int, float),
    "machine": {"cpu": str, "flags": [str], "cores": int, "kernel": str, "virtual": bool, "others": (int, float)},
    "cells": [{"name": str, "link": str, "target": str, "rw": str, "block": int, "depth": int, "sessions": int, "what": str,
               "contestants": {None: {"samples": [{"ios": (int, float), "iops": (int, float),
                                                   "cpu_us_per_io": (int, float), "cpu_ms_per_gb": (int, float)}]}}}],
    "bars": [{"number": int, "what": str, "limit": (int, float), "cell": str, "met": (bool, type(None))}],
}


def save(path, record):
    with open(path, "w") as f:
        json.dump(record, f, indent=1)


def load(path):
    try:
        with open(path) as f:
            record = json.load(f)
    except OSError as why:
        raise Failure(f"{path}: {why.strerror}; name a file that bench/run --json has written") from why
    except ValueError as why:
        raise Failure(f"{path} is no JSON ({why}); name a file that bench/run --json has written") from why
    check(record, path)
    return record


def join(old, new):
    """The new one, and the cells and bars of the old one that it does not have itself."""
    cells = {cell["name"]: cell for cell in old["cells"] + new["cells"]}
    bars = {row["what"]: row for row in old["bars"] + new["bars"]}
    return {**new, "cells": list(cells.values()), "bars": list(bars.values())}


def check(record, name):
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise Failure(f"{name} is no record of bench/run ({SCHEMA}); make one with bench/run --json")
    check_part(record, SHAPE, name)


def check_part(part, shape, where):
    if isinstance(shape, dict) and isinstance(part, dict):
        for key in part if None in shape else shape:
            if key not in part:
                raise Failure(f"{where} has no {key}")
            check_part(part[key], shape[None] if None in shape else shape[key], f"{where}: {key}")
    elif isinstance(shape, list) and isinstance(part, list):
        for i, one in enumerate(part):
            check_part(one, shape[0], f"{where}[{i}]")
    elif isinstance(shape, (dict, list)) or not isinstance(part, shape):
        raise Failure(f"{where} is of the wrong type")
