"""What was found about a photo's blur, kept in a file, so that another strength need not wait."""

import json
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unblur.tasks.methods.blind import BlindMethod
from unblur.tasks.methods.blur_estimate import BlurEstimate

Float32 = NDArray[np.float32]


class KeptBlur(BlindMethod):
    """Looks for the blur of one photo, once; the result is the same to the last bit.

    Args:
        method: Looks for it the first time.
        file: Where it is kept: it goes with the folder of the job.
    """

    def __init__(self, method: BlindMethod, file: Path) -> None:
        super().__init__(
            method.network,
            method.guided,
            method.edges,
            judged=method.judged,
            threads=method.threads,
        )
        self._file = file

    def found(self, pixels: Float32, shrink: int) -> tuple[BlurEstimate, Float32 | None]:
        """What was found, from the file if it is there."""
        if self._file.exists():
            return _read(self._file)
        estimate, restored = super().found(pixels, shrink)
        _write(self._file, estimate, restored)
        return estimate, restored


def _read(file: Path) -> tuple[BlurEstimate, Float32 | None]:
    with np.load(file, allow_pickle=False) as kept:
        facts = json.loads(str(kept["facts"]))
        estimate = BlurEstimate(kernel=kept.get("kernel"), **facts)
        return estimate, kept.get("restored")


def _write(file: Path, estimate: BlurEstimate, restored: Float32 | None) -> None:
    facts = {x.name: getattr(estimate, x.name) for x in fields(estimate) if x.name != "kernel"}
    arrays: dict[str, Any] = {"kernel": estimate.kernel, "restored": restored}
    part = file.with_suffix(".part")
    try:
        with part.open("wb") as stream:
            np.savez(
                stream,
                facts=np.array(json.dumps(facts, default=lambda x: x.item())),
                **{name: array for name, array in arrays.items() if array is not None},
            )
        part.replace(file)
    except OSError:  # the disk is full: then it is looked for again
        with suppress(OSError):
            part.unlink(missing_ok=True)
