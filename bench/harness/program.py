# SPDX-License-Identifier: MIT
"""What the three programs have in common: their numbers and files, a folder for their work, and how they end."""
import argparse
import os
import signal
import sys
import tempfile

from .processes import Failure, tell

BERTH = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "build", "berth")


def rounds(text):
    return more_than_none(int, text)


def seconds(text):
    return more_than_none(float, text)


def more_than_none(kind, text):
    try:
        number = kind(text)
    except ValueError:
        number = 0
    if not 0 < number < 1e6:
        raise argparse.ArgumentTypeError(f"a number above 0 is wanted, not {text}")
    return number


def new_file(path):
    """A file to be written in the end: that it can be is asked before anything is measured."""
    folder = os.path.dirname(os.path.abspath(path))
    if os.path.isdir(path) or not os.access(path if os.path.exists(path) else folder, os.W_OK):
        raise argparse.ArgumentTypeError(f"{path} cannot be written; name a file in a folder that is there")
    return path


def main(run, options, folder=None):
    """Exit status: what run(options, work) returns; 2 if it cannot be measured."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    try:
        with tempfile.TemporaryDirectory(prefix="berth-bench-", dir=folder) as work:
            return run(options, work)
    except (Failure, OSError) as failure:
        tell("")
        print(f"bench: {failure}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        tell("")
        print("bench: interrupted", file=sys.stderr)
        return 130
