"""What makes a training in a test shorter, where the test is about something else."""

from contextlib import contextmanager

import pytest


@contextmanager
def unwritten():
    """Do not write network files, which takes seconds; weights are written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unblur.tasks.train.export_run.export", lambda *_, **__: None)
        yield


SMALL_VALIDATION = "import unblur.tasks.train.data as d; d._VALIDATION_CROP_PX = 64\n"
"""The same as :func:`small_validation`, for a process of its own."""


@contextmanager
def small_validation():
    """Validate by crops of 64 px instead of 256, which takes as long as sixteen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unblur.tasks.train.data._VALIDATION_CROP_PX", 64)
        patch.setattr("unblur.tasks.train.kernels.guided._MIDDLE_PX", 64)
        yield
