"""What unblur puts into the names of files that it makes."""

from typing import Final

RESTORED: Final = ".unblurred"
"""Before the ending of a restored file: ``photo.unblurred.jpg``."""
RESULTS: Final = "-unblurred"
"""After the name of a folder: ``holiday-unblurred`` beside it has the results."""
BEFORE_AFTER: Final = ".before-after"
"""Before the ending of a picture to look at."""
VIDEO_ENDINGS: Final = frozenset({".mp4", ".mov", ".mkv", ".avi", ".webm", ".m4v"})
"""Of files that are sent to `unblur video` instead."""
