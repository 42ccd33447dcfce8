"""What makes a training in a test shorter, where the test is about something else."""

from contextlib import contextmanager

import pytest


@contextmanager
def unwritten():
    """Do not write network files, which takes seconds; weights are written."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unblur.tasks.train.export_run.export", lambda *_, **__: None)
        yield
