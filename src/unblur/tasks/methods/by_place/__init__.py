"""A kernel is right in some places of a photo only: which, and what is right in the others."""

from unblur.tasks.methods.by_place.moved import windows_there
from unblur.tasks.methods.by_place.trust import bolder_db, trusted
from unblur.tasks.methods.by_place.windows import windows_of

__all__ = ["bolder_db", "trusted", "windows_there", "windows_of"]
