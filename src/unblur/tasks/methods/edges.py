"""Run the networks by which a shake is found."""

from collections.abc import Callable
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from unblur.engines import Engine
from unblur.errors import NetworkError
from unblur.weights import find_network

Float32 = NDArray[np.float32]


class EdgesNetwork:
    """The network that draws edges, and the one that traces the paths they lead to.

    Args:
        edges: Runs the former.
        paths: Runs the latter.
        second: The same of two that have learned from restored pictures; None: there are none.

    Raises:
        NetworkError: If an engine holds another network.
    """

    def __init__(self, edges: Engine, paths: Engine, second: "EdgesNetwork | None" = None) -> None:
        for engine, name in ((edges, "edges"), (paths, "paths")):
            got = engine.metadata.get("unblur.model", "another")
            if got != name:
                raise NetworkError(
                    f"a shake is found by the networks edges and paths: expected {name}, got {got}"
                )
        self._edges, self._paths = edges, paths
        self.second = second
        self._multiple = int(edges.metadata["unblur.multiple_of"])

    @classmethod
    def bundled(cls, opened: Callable[[Path], Engine]) -> Self:
        """With the networks that come with unblur.

        Args:
            opened: Opens a network file.
        """
        edges, paths, edges_second, paths_second = (
            opened(find_network(name))
            for name in ("edges", "paths", "edges-second", "paths-second")
        )
        return cls(edges, paths, cls(edges_second, paths_second))

    def draw(self, seen: Float32) -> Float32:
        """Draw edges.

        Args:
            seen: (n, 3, h, w), as :class:`unblur.models.edges.EdgesGenerator` sees it.

        Returns:
            (n, 2, h, w): gradients of the sharp pictures, to the right and down.
        """
        height, width = seen.shape[-2:]
        beyond = ((0, -height % self._multiple), (0, -width % self._multiple))
        batch = np.pad(seen, ((0, 0), (0, 0), *beyond), mode="edge")
        edges = self._edges.run(np.ascontiguousarray(batch, np.float32))[..., :height, :width]
        edges[:, 0, :, -1] = 0
        edges[:, 1, -1] = 0
        return edges

    def trace(self, seen: Float32) -> Float32:
        """Trace paths.

        Args:
            seen: (n, 4, K, K), as :class:`unblur.models.paths.PathsGenerator` sees it.

        Returns:
            (n, K, K), non-negative, their sums of no meaning.
        """
        return self._paths.run(np.ascontiguousarray(seen, np.float32))[:, 0]
