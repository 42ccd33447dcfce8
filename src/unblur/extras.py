"""What extras bring: whoever needs some of it says so before it is imported."""

from importlib.util import find_spec
from typing import Final

from unblur.errors import MissingExtraError

MODULES: Final = {
    "bench": ("skimage",),
    "heif": ("pillow_heif",),
    "openvino": ("openvino",),
    "raw": ("rawpy",),
    "reference": ("skimage", "cv2"),
    "scale": ("ray", "fsspec", "pyarrow"),
    "train": ("torch", "lightning", "onnx", "onnxscript", "safetensors"),
    "video": ("av", "cv2"),
    "web": ("starlette", "uvicorn"),
}
"""By extra, what the code imports of it."""
PACKAGES: Final = {"cv2": "opencv-python-headless", "skimage": "scikit-image"}
"""What is installed, where it is called otherwise than the module."""


def missing(extra: str, *modules: str) -> list[str]:
    """The packages of an extra that are not installed; nothing is imported.

    Args:
        extra: Its name.
        modules: Those of its modules that are needed; not given: all.
    """
    wanted = modules or MODULES[extra]
    return [PACKAGES.get(name, name) for name in wanted if find_spec(name) is None]


def need(extra: str, *modules: str) -> None:
    """Say what is not installed, and how to install it.

    Args:
        extra: Its name.
        modules: Those of its modules that are needed; not given: all.

    Raises:
        MissingExtraError: If one of them is not there.
    """
    for package in missing(extra, *modules):
        raise MissingExtraError(package, extra=extra)
