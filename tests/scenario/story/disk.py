"""A disk that is small enough to be filled.  It is mounted for the scenario's own thread and what that starts, so nothing is left of it whatever happens."""
from __future__ import annotations

import ctypes
import errno
import os
import pathlib

from .errors import Skip, StoryError

CLONE_NEWNS, MS_PRIVATE_ALL, MNT_DETACH = 0x20000, 0x4000 | 0x40000, 2
MS_RDONLY, MS_REMOUNT = 1, 32
FILLER = "filler"


class Disk:
    def __init__(self, path: pathlib.Path, size: str):
        self.path = path
        self.libc = ctypes.CDLL(None, use_errno=True)
        path.mkdir()
        if (self.libc.unshare(CLONE_NEWNS) or self.libc.mount(b"none", b"/", None, MS_PRIVATE_ALL, None)
                or self.libc.mount(b"tmpfs", os.fsencode(path), b"tmpfs", 0, f"size={size}".encode())):
            raise Skip(f"a small disk cannot be mounted here: {os.strerror(ctypes.get_errno())}")

    def fill(self, spare: int = 0) -> None:
        """To the last byte, or to so many before it."""
        with open(self.path / FILLER, "ab", buffering=0) as file:
            for size in (1 << 16, 1 << 10, 1):
                try:
                    while file.write(b"\0" * size):
                        pass
                except OSError as e:
                    if e.errno != errno.ENOSPC:
                        raise StoryError(f"{self.path}: {e}") from None
            file.truncate(max(0, file.tell() - spare))

    def free(self) -> None:
        (self.path / FILLER).unlink()

    def make_read_only(self) -> None:
        """While nobody has a file open there to write."""
        self._mount_again(MS_RDONLY)

    def make_writable(self) -> None:
        self._mount_again(0)

    def _mount_again(self, how: int) -> None:
        if self.libc.mount(b"none", os.fsencode(self.path), None, MS_REMOUNT | how, None):
            raise StoryError(f"{self.path} cannot be mounted again: {os.strerror(ctypes.get_errno())}")

    def end(self) -> None:
        self.libc.umount2(os.fsencode(self.path), MNT_DETACH)
