"""Published weights: where they are, what they may be used for, what they were made from."""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import NetworkError
from unblur.extras import need

HALF_SUFFIX: Final = ".half"
"""Ends the name of a weight that a network file stores in half precision."""
_BUNDLED: Final = Path(__file__).parent / "networks"


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """One network file that comes with the package."""

    file: str
    """Name inside the package's folder ``networks``."""
    sha256: str
    license: str
    trained_on: str
    recipe: str
    date: str
    figures: str
    """As ``python benchmarks/held_out.py`` and ``python benchmarks/crispness.py`` print them."""


WEIGHTS: Final = {
    "fast": PublishedWeights(
        file="fast.onnx",
        sha256="666d4a47227236fa7468083efc215d174c9747a040561776ed87417469a32f46",
        license="Apache-2.0",
        trained_on="205 photos: COCO (CC BY, BY-SA), wallpapers (CC0, CC BY, Unsplash); frames",
        recipe="recipes/fast.toml and fast-last.toml, in the stages of docs/adr/0001",
        date="2026-11-21",
        figures="+1.64 dB held-out PSNR",
    ),
    "fast-gan": PublishedWeights(
        file="fast-gan.onnx",
        sha256="7082330d7df18675c91752f2b1de5cae5a22e011e01befd2fefa2cf8a74f6433",
        license="Apache-2.0",
        trained_on="as fast, and VGG19's features",
        recipe="recipes/fast-gan.toml, from update 14,240 of fast's last stage",
        date="2026-11-21",
        figures="0.1 dB below fast, 7 % nearer in VGG19's features",
    ),
    "deblurgan-32": PublishedWeights(
        file="deblurgan-32.onnx",
        sha256="85c321443652519308801368a223f4833be51fa544b31a7ac2b0cce079f5194c",
        license="Apache-2.0",
        trained_on="photos and frames as fast but for the validation set's, and VGG19's features",
        recipe="recipes/deblurgan-32.toml, -last, -features, -gan.toml, means of what they make",
        date="2026-12-01",
        figures="validation set: shakes +0.83, frames +1.22 dB; fast +1.53 and +1.31",
    ),
}
"""Networks that restore a photo by themselves."""
KERNEL_WEIGHTS: Final = {
    "guided": PublishedWeights(
        file="guided.onnx",
        sha256="4455cdc37792e57e446a2d121ac9f0d15f470f5a375991a260d067b84300e3eb",
        license="Apache-2.0",
        trained_on="photos as fast, shaken, with kernels found and true",
        recipe="guided.toml, from fast",
        date="2026-11-30",
        figures="cleans up after the shake was undone; by method auto and blind only",
    ),
    "edges": PublishedWeights(
        file="edges.onnx",
        sha256="ebc7193220754de95fd3db3ac0a90e9dddf647769af3ae0f44236467587a76ad",
        license="Apache-2.0",
        trained_on="photos as fast, shaken",
        recipe="edges.toml, from guided",
        date="2026-11-29",
        figures="draws what shakes are found by; by method auto and blind only",
    ),
    "paths": PublishedWeights(
        file="paths.onnx",
        sha256="f2378c881ed2d7d580cbc98f9dc4aa552b9e0fe04ea6849bb6d0f4936a525fa6",
        license="Apache-2.0",
        trained_on="photos as fast, shaken",
        recipe="edges.toml, from guided",
        date="2026-11-29",
        figures="traces a path in what edges give; by method auto and blind only",
    ),
    "guided-second": PublishedWeights(
        file="guided-second.onnx",
        sha256="aa78bb6957970f7ace35581699713b542a9134b42104e6e8e081b761ef518aa2",
        license="Apache-2.0",
        trained_on="photos as fast, shaken, with kernels found and true",
        recipe="guided-second.toml, from guided",
        date="2026-12-01",
        figures="goes over what photo and guided say; by method auto and blind only",
    ),
    "edges-second": PublishedWeights(
        file="edges-second.onnx",
        sha256="42b3aaa3179f62ba852c7975fc6d9062a9bb8dcb8190ef4e48c2b4d7d8c2d396",
        license="Apache-2.0",
        trained_on="photos as fast, shaken, with kernels found",
        recipe="edges-second.toml, from edges",
        date="2026-12-01",
        figures="draws what a kernel is made better by; by method auto and blind only",
    ),
    "paths-second": PublishedWeights(
        file="paths-second.onnx",
        sha256="0ede6336f5c43dbf5e29324fed8b67466f092e26610812c32e9b5ccbf743e7d6",
        license="Apache-2.0",
        trained_on="photos as fast, shaken, with kernels found",
        recipe="edges-second.toml, from paths",
        date="2026-12-01",
        figures="traces a path in what edges-second gives; by method auto and blind only",
    ),
}
"""Those that are shown its deconvolutions, too, by the methods ``auto`` and ``blind``."""


