"""Diagnose a photo: how blurred it is, along which direction, and whether restoring will help."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import OptionError
from unblur.imaging.draw.strokes import Stroke, draw_strokes
from unblur.imaging.measure.cells import cell_structures, mean_blur, middles
from unblur.imaging.measure.noise import estimate_noise, hides_blur
from unblur.imaging.measure.sharpness import luma
from unblur.imaging.measure.spectrum import (
    SpectralBlur,
    difference_structure,
    fine_growth,
    has_detail,
    noise_energy,
    spectral_blur,
)
from unblur.imaging.photo.photo import Photo
from unblur.tasks.methods.blur_estimate import BlurEstimate
from unblur.tasks.restore.restorer import Restorer

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]

LEAST_SIDE_PX: Final = 64
SLIGHTLY_PX: Final = 4.0
CLEARLY_PX: Final = 8.0
HEAVILY_PX: Final = 16.0
HIDDEN: Final = "too dark or too noisy to tell"
"""The verdict on a photo whose noise may hide its blur."""
HELPS_DB: Final = 0.3
"""A predicted gain above this is worth restoring for."""
_SEEN_DB: Final = 1.0
"""And above this it is seen without looking for it."""

_ROUND: Final = 0.7
"""Blur that is this wide for its length has no direction to speak of."""
_VARIES: Final = 0.75
_LEAST_CELLS: Final = 6
_LINES: Final = 0.75
_TURNS: Final = 0.4
"""Mean of the parts' directions as vectors; zooms and rolls have 0.0 to 0.45, shakes 0.5 to 1."""
_STROKE_SHARE: Final = 32.0
"""A blur of so many pixels gets a stroke as long as a cell."""
_TRIED_PX: Final = 512
"""Of larger photos, four pieces of this side are restored to predict the gain."""
_GAIN: Final = (-0.06905, 1.131, 0.8652, -0.784, 1.145)
"""Constant; mean, largest, smallest and squared largest growth of fine detail by direction."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One part of a photo.

    Attributes:
        left: Of the part, in pixels.
        top: Of the part, in pixels.
        width: Of the part, in pixels.
        height: Of the part, in pixels.
        blur: What it looks like; None where there is nothing to judge by.
    """

    left: int
    top: int
    width: int
    height: int
    blur: SpectralBlur | None


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What a photo's blur looks like, and what to do about it.

    Attributes:
        verdict: ``sharp``, ``slightly blurred``, ``clearly blurred``, ``heavily blurred``,
            ``too dark or too noisy to tell``, or ``nothing to judge by``.
        blur: Of the photo as a whole; None if there is nothing to judge by.
        noise: Standard deviation of the noise, white is 1.
        varies: Some parts are blurred much more than others, or otherwise.
        spread: How much the length varies from part to part, in octaves (root mean square).
        gain_db: What restoring will gain in PSNR, predicted; None if that was not asked.
        cells: The parts, row by row.
        shake: What a search for the kernel of the whole photo found, if that was asked.
    """

    verdict: str
    blur: SpectralBlur | None
    noise: float
    varies: bool
    spread: float
    gain_db: float | None
    cells: tuple[Cell, ...]
    shake: BlurEstimate | None = None

    @property
    def tells(self) -> bool:
        """Some blur is seen, and not so little or so noisy that it may be none."""
        return self.verdict not in {"sharp", HIDDEN}

    @property
    def shaken(self) -> bool:
        """A shake was found that restoring undoes."""
        return self.shake is not None and self.shake.taken

    @property
    def directed(self) -> bool:
        """Blurred along one direction: not sharp, and not blurred alike in all, as out of focus."""
        return self.tells and _is_directed(self.blur) and not self.turns

    @property
    def turns(self) -> bool:
        """Nearly all parts are blurred along some direction, but not along the same.

        So does a zoom or a roll of the camera.
        """
        seen = [cell.blur for cell in self.cells if cell.blur]
        lines = [blur for blur in seen if _is_directed(blur)]
        if len(seen) < _LEAST_CELLS or len(lines) < _LINES * len(seen) or not self.tells:
            return False
        # Directions are the same after half a turn, so angles are doubled before their mean.
        doubled = np.exp(2j * np.radians([blur.angle_deg for blur in lines]))
        weights = np.array([blur.certainty for blur in lines])
        return bool(abs(weights @ doubled) < _TURNS * weights.sum())

    @property
    def helps(self) -> bool | None:
        """Whether restoring will help; None if that was not asked."""
        return None if self.gain_db is None else self.gain_db > HELPS_DB

    @property
    def outlook(self) -> str | None:
        """Whether restoring will help, in words; None if that was not asked."""
        if self.gain_db is None:
            return None
        if self.gain_db >= _SEEN_DB:
            return "will help"
        return "will help a little" if self.helps else "will hardly help"

    @property
    def seems(self) -> str:
        """The verdict, in words that do not call sharp what can be made sharper."""
        return "almost sharp" if self.verdict == "sharp" and self.helps else self.verdict


def diagnose(picture: Photo | Float32, restorer: Restorer | None = None) -> Diagnosis:
    """Say how blurred a photo is, along which direction, and whether restoring will help.

    The figures were calibrated on synthetic blur; `benchmarks/diagnose.py` prints how often they
    are right. Blur longer than about 25 px is taken for shorter.

    Args:
        picture: A photo, or pixels (H, W, 3) in [0, 1], display-encoded; at least 64 px a side.
        restorer: Its network is tried out on the photo, or on parts of a large one, to predict the
            gain. If it looks for the blur of each photo, it does so here, too, which takes seconds.

    Raises:
        OptionError: If the photo is too small.
    """
    pixels = (
        picture.pixels.astype(np.float32, copy=False) if isinstance(picture, Photo) else picture
    )
    height, width, _ = pixels.shape
    if min(height, width) < LEAST_SIDE_PX:
        raise OptionError(
            f"a photo to diagnose needs {LEAST_SIDE_PX} px a side, got {width}x{height}"
        )
    places, structures = cell_structures(pixels)
    noise = noise_energy(structures)
    cells = tuple(
        Cell(
            left=place[1].start,
            top=place[0].start,
            width=place[1].stop - place[1].start,
            height=place[0].stop - place[0].start,
            blur=spectral_blur(structure, noise) if has_detail(structure, noise) else None,
        )
        for place, structure in zip(places, structures, strict=True)
    )
    blur = mean_blur(structures, noise)
    spread = _spread(blur, cells)
    gain_db = (
        _predicted_gain(pixels, restorer.without_search(), noise) if restorer and blur else None
    )
    shake = restorer.estimate(pixels) if restorer and gain_db is not None else None
    if shake is not None and shake.taken:
        gain_db = max(0.0, gain_db or 0.0) + shake.gain_db
    shaken = shake is not None and shake.taken
    hidden = not shaken and (gain_db or 0.0) <= HELPS_DB and _is_hidden(pixels, blur, shake)
    return Diagnosis(
        verdict=HIDDEN if hidden else _verdict(blur),
        blur=blur,
        noise=float(np.sqrt(noise / 2)),
        varies=spread > _VARIES,
        spread=spread,
        gain_db=gain_db,
        cells=cells,
        shake=shake,
    )


def draw_diagnosis(pixels: Float32, diagnosis: Diagnosis) -> tuple[Float32, float]:
    """Draw the blur of every part of a photo as a stroke: its direction and its length.

    Args:
        pixels: The photo, (H, W, 3) in [0, 1].
        diagnosis: Of this photo.

    Returns:
        The picture, and how many times longer than the blur its strokes are. Sharp parts and
        those that are blurred alike in all directions get a dot, those with nothing to judge by
        get none.
    """
    side = min(min(cell.width, cell.height) for cell in diagnosis.cells)
    times = max(side / _STROKE_SHARE, 1.0)
    strokes = [
        Stroke(
            x=cell.left + cell.width / 2,
            y=cell.top + cell.height / 2,
            length_px=min(times * cell.blur.length_px, 0.8 * side) * _is_directed(cell.blur),
            angle_deg=cell.blur.angle_deg,
        )
        for cell in diagnosis.cells
        if cell.blur
    ]
    return draw_strokes(pixels, strokes, thick_px=max(3.0, side / 40)), times


def gain_features(pixels: Float32, restorer: Restorer, noise: float) -> Float64:
    """What the prediction of the gain looks at: how fine detail grows when it is tried.

    Args:
        pixels: (H, W, 3).
        restorer: Restores it, or four pieces of it.
        noise: From :func:`unblur.imaging.measure.spectrum.noise_energy`.

    Returns:
        (5,): 1; mean, largest, smallest and squared largest growth over the directions.
    """
    height, width, _ = pixels.shape
    pieces = [
        pixels[rows, columns]
        for rows in middles(height, 1 if height <= _TRIED_PX else 2, _TRIED_PX)
        for columns in middles(width, 1 if width <= _TRIED_PX else 2, _TRIED_PX)
    ]
    before = [difference_structure(luma(piece)) for piece in pieces]
    after = [difference_structure(luma(restorer.restore_pixels(piece))) for piece in pieces]
    grown = fine_growth(np.mean(before, axis=0), np.mean(after, axis=0), noise)
    most = grown.max()
    return np.array([1.0, grown.mean(), most, grown.min(), most**2])


def _predicted_gain(pixels: Float32, restorer: Restorer, noise: float) -> float:
    return float(gain_features(pixels, restorer, noise) @ np.array(_GAIN))


def _is_hidden(pixels: Float32, blur: SpectralBlur | None, found: BlurEstimate | None) -> bool:
    """Whether noise may hide the blur; by what restoring found, so that both say the same."""
    if found is not None and found.blur_px is not None:
        return found.blur_px < CLEARLY_PX and hides_blur(found.contrast, found.noise)
    if blur is None or blur.length_px >= CLEARLY_PX:
        return False
    return hides_blur(float(pixels.mean(axis=2).std()), estimate_noise(pixels))


def _verdict(blur: SpectralBlur | None) -> str:
    if blur is None:
        return "nothing to judge by"
    if blur.length_px < SLIGHTLY_PX:
        return "sharp"
    if blur.length_px < CLEARLY_PX:
        return "slightly blurred"
    return "clearly blurred" if blur.length_px < HEAVILY_PX else "heavily blurred"


def _is_directed(blur: SpectralBlur | None) -> bool:
    if blur is None or blur.length_px < SLIGHTLY_PX:
        return False
    return blur.width_px <= _ROUND * blur.length_px


def _spread(blur: SpectralBlur | None, cells: tuple[Cell, ...]) -> float:
    lengths = [cell.blur.length_px for cell in cells if cell.blur]
    if blur is None or not lengths:
        return 0.0
    octaves = np.log2((np.array(lengths) + SLIGHTLY_PX) / (blur.length_px + SLIGHTLY_PX))
    return float(np.sqrt(np.mean(octaves**2)))
