# SPDX-License-Identifier: MIT
"""What the three programs have in common: a folder for their work, and how they end."""
import os
import signal
import sys
import tempfile

from .processes import Failure, tell

BERTH = os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "..", "build", "berth")


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