@dataclass(frozen=True, kw_only=True)
class KeptNetwork:
    """A network of others that the user has added under a name of its own."""

    name: str
    file: Path
    """What is run: the network, adapted to what unblur gives and takes."""
    sha256: str
    """Of that file."""
    facts: Mapping[str, str]
    """What was found out about it: where it came from, range, multiples, tiles."""
    license: str
    date: str
    """When it was added."""


def user_folder() -> Path:
    """Where networks of others are kept: ``UNBLUR_DATA``, or ``unblur`` among the user's data."""
    if named := os.environ.get("UNBLUR_DATA"):
        return Path(named)
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(home) / "unblur"


def kept_networks() -> dict[str, KeptNetwork]:
    """Networks that were added, by name; those whose notes are damaged are left out."""
    kept = {}
    for notes in sorted((user_folder() / "models").glob("*.json")):
        try:
            read = json.loads(notes.read_text(encoding="utf-8"))
            texts = {key: str(read[key]) for key in ("sha256", "license", "date")}
            facts = {str(key): str(value) for key, value in read["facts"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        file = notes.with_suffix(".onnx")
        kept[notes.stem] = KeptNetwork(name=notes.stem, file=file, facts=facts, **texts)
    return kept


def is_network(model: str | Path) -> bool:
    """Whether a name is that of a network: one of the package, one that was added, or a file."""
    known = {**WEIGHTS, **kept_networks()}
    return str(model) in known or Path(model).suffix.lower() == ".onnx"


def find_network(model: str | Path) -> Path:
    """The network file of a model, or the file that is named.

    Args:
        model: A key of :data:`WEIGHTS` or :data:`KERNEL_WEIGHTS`, the name of a network that was
            added, or the path of an ``.onnx`` file.

    Raises:
        NetworkError: If there is no such model or file, or one that is kept is damaged.
    """
    published = {**WEIGHTS, **KERNEL_WEIGHTS}.get(str(model))
    if published is None:
        path = Path(model)
        if path.suffix.lower() != ".onnx":
            kept = kept_networks()
            if str(model) in kept:
                return _check_kept(kept[str(model)])
            known = ", ".join([*WEIGHTS, *kept])
            raise NetworkError(f"unknown model {str(model)!r}; known: {known}, or an .onnx file")
        if not path.is_file():
            raise NetworkError(f"{path}: no such network file")
        return path
    path = _BUNDLED / published.file
    if not path.is_file():
        raise NetworkError(f"{path} is missing; reinstall unblur")
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != published.sha256:
        raise NetworkError(
            f"{path} is damaged: its SHA-256 is {found}, expected {published.sha256}; "
            "reinstall unblur"
        )
    return path


def _check_kept(kept: KeptNetwork) -> Path:
    again = f"remove it (unblur models remove {kept.name}) and add it again"
    try:
        found = hashlib.sha256(kept.file.read_bytes()).hexdigest()
    except OSError as error:
        raise NetworkError(f"{kept.file} cannot be read ({error.strerror}); {again}") from error
    if found != kept.sha256:
        raise NetworkError(
            f"{kept.file} is damaged: its SHA-256 is {found}, expected {kept.sha256}; {again}"
        )
    return kept.file


def read_state(path: Path) -> tuple[dict[str, NDArray[np.float32]], dict[str, str]]:
    """Read the weights of a network file written by unblur, to load them into PyTorch.

    Args:
        path: The network file.

    Returns:
        The arrays by their names in the module, along with the graph's own constants, and what
        the file says of itself.

    Raises:
        NetworkError: If the file is not an ONNX file.
        MissingExtraError: If the package ``onnx`` is not installed.
    """
    need("train", "onnx")
    import onnx

    try:
        proto: Any = onnx.load(path)
    except Exception as error:  # protobuf's exceptions are private
        raise NetworkError(f"{path} is not an ONNX file") from error
    state = {
        tensor.name.removesuffix(HALF_SUFFIX): onnx.numpy_helper.to_array(tensor).astype(np.float32)
        for tensor in proto.graph.initializer
    }
    return state, {entry.key: entry.value for entry in proto.metadata_props}
