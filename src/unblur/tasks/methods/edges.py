"""Run the network that draws the edges by which a kernel is found."""

import numpy as np
from numpy.typing import NDArray

from unblur.engines import Engine
from unblur.errors import NetworkError

Float32 = NDArray[np.float32]


class EdgesNetwork:
    """The network that draws edges.

    Args:
        engine: Runs it.

    Raises:
        NetworkError: If the engine holds another network.
    """

    def __init__(self, engine: Engine) -> None:
        facts = engine.metadata
        if facts.get("unblur.model") != "edges":
            got = facts.get("unblur.model", "another")
            raise NetworkError(f"expected the network that draws edges, edges, got {got}")
        self._engine = engine
        self._multiple = int(facts["unblur.multiple_of"])

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
        edges = self._engine.run(np.ascontiguousarray(batch, np.float32))[..., :height, :width]
        edges[:, 0, :, -1] = 0
        edges[:, 1, -1] = 0
        return edges
