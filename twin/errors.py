"""The errors a caller can meet, by who can mend them; every package raises these."""

from __future__ import annotations


class TwinError(Exception):
    """Anything that this project raises on purpose."""


class BadRequest(TwinError):
    """The caller can fix it: says what was received, where, and what is allowed.

    `where` is the place in the caller's own words: an argument path such as
    `where.footprint.within`, a file name, a command-line option.
    """

    def __init__(self, message: str, *, where: str | None = None) -> None:
        super().__init__(f"{where}: {message}" if where else message)
        self.where = where


class TwinFault(TwinError):
    """Ours to fix: the cause goes to the log, the caller gets an incident id."""


class Interrupted(TwinError):
    """Somebody stopped it: says what was kept and how to go on. Its cause is the KeyboardInterrupt."""
