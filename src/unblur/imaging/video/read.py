"""Read the frames of a video as a player shows them: upright, with its colours, 8 bits or more."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from unblur.errors import PhotoError
from unblur.extras import need
from unblur.imaging.video.decode import Lost, whole_frames
from unblur.imaging.video.frames import Frame, Frames, Pixels, Unreadable, open_folder, plain
from unblur.imaging.video.planes import planes_of, rgb_from_yuv

if TYPE_CHECKING:
    from av import VideoFrame, VideoStream
    from av.container import InputContainer

FULL_RANGE: Final = 2
SWS_FLAGS: Final = 0x4 | 0x40000 | 0x2000  # bicubic, exact rounding, full chroma
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
HDR_CURVES: Final = {16: "PQ", 18: "HLG"}
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
    with open_container(path) as container:
        stream = picture_stream(path, container)
        rate = stream.average_rate or stream.guessed_rate
        curve = HDR_CURVES.get(stream.codec_context.color_trc)
        return Frames(
            path=path,
            name=plain(path.stem),
            size=(width, height),
            rate=float(rate) if rate else None,
            count=stream.frames or None,
            notes=(f"an HDR video ({curve}), read as if it were not",) if curve else (),
            read=read,
        )


def open_container(path: Path) -> "InputContainer":
    """Open the file of a video.

    Raises:
        PhotoError: If it is no video, or damaged beyond being opened.
        MissingExtraError: If PyAV is not installed.
    """
    need("video", "av")
    import av

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


def picture_stream(path: Path, container: "InputContainer") -> "VideoStream":
    """The first stream of moving pictures.

    Raises:
        PhotoError: If there is none.
    """
    from av.stream import Disposition

    for stream in container.streams.video:
        if not stream.disposition & Disposition.attached_pic:  # the cover of a piece of music
            return stream
    raise PhotoError(f"{path}: has no video in it; name a video or a folder of frames")


def _read(path: Path) -> Iterator[Frame | Unreadable]:
    with open_container(path) as container:
        import av  # installed: the video is open

        stream = picture_stream(path, container)
        for item in whole_frames(stream, container.demux(stream)):
            if isinstance(item, Lost):
                yield _unreadable(path, item)
                continue
            index, frame = item
            try:
                pixels = _upright(frame)
            except (av.FFmpegError, ValueError) as error:
                why = f"its pixels, {frame.format.name}, cannot be made RGB ({error})"
                raise PhotoError(f"{path}: {why}; convert it to another format") from error
            yield Frame(index=index, name=f"frame {index}", pixels=pixels)


def _unreadable(path: Path, lost: Lost) -> Unreadable:
    first, last = lost.first, lost.last
    which = f"frame {first}" if first == last else f"frames {first} to {last}"
    why = f"{path}: {which} cannot be read ({lost.why})"
    return Unreadable(first=first, last=last, why=why)


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


def matrix_of(frame: "VideoFrame") -> tuple[int, float, float]:
    """The matrix between a frame's YUV and RGB, as a player would choose it.

    Returns:
        Swscale's number of it, and the shares of red and blue in luma.
    """
    is_hd = frame.width >= _HD_PX[0] or frame.height > _HD_PX[1]
    return _MATRICES.get(frame.colorspace, _BT709 if is_hd else _BT601)


def _rgb(frame: "VideoFrame") -> Pixels:
    """The pixels of a frame, (H, W, 3), uint8, or uint16 where it has more than 8 bits."""
    sws, red, blue = matrix_of(frame)
    how: dict[str, Any] = {"src_colorspace": sws, "interpolation": SWS_FLAGS}
    bits = max(part.bits for part in frame.format.components)
    is_yuv = len(frame.format.components) > 2 and not frame.format.is_rgb  # noqa: PLR2004
    if bits <= 8 or not is_yuv:  # noqa: PLR2004
        kind = "rgb24" if bits <= 8 else "rgb48le"  # noqa: PLR2004
        pixels: Any = frame.to_ndarray(
            format=kind, dst_colorspace=_SWS_RGB, dst_color_range=FULL_RANGE, **how
        )
        return pixels  # type: ignore[no-any-return]
    # Beyond 8 bits swscale's own matrix is dark by up to 1/255; it only spreads the chroma here.
    even = frame.reformat(format=f"yuv444p{bits}le", dst_colorspace=sws, **how)
    rgb = rgb_from_yuv(planes_of(even), bits, red, blue, is_full=frame.color_range == FULL_RANGE)
    rgb = np.clip(rgb, 0, 1) * np.float32(65535)
    return np.rint(rgb).astype(np.uint16)
