"""Read the frames of a video as a player shows them: upright, with its colours, 8 bits or more."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from unblur.errors import MissingExtraError, PhotoError
from unblur.imaging.frames import Frame, Frames, Pixels, Unreadable, open_folder, plain

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import InputContainer

_FULL_RANGE: Final = 2
_SWS_FLAGS: Final = 0x4 | 0x40000 | 0x2000  # bicubic, exact rounding, full chroma
_SWS_RGB: Final = 5  # a value that swscale accepts; RGB has no matrix

# ITU-T H.273, matrix coefficients -> swscale's number, and the shares of red and blue in luma
_BT709: Final = (1, 0.2126, 0.0722)
_BT601: Final = (5, 0.299, 0.114)
_MATRICES: Final = {
    1: _BT709,
    4: (4, 0.30, 0.11),
    5: _BT601,
    6: _BT601,
    7: (7, 0.212, 0.087),
    9: (9, 0.2627, 0.0593),
    10: (9, 0.2627, 0.0593),
}
_HD_PX: Final = (1280, 576)
_HDR: Final = {16: "PQ", 18: "HLG"}
_UNIT: Final = 65536  # 1.0 in a display matrix


def open_frames(path: Path) -> Frames:
    """Open a video, or a folder of pictures, to read its frames.

    A video's frames are turned upright. Its matrix and range are those it is tagged with; not
    tagged, BT.709 from 1280 px wide or more than 576 high, else BT.601, limited range, as
    players do. More than 8 bits become 16. After damage, frames are left out until the next one
    that needs no other. Frame times, pixel shape and sound are not read.

    Args:
        path: The video or the folder.

    Returns:
        The frames; up to the first that can be read, they have been decoded once already.

    Raises:
        PhotoError: If there is no such file, it is not a video, or has no frame that can be read.
        DataError: See `open_folder`.
        MissingExtraError: If PyAV is not installed and `path` is not a folder.
    """
    if path.is_dir():
        return open_folder(path)
    if not path.exists():
        raise PhotoError(f"{path}: no such file or folder; name a video or a folder of frames")
    read = partial(_read, path)
    broken = []
    for item in read():
        if isinstance(item, Frame):
            break
        broken.append(item.why)
    else:
        why = f": {broken[0]}" if broken else ""
        raise PhotoError(f"{path}: this video has no frame that can be read{why}")
    height, width, _ = item.pixels.shape
    with _open(path) as container:
        stream = _stream(path, container)
        rate = stream.average_rate or stream.guessed_rate
        curve = _HDR.get(stream.codec_context.color_trc)
        return Frames(
            path=path,
            name=plain(path.stem),
            size=(width, height),
            rate=float(rate) if rate else None,
            count=stream.frames or None,
            notes=(f"an HDR video ({curve}), read as if it were not",) if curve else (),
            read=read,
        )


def _open(path: Path) -> "InputContainer":
    try:
        import av
    except ImportError as error:
        raise MissingExtraError("av", extra="video") from error
    try:
        # Without "file:", a name with a colon would be taken for an address.
        container = av.open(f"file:{path}", metadata_errors="ignore")
    except (av.FFmpegError, UnicodeEncodeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise PhotoError(f"{path}: is not a video that can be read ({why.lower()})") from error
    if container.format.name == "tty":  # FFmpeg draws text files as video
        container.close()
        raise PhotoError(f"{path}: is text, not a video")
    return container


def _stream(path: Path, container: "InputContainer") -> "VideoStream":
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:  # the cover of a piece of music
            return stream
    raise PhotoError(f"{path}: has no video in it; name a video or a folder of frames")


def _read(path: Path) -> Iterator[Frame | Unreadable]:
    """Decode strictly: a decoder left to itself paints over what is broken, and says nothing."""
    index = 0
    broken: tuple[int, str] | None = None
    with _open(path) as container:
        import av  # installed: the video is open

        stream = _stream(path, container)
        stream.codec_context.options = {"err_detect": "crccheck+explode"}
        stream.thread_type = "SLICE"  # threads by frame lose more frames around an error
        for item in _decode(container, stream):
            if isinstance(item, str):
                broken = broken or (index, item)
            elif item.is_corrupt or (broken and not item.key_frame):
                broken = broken or (index, "damaged")
            else:
                if broken:
                    yield _unreadable(path, index, *broken)
                    broken = None
                try:
                    pixels = _upright(item)
                except (av.FFmpegError, ValueError) as error:
                    why = f"its pixels, {item.format.name}, cannot be made RGB ({error})"
                    raise PhotoError(f"{path}: {why}; convert it to another format") from error
                yield Frame(index=index, name=f"frame {index}", pixels=pixels)
            index += 1
        if broken:
            yield _unreadable(path, index, *broken)


def _unreadable(path: Path, until: int, first: int, why: str) -> Unreadable:
    last = until - 1
    which = f"frame {first}" if first == last else f"frames {first} to {last}"
    return Unreadable(first=first, last=last, why=f"{path}: {which} cannot be read ({why})")


def _decode(container: "InputContainer", stream: "VideoStream") -> "Iterator[VideoFrame | str]":
    """Frames as they come, and in place of one that is lost what the decoder says."""
    import av

    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except av.FFmpegError as error:
            yield f"and no later one: {(error.strerror or str(error)).lower()}"
            return
        if packet is None:
            return
        try:
            yield from packet.decode()
        except av.FFmpegError as error:
            if packet.size:  # or it ends the stream, and there is no frame to lose
                why = (error.strerror or str(error)).lower()
                seconds = None if packet.pts is None else float(packet.pts * packet.time_base)
                yield why if seconds is None else f"{why}, at {seconds:.3f} s"


def _upright(frame: "VideoFrame") -> Pixels:
    """The pixels of a frame as its display matrix wants them, in quarter turns and mirrored."""
    pixels = _rgb(frame)
    data: Any = frame.side_data.get("DISPLAYMATRIX")
    if data is None:
        return pixels
    matrix = np.frombuffer(bytes(data), np.int32)  # x' = x m0 + y m3, y' = x m1 + y m4
    right, down = int(matrix[0]), int(matrix[4])
    if abs(int(matrix[1])) > abs(right):
        pixels = pixels.swapaxes(0, 1)
        right, down = int(matrix[3]), int(matrix[1])
    return np.ascontiguousarray(pixels[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1])


def _rgb(frame: "VideoFrame") -> Pixels:
    """The pixels of a frame, (H, W, 3), uint8, or uint16 where it has more than 8 bits."""
    is_hd = frame.width >= _HD_PX[0] or frame.height > _HD_PX[1]
    sws, red, blue = _MATRICES.get(frame.colorspace, _BT709 if is_hd else _BT601)
    how: dict[str, Any] = {"src_colorspace": sws, "interpolation": _SWS_FLAGS}
    bits = max(part.bits for part in frame.format.components)
    is_yuv = len(frame.format.components) > 2 and not frame.format.is_rgb  # noqa: PLR2004
    if bits <= 8 or not is_yuv:  # noqa: PLR2004
        kind = "rgb24" if bits <= 8 else "rgb48le"  # noqa: PLR2004
        pixels: Any = frame.to_ndarray(
            format=kind, dst_colorspace=_SWS_RGB, dst_color_range=_FULL_RANGE, **how
        )
        return pixels  # type: ignore[no-any-return]
    # Beyond 8 bits swscale's own matrix is dark by up to 1/255; it only spreads the chroma here.
    even = frame.reformat(format=f"yuv444p{bits}le", dst_colorspace=sws, **how)
    parts: Any = even.planes
    planes = [
        np.frombuffer(part, "<u2").reshape(part.height, -1)[:, : part.width] for part in parts
    ]
    return _from_yuv(planes, bits, red, blue, is_full=frame.color_range == _FULL_RANGE)


def _from_yuv(
    planes: list[NDArray[np.uint16]], bits: int, red: float, blue: float, *, is_full: bool
) -> NDArray[np.uint16]:
    """Luma and chroma of so many bits to RGB of 16 bits (ITU-T H.273, section 8.3)."""
    top = float(2**bits - 1)
    step = float(2 ** (bits - 8))
    black, luma, chroma = (0.0, top, top) if is_full else (16 * step, 219 * step, 224 * step)
    y, cb, cr = (plane.astype(np.float32) for plane in planes)
    y = (y - np.float32(black)) / np.float32(luma)
    cb = (cb - np.float32(128 * step)) / np.float32(chroma)
    cr = (cr - np.float32(128 * step)) / np.float32(chroma)
    r = y + np.float32(2 * (1 - red)) * cr
    b = y + np.float32(2 * (1 - blue)) * cb
    g = (y - np.float32(red) * r - np.float32(blue) * b) / np.float32(1 - red - blue)
    rgb = np.stack([r, g, b], axis=2)
    rgb = np.clip(rgb, 0, 1) * np.float32(65535)
    return np.rint(rgb).astype(np.uint16)  # type: ignore[no-any-return]
