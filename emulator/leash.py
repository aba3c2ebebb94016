"""Starts a program that dies with the one that started it: `python leash.py <parent's pid> <program> <arguments>`.

Knows the one call of Linux that does it, PR_SET_PDEATHSIG ("prctl(2)"), which outlasts the exec that follows. Elsewhere
it only starts the program; an orderly stop needs no leash. It refuses to know what it starts.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    """Never returns: becomes the program."""
    parent, *command = arguments
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        # It may have died before we asked to be told.
        if os.getppid() != int(parent):
            sys.exit(1)
    os.execv(command[0], command)  # noqa: S606 - the box names the program, by its full path.


if __name__ == "__main__":
    main(sys.argv[1:])
