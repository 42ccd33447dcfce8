"""What the files of a restored photo are called."""

from pathlib import Path, PurePosixPath

from unblur.imaging.files import BEFORE_AFTER, RESTORED, derived_name
from unblur.imaging.photo.photo import WRITABLE, default_suffix
from unblur.imaging.photo.sniff import HEIF_ENDINGS, RAW_ENDINGS


def target_name(source: Path, *, say_format: bool = False) -> str:
    """``photo.unblurred.jpg`` for ``photo.jpg``; another ending where that cannot be written.

    Args:
        source: The photo.
        say_format: ``photo.heic.unblurred.jpg``, beside a ``photo.jpg`` that has the other name.
    """
    suffix = source.suffix
    if suffix.lower() not in WRITABLE:
        suffix = default_suffix(source)
    stem = f"{source.stem}{source.suffix.lower()}" if say_format else source.stem
    return derived_name(stem, f"{RESTORED}{suffix}")


def possible_targets(name: str) -> tuple[str, ...]:
    """Names that the restored photo may get; only a look into HEIC says which."""
    path = PurePosixPath(name)
    ending = path.suffix.lower()
    if ending in WRITABLE:
        endings: tuple[str, ...] = (path.suffix,)
    elif ending in HEIF_ENDINGS:
        endings = (".jpg", ".png", ".tif")
    else:
        endings = (".tif",) if ending in RAW_ENDINGS else (".png",)
    return tuple(derived_name(path.stem, f"{RESTORED}{x}") for x in endings)


def confidence_file(preview: Path) -> Path:
    """Where the confidence in a reference goes: ``photo.confidence.png``."""
    stem = preview.name.removesuffix(f"{BEFORE_AFTER}.jpg")
    return preview.with_name(derived_name(stem, ".confidence.png"))
