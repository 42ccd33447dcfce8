"""Motion during an exposure: camera shake, shake with roll, an object that moves."""

from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from unblur.checks import check_known
from unblur.errors import OptionError
from unblur.imaging.blur.convolution import check_kernel, convolve, trim_kernel
from unblur.imaging.blur.kernels import least_canvas_px, trajectory_kernels
from unblur.imaging.blur.trajectories import PRESETS, random_trajectories

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

KINDS: Final = ("shake", "rotation", "object")
"""What :func:`random_motion` can draw."""

_CANVAS_PX: Final = 64
_LENS: Final = 28 / 36
"""Focal length over picture width: a 28 mm lens on 35 mm film, the usual phone's."""
_GRID: Final = 3
_EDGE_PX: Final = 3.0
"""Width of the soft outline of a moving object."""


class Motion(Protocol):
    """Something that blurs light: whatever moved while the shutter was open."""

    def apply(self, light: Float32) -> Float32:
        """Blur (H, W, 3) linear light, or encoded values, in [0, 1]; the same shape."""
        ...

    def kernels(self, height: int, width: int) -> Float32:
        """What a point becomes: (K, K), or (3, 3, K, K) at nine places of the photo."""
        ...


@dataclass(frozen=True, kw_only=True, eq=False)
class Shake:
    """The camera shifts or pitches a little: every pixel moves alike."""

    kernel: Float32
    """(K, K), K odd, non-negative, of sum 1."""

    def __repr__(self) -> str:
        """How large its kernel is."""
        return f"<Shake, kernel of {len(self.kernel)}x{len(self.kernel)} px>"

    def apply(self, light: Float32) -> Float32:
        """Convolve with the kernel."""
        return convolve(light, self.kernel)

    def kernels(self, height: int, width: int) -> Float32:
        """The kernel, everywhere the same."""
        return self.kernel


@dataclass(frozen=True, kw_only=True, eq=False)
class Roll:
    """The camera shifts and turns: pixels far from the centre of the turn move farther.

    Blur is the average of the sharp photo in all its poses, so that kernels vary over it.
    """

    poses: Float64
    """(M, 3): x, y in pixels and the angle in radians, equally spaced in time."""
    centre: tuple[float, float]
    """x and y in pixels of the point about which the photo turns; it may lie outside."""

    def __repr__(self) -> str:
        """Its poses' number, and how far it turns."""
        turn = np.degrees(np.ptp(self.poses[:, 2]))
        x, y = self.centre
        return f"<Roll by {turn:.2f} degrees about ({x:.0f}, {y:.0f}), {len(self.poses)} poses>"

    def apply(self, light: Float32) -> Float32:
        """Average the poses, as many as it takes for no pixel to move over 1 px between two."""
        import pyvips

        height, width, _ = light.shape
        poses = self._sampled(height, width)
        corners = _displacements(poses, self.centre, _places(height, width, 2))
        pad = int(np.ceil(np.abs(corners).max())) + 2
        padded = np.pad(light, ((pad, pad), (pad, pad), (0, 0)), mode="reflect")
        sharp = pyvips.Image.new_from_array(np.ascontiguousarray(padded, dtype=np.float32))
        between = pyvips.Interpolate.new("bilinear")
        x, y = self.centre[0] + pad, self.centre[1] + pad
        warped = [
            sharp.affine(
                [np.cos(turn), -np.sin(turn), np.sin(turn), np.cos(turn)],
                interpolate=between,
                idx=-x,
                idy=-y,
                odx=x + right,
                ody=y + down,
                oarea=[pad, pad, width, height],
            )
            for right, down, turn in poses
        ]
        summed: Float32 = pyvips.Image.sum(warped).cast("float").numpy()
        # libvips gives (H, W) for one channel.
        return summed.reshape(light.shape) / np.float32(len(warped))

    def kernels(self, height: int, width: int) -> Float32:
        """Kernels at 3x3 places, from the upper left to the lower right corner."""
        places = _places(height, width, _GRID)
        moved = _displacements(self.poses, self.centre, places)
        # Not centred one by one: where the photo turns, the parts drift against each other.
        side = least_canvas_px(moved, centred=False)
        drawn = trajectory_kernels(moved, canvas_px=max(_CANVAS_PX, side), centred=False)
        return drawn.reshape(_GRID, _GRID, *drawn.shape[1:])

    def seen_from(self, left: float, top: float) -> "Roll":
        """The same motion in a part of the photo that begins at so many pixels."""
        x, y = self.centre
        return Roll(poses=self.poses, centre=(x - left, y - top))

    def _sampled(self, height: int, width: int) -> Float64:
        """Poses at the middles of equal parts of the exposure."""
        corners = np.array(_places(height, width, 2))
        radius = np.hypot(*(corners - self.centre).T).max()
        steps = np.diff(self.poses, axis=0)
        # What the farthest pixel moves in one step, at most.
        farthest = np.hypot(steps[:, 0], steps[:, 1]) + radius * np.abs(steps[:, 2])
        parts = max(int(np.ceil(len(steps) * farthest.max(initial=0.0))), 1)
        times = (np.arange(parts) + 0.5) / parts * len(steps)
        known = np.arange(len(self.poses))
        return np.stack([np.interp(times, known, column) for column in self.poses.T], axis=1)


