"""Restoring, and random motion blur, as steps of a pipeline that loads pictures for training.

They are called as torchvision's transforms are, ``step(picture)``, and as albumentations' are,
``step(image=picture, mask=mask)``; neither package is imported.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError
from unblur.imaging.blur.blur import blur
from unblur.imaging.blur.motion import KINDS, random_motion
from unblur.imaging.blur.trajectories import PRESETS
from unblur.tasks.batch.any_kind import restore
from unblur.tasks.datasets.pipeline import PipelineStep
from unblur.tasks.restore.any_picture import Readable, Same
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.pictures import check_picture, is_picture, map_pixels

if TYPE_CHECKING:
    from PIL.Image import Image
    from torch import Tensor

Array = TypeVar("Array", bound=NDArray[np.generic])
Item = TypeVar("Item")

Float32 = NDArray[np.float32]

Rng = np.random.Generator | None

Draw = Callable[[Float32], np.random.Generator]
"""The source of randomness for a picture."""

ROOM_PX: Final = 3
"""A kernel may be this much wider than its path is long: rounded up on both sides, odd."""


@dataclass(frozen=True, kw_only=True)
class Unblur(PipelineStep):
    """Restore pictures in a pipeline; pickles, and opens its network once in each process.

    Called with a picture it returns the restored one, as torchvision's transforms do. Called
    with ``image=``, and perhaps ``mask=``, ``bboxes=`` and others, it returns all of them in a
    dictionary, as albumentations' do: pictures restored, the rest as it was.

    Examples:
        >>> import numpy as np
        >>> from unblur import Unblur
        >>> picture = np.full((48, 64, 3), 0.5, np.float32)
        >>> Unblur()(picture).shape
        (48, 64, 3)
        >>> sorted(Unblur()(image=picture, mask=np.zeros((48, 64))))
        ['image', 'mask']
    """

    options: RestoreOptions = field(default_factory=RestoreOptions)
    """How to restore."""
    p: float = 1.0
    """There for albumentations, which weighs the parts of ``OneOf`` by it; always restores."""

    @overload
    def __call__(self, picture: Same, /, *, force_apply: bool = False) -> Same: ...
    @overload
    def __call__(self, picture: Readable, /, *, force_apply: bool = False) -> bytes: ...
    @overload
    def __call__(self, picture: "Image", /, *, force_apply: bool = False) -> "Image": ...
    @overload
    def __call__(self, picture: "Tensor", /, *, force_apply: bool = False) -> "Tensor": ...
    @overload
    def __call__(self, picture: list[Same], /, *, force_apply: bool = False) -> list[Same]: ...
    @overload
    def __call__(
        self, picture: None = None, /, *, force_apply: bool = False, **data: Item
    ) -> dict[str, Item]: ...

    def __call__(
        self, picture: object = None, /, *, force_apply: bool = False, **data: object
    ) -> object:
        """Restore a picture, or those among keyword arguments.

        Args:
            picture: As for :func:`unblur.restore`, or None.
            force_apply: There for albumentations; changes nothing.
            data: In place of a picture: ``image`` and what belongs to it.

        Returns:
            The restored picture, or ``data`` with restored pictures.

        Raises:
            OptionError: If a picture cannot be restored, or there is none.
        """
        if picture is not None:
            return self._restored(picture)
        return data | {name: self._restored(data[name]) for name in self.pictures_in(data)}

    def _restored(self, picture: object) -> object:
        # Whether it is of a kind that can be restored is looked at there.
        restored: object = restore(picture, options=self.options)  # type: ignore[call-overload]
        return restored


@dataclass(frozen=True, kw_only=True)
class RandomBlur(PipelineStep):
    """Blur pictures at random in a pipeline, as a moving camera or a moving object would.

    Called with a picture it returns the blurred one, as torchvision's transforms do. Called with
    ``image=``, and perhaps ``mask=``, ``bboxes=`` and others, it returns all of them in a
    dictionary, as albumentations' do: pictures blurred, the rest as it was, since on average the
    motion is none.

    Each call draws another blur, from the system's randomness: in every epoch, and in every worker
    process. With a seed the blur is a function of the seed and of the picture's pixels, and of
    nothing else: the same in whichever worker or thread, in whichever order, and in the next
    epoch, too, unless the picture is cropped or flipped at random before.

    Batches of tensors on a GPU are blurred there by :class:`RandomBlurBatch`.

    Raises:
        OptionError: If an option is out of range.

    References:
        DeblurGAN, Algorithm 1, for the paths; ADR 0003 for rolls and objects.

    Examples:
        >>> import numpy as np
        >>> from unblur import RandomBlur
        >>> shake = RandomBlur(kind="shake", length_px=(5, 30), p=1)
        >>> picture = np.random.default_rng(1).integers(0, 256, (48, 64, 3), np.uint8)
        >>> blurred = shake(picture)
        >>> blurred.shape, blurred.dtype
        ((48, 64, 3), dtype('uint8'))
        >>> bool((shake(picture) == blurred).all())  # another shake
        False
        >>> seeded = RandomBlur(length_px=(5, 30), p=1, seed=1)
        >>> bool((seeded(image=picture)["image"] == seeded(picture)).all())
        True
    """

    kind: str = "shake"
    """``shake``, ``rotation``, ``object``, or ``mixed``: one of these for each picture."""
    length_px: float | tuple[float, float] = (10.0, 60.0)
    """Length of the whole path in pixels, or the range that it is drawn from."""
    exposure: tuple[float, ...] = (0.1, 0.5, 1.0)
    """Fractions of the path, in (0, 1], of which each picture gets one."""
    preset: str = "authors"
    """Constants of the shake: ``authors`` or ``paper``."""
    linear_light: bool = True
    """Blur light, as a sensor does; False blurs the encoded values."""
    noise_sigma: float = 0.0
    """Standard deviation of noise added to the encoded values, in [0, 1]."""
    p: float = 0.5
    """Probability that a picture is blurred at all."""
    seed: int | None = None
    """With one, the blur of a picture is the same at every call; None draws anew each time."""

    def __post_init__(self) -> None:
        """Check values."""
        if self.kind not in {*KINDS, "mixed"}:
            raise OptionError(f"unknown kind {self.kind!r}; known: {', '.join(KINDS)}, mixed")
        if self.preset not in PRESETS:
            raise OptionError(f"unknown preset {self.preset!r}; known: {', '.join(PRESETS)}")
        least, most = self.range_px
        if not 0 < least <= most < float("inf"):
            raise OptionError(
                f"length_px must be positive, or a range of such, got {self.length_px}"
            )
        if not self.exposure or not all(0 < fraction <= 1 for fraction in self.exposure):
            raise OptionError(f"exposure needs fractions in (0, 1], got {self.exposure}")
        if not 0 <= self.noise_sigma <= 1:
            raise OptionError(f"noise_sigma must be from 0 to 1, got {self.noise_sigma}")
        if not 0 <= self.p <= 1:
            raise OptionError(f"p must be from 0 to 1, got {self.p}")
        if self.seed is not None and self.seed < 0:
            raise OptionError(f"seed must not be negative, got {self.seed}")

    @overload
    def __call__(
        self, picture: Array, /, *, rng: Rng = None, force_apply: bool = False
    ) -> Array: ...
    @overload
    def __call__(
        self, picture: "Image", /, *, rng: Rng = None, force_apply: bool = False
    ) -> "Image": ...
    @overload
    def __call__(
        self, picture: "Tensor", /, *, rng: Rng = None, force_apply: bool = False
    ) -> "Tensor": ...
    @overload
    def __call__(
        self, picture: list[Array], /, *, rng: Rng = None, force_apply: bool = False
    ) -> list[Array]: ...
    @overload
    def __call__(
        self, picture: None = None, /, *, rng: Rng = None, force_apply: bool = False, **data: Item
    ) -> dict[str, Item]: ...

    def __call__(
        self,
        picture: object = None,
        /,
        *,
        rng: Rng = None,
        force_apply: bool = False,
        **data: object,
    ) -> object:
        """Blur a picture, or those among keyword arguments, which all move alike.

        Args:
            picture: An array, a PIL image or a tensor, as for :func:`unblur.restore`; or None. The
                pictures of a batch (B, ...) each get a blur of their own.
            rng: Source of randomness of this call, in place of the seed.
            force_apply: Blur whatever ``p`` is.
            data: In place of a picture: ``image`` and what belongs to it. The pictures in
                ``images`` and under names added by ``add_targets`` get the blur of the first.

        Returns:
            The blurred picture, or ``data`` with blurred pictures.

        Raises:
            OptionError: If a picture is of another kind, shape, type or range, or smaller than
                a path may be long, or there is none.
        """
        if picture is not None:

            def draw(pixels: Float32) -> np.random.Generator:
                return np.random.default_rng(self._entropy(pixels, rng))

            return self._blur(picture, draw, force=force_apply)
        names = self.pictures_in(data)
        first: list[int] = []

        def draw_alike(pixels: Float32) -> np.random.Generator:
            """The same numbers for every picture of this call."""
            first[:] = first or self._entropy(pixels, rng)
            return np.random.default_rng(first)

        blurred = {name: self._blur(data[name], draw_alike, force=force_apply) for name in names}
        return data | blurred

    def _blur(self, picture: object, draw: Draw, *, force: bool) -> object:
        if isinstance(picture, list | tuple):
            blurred = [self._blur(one, draw, force=force) for one in picture]
            return tuple(blurred) if isinstance(picture, tuple) else blurred
        if not is_picture(picture):
            raise OptionError(
                "a blur takes a NumPy array, a PIL image, a torch tensor or a list of these, got "
                f"{type(picture).__name__}"
            )
        check_picture(picture)
        return map_pixels(
            picture, lambda pixels: self._blurred(pixels, draw(pixels), force), one_channel=True
        )

    def _blurred(self, pixels: Float32, rng: np.random.Generator, force: bool) -> Float32:
        height, width, _ = pixels.shape
        least, most = self.range_px
        exposed_px = most * max(self.exposure)
        if exposed_px > min(height, width) - ROOM_PX:
            raise OptionError(
                f"a picture of {width}x{height} px takes paths of up to "
                f"{max(min(height, width) - ROOM_PX, 0)} px, got length_px={self.length_px}"
            )
        # Everything is drawn, whatever is used: so that p does not change which blur it is.
        chance, length_px = rng.uniform(), rng.uniform(least, most)
        kind, exposure = KINDS[rng.integers(len(KINDS))], rng.choice(self.exposure)
        if not force and chance >= self.p:
            return pixels
        motion = random_motion(
            kind if self.kind == "mixed" else self.kind,
            rng=rng,
            height=height,
            width=width,
            length_px=float(length_px),
            exposure=float(exposure),
            preset=self.preset,
        )
        return blur(
            pixels, motion, linear_light=self.linear_light, noise_sigma=self.noise_sigma, rng=rng
        )

    def _entropy(self, pixels: Float32, rng: Rng) -> list[int]:
        if rng is not None or self.seed is None:
            return [int(x) for x in (rng or np.random.default_rng()).integers(2**32, size=4)]
        content = hashlib.blake2b(np.ascontiguousarray(pixels).tobytes(), digest_size=16).digest()
        return [self.seed, *np.frombuffer(content, "<u4").tolist()]

    @property
    def range_px(self) -> tuple[float, float]:
        """Least and greatest length of a path in pixels."""
        length = self.length_px
        if isinstance(length, int | float):
            return length, length
        least, most = length
        return least, most
