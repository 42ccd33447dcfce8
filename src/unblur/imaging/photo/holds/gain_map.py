"""The gain map behind an Ultra HDR photo, turned as the photo is."""

from dataclasses import replace
from typing import Any, Final

from unblur.imaging.photo.holds.items import Contents, Item
from unblur.imaging.photo.holds.segments import header_end, segment, walk

_QUALITY: Final = 95
_BLOCKS: Final = ("exif-data", "xmp-data", "iptc-data", "icc-profile-data")


def turn_gain_maps(contents: Contents, orientation: int, sides: tuple[int, int]) -> None:
    """Turn the gain maps in a file's list as its photo was turned; what they say stays.

    Args:
        contents: What the file holds; changed.
        orientation: The orientation that the photo had.
        sides: Height and width of the photo, upright.
    """
    import pyvips

    for index, item in enumerate(contents.items):
        if item.kind != "gain map":
            continue
        try:
            turned = item if orientation == 1 else _turned(item, orientation)
            contents.items[index] = replace(turned, sides=sides)
        except pyvips.Error:
            pyvips.vips_lib.vips_error_clear()
            contents.items[index] = Item(kind="other", name="gain map, which is damaged")


def _turned(item: Item, orientation: int) -> Item:
    import pyvips

    image: Any = pyvips.Image.jpegload_buffer(item.data, fail_on="error").copy()
    image.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    image = image.autorot()
    for name in _BLOCKS:
        if image.get_typeof(name):
            image.remove(name)
    plain = image.jpegsave_buffer(Q=_QUALITY, subsample_mode="off", keep="none")
    kept = b"".join(
        segment(part.marker, part.body)
        for part in walk(item.data, 0)[0]
        if part.marker in {0xE1, 0xE2} and not part.body.startswith((b"Exif", b"MPF"))
    )
    at = header_end(plain)
    return replace(item, data=plain[:at] + kept + plain[at:])