@dataclass(frozen=True, kw_only=True, eq=False)
class MovingObject:
    """A part of the photo moves over the rest, which stays sharp."""

    kernel: Float32
    """(K, K) of the object, K odd, non-negative, of sum 1."""
    mask: Float32
    """(H, W) in [0, 1]: 1 where the object is in the sharp photo, with a soft outline."""

    def __repr__(self) -> str:
        """How large its kernel and the photo are."""
        height, width = self.mask.shape
        kernel = f"kernel of {len(self.kernel)}x{len(self.kernel)} px"
        return f"<MovingObject in a photo of {width}x{height} px, {kernel}>"

    def apply(self, light: Float32) -> Float32:
        """Blur the object with its outline and lay it over the photo: ``k*(mS) + (1 - k*m)S``."""
        if light.shape[:2] != self.mask.shape:
            raise OptionError(f"the mask is for {self.mask.shape}, the photo is {light.shape[:2]}")
        mask = self.mask[..., None]
        moved = convolve(np.concatenate([light * mask, mask], axis=2), self.kernel)
        return moved[..., :-1] + (1 - moved[..., -1:]) * light

    def kernels(self, height: int, width: int) -> Float32:
        """The kernel of the object."""
        return self.kernel


def random_motion(  # noqa: PLR0913 - each is a documented degree of freedom of the blur
    kind: str,
    *,
    rng: np.random.Generator,
    height: int,
    width: int,
    length_px: float = 60.0,
    exposure: float = 1.0,
    preset: str = "authors",
    samples: int = 2000,
) -> Motion:
    """Draw a motion for a photo of a given size.

    Args:
        kind: ``shake``: the camera shifts, one kernel for the whole photo. ``rotation``: it also
            rolls, about a random point. ``object``: a part of the photo moves over the rest.
        rng: Source of randomness; equal states give equal motions.
        height: Of the photo, in pixels.
        width: Of the photo, in pixels.
        length_px: Length of the whole path in pixels. A roll goes as far in angle as a shift of
            this length does in a photo taken with a 28 mm lens.
        exposure: Fraction of the path, in (0, 1], during which the shutter is open.
        preset: A name in :data:`unblur.imaging.blur.kernels.PRESETS`, for the camera; objects have
            momentum and always take the smooth arcs of ``paper``.
        samples: Points on the path.

    Returns:
        The motion, centred: on average nothing moves, so the sharp photo stays aligned.

    Raises:
        OptionError: If an argument is out of range.

    References:
        DeblurGAN, Algorithm 1, for every path; ADR 0003 for rolls and objects.

    Examples:
        >>> import numpy as np
        >>> from unblur import random_motion
        >>> roll = random_motion("rotation", rng=np.random.default_rng(1), height=48, width=64)
        >>> light = np.random.default_rng(2).random((48, 64, 3), np.float32)
        >>> bool(roll.apply(light).std() < light.std())
        True
    """
    check_known("kind", kind, KINDS)
    check_known("preset", preset, PRESETS)
    if not 0 < exposure <= 1:
        raise OptionError(f"exposure must be in (0, 1], got {exposure}")
    exposed = max(2, round(exposure * samples))

    def path(preset: str) -> Float64:
        drawn = random_trajectories(
            1, rng=rng, length_px=length_px, samples=samples, preset=preset
        )[:, :exposed]
        drawn -= drawn.mean(axis=1, keepdims=True)
        return drawn

    if kind == "rotation":
        shift, roll = path(preset)[0], path(preset)[0, :, 0]
        angle = roll / (_LENS * max(height, width))
        centre = float(rng.uniform(0, width)), float(rng.uniform(0, height))
        return Roll(poses=np.column_stack([shift, angle]), centre=centre)
    paths = path(preset if kind == "shake" else "paper")
    canvas = max(_CANVAS_PX, least_canvas_px(paths))
    kernel = trim_kernel(trajectory_kernels(paths, canvas_px=canvas)[0])
    if kind == "shake":
        return Shake(kernel=kernel)
    return MovingObject(kernel=kernel, mask=random_mask(height, width, rng=rng))


def as_motion(motion: "Motion | NDArray[np.floating[Any]]") -> Motion:
    """A kernel as the shake that leaves it; other motions as they are.

    Raises:
        OptionError: If a kernel is not square, odd-sized, non-negative and of sum 1.
    """
    if isinstance(motion, np.ndarray):
        check_kernel(motion)
        return Shake(kernel=motion)
    return motion


def random_mask(height: int, width: int, *, rng: np.random.Generator) -> Float32:
    """Draw a smooth closed shape with a soft outline, a fifth to half as wide as the photo.

    Args:
        height: In pixels.
        width: In pixels.
        rng: Source of randomness.

    Returns:
        (height, width) in [0, 1], 1 inside.
    """
    x, y = rng.uniform(0.25, 0.75, 2) * (width, height)
    radius = rng.uniform(0.2, 0.4) * min(height, width)
    right, down = np.meshgrid(np.arange(width) - x, np.arange(height) - y)
    angle = np.arctan2(down, right)
    outline = np.ones((height, width))
    for waves in range(1, 5):
        strength = rng.uniform(0, 0.3 / waves)
        outline += strength * np.cos(waves * angle + rng.uniform(0, 2 * np.pi))
    inside = radius * outline - np.hypot(right, down)
    mask: Float32 = np.clip(inside / _EDGE_PX + 0.5, 0, 1).astype(np.float32)
    return mask


def _places(height: int, width: int, count: int) -> list[tuple[float, float]]:
    """A grid of x and y over the photo, corners included, row by row."""
    xs, ys = np.linspace(0, width - 1, count), np.linspace(0, height - 1, count)
    return [(float(x), float(y)) for y in ys for x in xs]


def _displacements(
    poses: Float64, centre: tuple[float, float], places: list[tuple[float, float]]
) -> Float64:
    """How far each pose carries each place: (places, M, 2), x and y in pixels."""
    x, y = (np.array(places) - centre).T[..., None]
    cosine, sine = np.cos(poses[:, 2]), np.sin(poses[:, 2])
    right = x * cosine - y * sine + poses[:, 0] - x
    down = x * sine + y * cosine + poses[:, 1] - y
    return np.stack([right, down], axis=-1)
