"""What type checkers must make of the public names; mypy and pyright read it, nobody runs it."""

from io import BytesIO
from pathlib import Path
from typing import assert_type

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

import unblur
from unblur import (
    BlurEstimate,
    Photo,
    RandomBlur,
    RandomBlurBatch,
    RestoreOptions,
    Restorer,
    Unblur,
    blur,
    deconvolve,
    estimate_blur,
    psnr,
    random_kernels,
    read_kernel,
    read_photo,
    restore,
    ssim,
)

Codes = NDArray[np.uint8]
Floats = NDArray[np.float32]


def restores(
    codes: Codes, floats: Floats, image: Image.Image, tensor: Tensor, photo: Photo, path: Path
) -> None:
    assert_type(restore("photo.jpg"), str)
    assert_type(restore(path, output="sharp.png", strength=0.5, method="network"), Path)
    assert_type(restore(b"content"), bytes)
    assert_type(restore(BytesIO(b"content")), bytes)
    with path.open("rb") as file:
        assert_type(restore(file, options=RestoreOptions(strength=0.5)), bytes)
    assert_type(restore(codes), Codes)
    assert_type(restore(floats, tile="off", mask="mask.png"), Floats)
    assert_type(restore(image), Image.Image)
    assert_type(restore(Image.open("photo.jpg")), Image.Image)
    assert_type(restore(tensor), Tensor)
    assert_type(restore(photo), Photo)
    assert_type(restore([codes, codes]), list[Codes])
    assert_type(restore((path, path)), tuple[Path, ...])
    assert_type(restore([image]), list[Image.Image])
    assert_type(restore([tensor]), list[Tensor])


def some_path(path: Path | str) -> None:
    assert_type(restore(path), Path | str)


def restorer(
    codes: Codes, floats: Floats, image: Image.Image, tensor: Tensor, photo: Photo
) -> None:
    sharpen = Restorer(method="network", strength=0.5)
    assert_type(sharpen, Restorer)
    assert_type(Restorer.open(), Restorer)
    assert_type(sharpen(codes), Codes)
    assert_type(sharpen(image), Image.Image)
    assert_type(sharpen("photo.jpg"), str)
    assert_type(sharpen(BytesIO(b"content")), bytes)
    assert_type(sharpen.restore(floats), Floats)
    assert_type(sharpen.restore(tensor), Tensor)
    assert_type(sharpen.restore(photo), Photo)
    assert_type(sharpen.restore_pixels(floats), Floats)


def steps(codes: Codes, image: Image.Image, tensor: Tensor, path: Path) -> None:
    shake = RandomBlur(length_px=(5, 30), p=1)
    assert_type(shake(codes), Codes)
    assert_type(shake(image), Image.Image)
    assert_type(shake(tensor, rng=np.random.default_rng(1)), Tensor)
    assert_type(shake([codes]), list[Codes])
    assert_type(shake(image=codes, mask=codes), dict[str, Codes])
    assert_type(Unblur()(codes), Codes)
    assert_type(Unblur()(image), Image.Image)
    assert_type(Unblur()(tensor), Tensor)
    assert_type(Unblur()(path), Path)
    assert_type(Unblur()(image=codes, mask=codes), dict[str, Codes])
    batch = RandomBlurBatch(p=0.5, same_on_batch=True)
    module: nn.Module = batch
    del module
    assert_type(batch.draw(tensor), Tensor)
    assert_type(batch.forward(tensor), Tensor)


def others(codes: Codes, floats: Floats, photo: Photo, path: Path) -> None:
    kernels = random_kernels(4, rng=np.random.default_rng(1))
    assert_type(kernels, Floats)
    assert_type(read_kernel(path), Floats)
    assert_type(blur(photo, floats), Photo)
    assert_type(blur(floats, floats), Floats)
    assert_type(deconvolve(floats, "wiener", floats), Floats)
    assert_type(read_photo(path), Photo)
    assert_type(estimate_blur(photo), BlurEstimate)
    assert_type(psnr(codes, codes), float)
    assert_type(psnr(floats, codes), float)
    assert_type(ssim(floats, floats, data_range=1.0), float)


def wrong(path: Path) -> None:
    restore(7)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    restore(path, strong=1)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    restore(path, strength="1")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    RandomBlur()("photo.jpg")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue, reportArgumentType]
    unblur.unsharpen  # type: ignore[attr-defined]  # pyright: ignore  # noqa: B018
