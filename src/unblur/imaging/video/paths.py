"""The kernels of a frame whose parts moved in different ways, from how they move between frames."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]

_EVERY_PX: Final = 4
_ROUNDS: Final = 12
_ALIKE_PX: Final = 1.0
"""Paths that differ by so much count alike: the deviation of what a pixel asks for."""
_LEAST_WEIGHT: Final = 0.02
_POINTS: Final = 129
"""Of a path, whose kernel is drawn by as many."""


@dataclass(frozen=True, eq=False)
class MovedGroup:
    """What moved in the same way while a frame was exposed."""

    kernel: Float32
    """(K, K), K odd, of sum 1."""
    weight: Float32
    """(h, w) in [0, 1]: how far each pixel belongs to it; of all groups together 1."""


def moved_groups(back: Float32, ahead: Float32, share: float, most: int) -> list[MovedGroup]:
    """What moved in the same way, and the kernels of its paths.

    Between three frames a thing is taken to have moved with a constant change of speed.

    Args:
        back: (h, w, 2) px to the right and down: from the frame before to this, of what is here.
        ahead: From this to the frame after.
        share: For how much of the time between two frames they are exposed.
        most: Groups at most; fewer if all moved alike.
    """
    paths = np.concatenate([(back + ahead) * (share / 2), (ahead - back) * (share**2 / 2)], axis=2)
    centres = _centres(paths[::_EVERY_PX, ::_EVERY_PX].reshape(-1, 4), most)
    distances = np.stack([((paths - each) ** 2).sum(axis=2) for each in centres])
    distances -= distances.min(axis=0)
    weights = np.exp(-distances / np.float32(2 * _ALIKE_PX**2))
    weights[weights < _LEAST_WEIGHT] = 0
    weights /= weights.sum(axis=0)
    return [
        MovedGroup(path_kernel(each[:2], each[2:]), weight)
        for each, weight in zip(centres, weights, strict=True)
        if weight.any()
    ]


def path_kernel(step: Float32, bend: Float32) -> Float32:
    """The kernel of the path ``step t + bend t^2``, t from -1/2 to 1/2.

    Args:
        step: px to the right and down.
        bend: The same.

    Returns:
        (K, K), K odd, of sum 1.
    """
    t = np.linspace(-0.5, 0.5, _POINTS)[:, None]
    path = step * t + bend * t**2
    reach = int(np.ceil(np.abs(path).max())) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    first = np.floor(path).astype(int)
    right, down = (path - first).T
    for rows in (0, 1):
        for columns in (0, 1):
            part = (down if rows else 1 - down) * (right if columns else 1 - right)
            np.add.at(kernel, (first[:, 1] + reach + rows, first[:, 0] + reach + columns), part)
    kernel /= kernel.sum()
    return kernel


def _centres(paths: Float32, most: int) -> Float32:
    """Means of paths that are alike (Lloyd), from parts along the direction of most difference."""
    away = paths - np.median(paths, axis=0)
    spread = float(np.sqrt((away**2).sum(axis=1).mean()))
    count = min(most, max(1, round(spread / _ALIKE_PX)))
    _, directions = np.linalg.eigh(away.T @ away)
    order = np.argsort(away @ directions[:, -1], kind="stable")
    centres = np.stack([np.median(paths[part], axis=0) for part in np.array_split(order, count)])
    for _ in range(_ROUNDS if count > 1 else 0):
        nearest = ((paths[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        for at in range(count):
            if (nearest == at).any():
                centres[at] = paths[nearest == at].mean(axis=0)
    apart = ((centres[:, None] - centres) ** 2).sum(axis=2) > (_ALIKE_PX / 2) ** 2
    own = [at for at in range(count) if apart[at, :at].all()]  # others are the same path once more
    return np.asarray(centres[own], np.float32)
