"""What the files of a restored photo are called."""

from pathlib import Path, PurePosixPath

from unblur.imaging.files.names import BEFORE_AFTER, RESTORED
from unblur.imaging.photo.photo import WRITABLE, default_suffix
from unblur.imaging.photo.sniff import HEIF_ENDINGS, RAW_ENDINGS


def target_name(source: Path) -> str:
    """``photo.unblurred.jpg`` for ``photo.jpg``; another ending where that cannot be written."""
    suffix = source.suffix
    if suffix.lower() not in WRITABLE:
        suffix = default_suffix(source)
    return f"{source.stem}{RESTORED}{suffix}"


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
    return tuple(f"{path.stem}{RESTORED}{x}" for x in endings)


def confidence_file(preview: Path) -> Path:
    """Where the confidence in a reference goes: ``photo.confidence.png``."""
    return preview.with_name(preview.name.removesuffix(f"{BEFORE_AFTER}.jpg") + ".confidence.png")
