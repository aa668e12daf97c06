"""The folder or ZIP of a disc comes in: each file straight to the disk under a name of ours.

Thousands of files hold neither memory nor open files, and the bounds are held before the first
byte (by the length of the request) and with every further one.
"""

from __future__ import annotations

import io
import uuid
from typing import IO, Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, StopUpload
from django.http import HttpRequest

from iep import media, storage

FORMS = 64 * 1024**2  # bytes of a request beside its files: heads of thousands of parts


class DiscUpload(FileUploadHandler):
    """Spools every file of the request. `problem` says why it stopped, in words."""

    chunk_size = 256 * 1024

    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.upload_id = uuid.uuid4()
        self.count = self.size = 0
        self.problem = ""
        self._file: IO[bytes] | None = None

    def refused(self, length: int) -> str:
        """Why a request of so many bytes is not begun; empty when it may come."""
        if length > media.MOST_BYTES + FORMS:
            return "It is more than 8 GB, which is more than is taken."
        if not storage.room(for_blue_light=False, size=2 * length):
            return "There is no room on the server now. Tell whoever runs the service."
        return ""

    def _stop(self, problem: str) -> None:
        self.problem = problem
        self.upload_interrupted()
        raise StopUpload(connection_reset=True)

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.count += 1
        if self.count > media.MOST_ENTRIES:
            self._stop(f"It has more than {media.MOST_ENTRIES:,} files.")
        self._file = media.new_file(self.upload_id).open("xb")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.size += len(raw_data)
        if self.size > media.MOST_BYTES:
            self._stop("It is more than 8 GB, which is more than is taken.")
        if self._file is not None:
            self._file.write(raw_data)

    def file_complete(self, file_size: int) -> UploadedFile:
        self._close()
        return UploadedFile(file=io.BytesIO(), name="file", size=file_size)

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def upload_interrupted(self) -> None:
        """The connection broke, or we stopped: nothing of it stays."""
        self._close()
        media.forget(self.upload_id)
