"""How many files a page takes at once: few, unless the page itself is made for many.

settings.DATA_UPLOAD_MAX_NUMBER_FILES must allow the folder of a disc (iep.uploads), and holds for
every page; this handler is the first of every other one.
"""

from typing import Any

from django.core.exceptions import TooManyFilesSent
from django.core.files.uploadhandler import FileUploadHandler

MOST = 20


class FewFiles(FileUploadHandler):
    """Counts, and lets the next handler have the bytes."""

    count = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.count += 1
        if self.count > MOST:
            raise TooManyFilesSent("Too many files for this page.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        return raw_data

    def file_complete(self, file_size: int) -> None:
        return None
