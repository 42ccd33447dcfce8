"""The planes of a video's frames: to RGB, and a change of RGB added to what was there."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from av import VideoFrame
    from av.video.format import VideoFormat

Float32: TypeAlias = NDArray[np.float32]
Plane: TypeAlias = NDArray[np.unsignedinteger[Any]]

_PLANAR: Final = re.compile(
    r"(?:(?P<yuv>yuv)(?P<a>a?)(?P<sub>444|440|422|420|411|410)p|(?P<gray>gray)|gbr(?P<b>a?)p)"
    r"(?:(?P<bits>9|10|12|14|16)le)?"
)
_STEPS: Final = {
    "444": (1, 1),
    "440": (1, 2),
    "422": (2, 1),
    "420": (2, 2),
    "411": (4, 1),
    "410": (4, 4),
}
_SUBSAMPLINGS: Final = {steps: name for name, steps in _STEPS.items()}
_COLOURS: Final = 3


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Planes of a frame: which, how fine, how deep.

    Attributes:
        kind: Luma and chroma, luma alone, or green, blue and red.
        steps: Pixels for one value of chroma, across and down.
        bits: Of a value.
        alpha: One more plane, of opacity.
    """

    kind: Literal["yuv", "gray", "rgb"]
    steps: tuple[int, int] = (1, 1)
    bits: int = 8
    alpha: bool = False

    @classmethod
    def parse(cls, name: str) -> "Layout | None":
        """The layout that FFmpeg calls so; None if values share planes, or are no integers."""
        found = _PLANAR.fullmatch(name)
        if found is None:
            return None
        kind: Literal["yuv", "gray", "rgb"] = "rgb"
        if found["yuv"] or found["gray"]:
            kind = "yuv" if found["yuv"] else "gray"
        return cls(
            kind=kind,
            steps=_STEPS[found["sub"] or "444"],
            bits=int(found["bits"] or 8),
            alpha=bool(found["a"] or found["b"]),
        )

    @classmethod
    def of(cls, pixels: "VideoFormat") -> "Layout":
        """The layout that holds all of any pixel format."""
        parts = pixels.components
        alpha = any(part.is_alpha for part in parts)
        colours = len(parts) - alpha
        bits = max((part.bits for part in parts), default=8)
        bits = next((known for known in (8, 9, 10, 12, 14) if bits <= known), 16)
        if pixels.is_rgb or pixels.has_palette or pixels.is_bayer:
            return cls(kind="rgb", bits=bits, alpha=alpha or pixels.has_palette)
        if colours < _COLOURS:
            return cls(kind="gray", bits=bits)
        steps = (4 // pixels.chroma_width(4), 4 // pixels.chroma_height(4))
        return cls(kind="yuv", steps=steps, bits=bits, alpha=alpha)

    @property
    def name(self) -> str:
        """What FFmpeg calls it."""
        alpha = "a" if self.alpha else ""
        depth = "" if self.bits == 8 else f"{self.bits}le"  # noqa: PLR2004
        if self.kind == "gray":
            return f"gray{depth}"
        if self.kind == "rgb":
            return f"gbr{alpha}p{depth}"
        return f"yuv{alpha}{_SUBSAMPLINGS[self.steps]}p{depth}"


def planes_of(frame: "VideoFrame") -> list[Plane]:
    """The planes of a planar frame, without the filling at the ends of rows; views of it."""
    kind = "u1" if max(part.bits for part in frame.format.components) <= 8 else "<u2"  # noqa: PLR2004
    parts: Any = frame.planes
    return [np.frombuffer(part, kind).reshape(part.height, -1)[:, : part.width] for part in parts]


def rgb_from_yuv(
    planes: "list[Plane] | list[Float32]", bits: int, red: float, blue: float, *, is_full: bool
) -> Float32:
    """Luma and chroma to RGB (ITU-T H.273, section 8.3).

    Args:
        planes: Y, Cb and Cr of one size, in codes.
        bits: Of a code.
        red: Share of red in luma.
        blue: Share of blue in luma.
        is_full: Codes use the full range.

    Returns:
        (H, W, 3); codes outside what a colour can have give values outside [0, 1].
    """
    black, luma, chroma = _scale(bits, is_full=is_full)
    y, cb, cr = (plane.astype(np.float32) for plane in planes)
    y = (y - np.float32(black)) / np.float32(luma)
    cb = (cb - np.float32(2 ** (bits - 1))) / np.float32(chroma)
    cr = (cr - np.float32(2 ** (bits - 1))) / np.float32(chroma)
    r = y + np.float32(2 * (1 - red)) * cr
    b = y + np.float32(2 * (1 - blue)) * cb
    g = (y - np.float32(red) * r - np.float32(blue) * b) / np.float32(1 - red - blue)
    return np.stack([r, g, b], axis=2)


@dataclass(frozen=True, kw_only=True)
class Colours:
    """How codes in planes mean colours.

    Attributes:
        layout: Of the planes.
        red: Share of red in luma.
        blue: Share of blue in luma.
        is_full: Codes of luma and chroma use the full range.
    """

    layout: Layout
    red: float
    blue: float
    is_full: bool

    def rgb(self, planes: list[Plane]) -> Float32:
        """The colours of a frame.

        Args:
            planes: In this layout.

        Returns:
            (H, W, 3) RGB in [0, 1]; chroma is interpolated, its values left of their pixels and
            between rows, as in most video.
        """
        layout, height, width = self.layout, *planes[0].shape
        if layout.kind == "rgb":
            top = np.float32(2**layout.bits - 1)
            g, b, r = (plane.astype(np.float32) / top for plane in planes[:_COLOURS])
            return np.stack([r, g, b], axis=2)
        if layout.kind == "gray":
            black, luma, _ = _scale(layout.bits, is_full=self.is_full)
            grey = (planes[0].astype(np.float32) - np.float32(black)) / np.float32(luma)
            return np.repeat(np.clip(grey, 0, 1)[..., None], _COLOURS, axis=2)
        chroma = [_finer(plane, layout.steps, height, width) for plane in planes[1:_COLOURS]]
        parts = [planes[0].astype(np.float32), *chroma]
        rgb = rgb_from_yuv(parts, layout.bits, self.red, self.blue, is_full=self.is_full)
        return np.clip(rgb, 0, 1, out=rgb)

    def codes(self, rgb: Float32) -> list[Plane]:
        """The planes of colours, (H, W, 3) in [0, 1]."""
        bits = self.layout.bits
        black = _scale(bits, is_full=self.is_full)[0]
        zeros = [0.0] * _COLOURS if self.layout.kind == "rgb" else [black, *[2.0 ** (bits - 1)] * 2]
        return [
            self._code(part + zero) for part, zero in zip(self._parts(rgb), zeros, strict=False)
        ]

    def changed(self, planes: list[Plane], change: Float32) -> list[Plane]:
        """Add a change of the colours; where it is nought, codes stay what they were.

        Args:
            planes: In this layout.
            change: (H, W, 3), RGB, in [-1, 1].

        Returns:
            The new planes; opacity is the old one.
        """
        parts = self._parts(change)
        new = [self._code(old + part) for old, part in zip(planes, parts, strict=False)]
        return [*new, *planes[len(new) :]]

    def _parts(self, rgb: Float32) -> list[Float32]:
        """What colours, or a change of them, are in codes, without what stands for nought."""
        layout = self.layout
        r, g, b = rgb[..., 0], rgb[..., 1], rgb[..., 2]
        if layout.kind == "rgb":
            return [part * np.float32(2**layout.bits - 1) for part in (g, b, r)]
        _, luma, chroma = _scale(layout.bits, is_full=self.is_full)
        y = np.float32(self.red) * r + np.float32(self.blue) * b
        y += np.float32(1 - self.red - self.blue) * g
        parts = [y * np.float32(luma)]
        if layout.kind == "yuv":
            for colour, share in ((b, self.blue), (r, self.red)):
                part = (colour - y) * np.float32(chroma / (2 * (1 - share)))
                parts.append(_coarser(part, layout.steps))
        return parts

    def _code(self, values: Float32) -> Plane:
        bits = self.layout.bits
        codes = np.clip(np.rint(values), 0, 2**bits - 1)
        return codes.astype("u1" if bits == 8 else "<u2")  # noqa: PLR2004


def _scale(bits: int, *, is_full: bool) -> tuple[float, float, float]:
    """The code of black, and how many codes luma and chroma have."""
    if is_full:
        top = float(2**bits - 1)
        return 0.0, top, top
    step = float(2 ** (bits - 8))
    return 16 * step, 219 * step, 224 * step


def _finer(plane: Plane, steps: tuple[int, int], height: int, width: int) -> Float32:
    """Chroma, interpolated to the size of luma."""
    values: NDArray[np.floating[Any]] = plane.astype(np.float32)
    for _ in range(steps[0] // 2):
        right = np.concatenate([values[:, 1:], values[:, -1:]], axis=1)
        values = np.stack([values, (values + right) / 2], axis=2).reshape(len(values), -1)
    for _ in range(steps[1] // 2):
        above = np.concatenate([values[:1], values[:-1]])
        below = np.concatenate([values[1:], values[-1:]])
        pair = np.stack([0.75 * values + 0.25 * above, 0.75 * values + 0.25 * below], axis=1)
        values = pair.reshape(-1, values.shape[1])
    return values[:height, :width].astype(np.float32, copy=False)


def _coarser(change: Float32, steps: tuple[int, int]) -> Float32:
    """A change at every pixel, averaged to the size of chroma."""
    values: NDArray[np.floating[Any]] = change
    for _ in range(steps[0] // 2):
        padded = np.pad(values, ((0, 0), (1, 1 + values.shape[1] % 2)), mode="edge")
        values = (padded[:, :-2:2] + 2 * padded[:, 1:-1:2] + padded[:, 2::2]) / 4
    for _ in range(steps[1] // 2):
        padded = np.pad(values, ((0, len(values) % 2), (0, 0)), mode="edge")
        values = (padded[::2] + padded[1::2]) / 2
    return values.astype(np.float32, copy=False)
