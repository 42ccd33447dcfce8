"""Real little videos for tests: a window that moves over a photo, and damage done to files."""

import av
import numpy as np
import skimage.data


def pan(count, step=1, *, height=64, width=96):
    """Frames of a camera that pans to the right by so many px a frame; uint8."""
    photo = skimage.data.astronaut()[40 : 40 + height]
    return [photo[:, at : at + width].copy() for at in range(0, count * step, step)]


def write_video(path, frames, *, codec="ffv1", pix_fmt="bgr0", rate=240, turn=None, **options):
    """Encode RGB frames, uint8 or uint16; FFV1 and PNG lose nothing."""
    with av.open(path, "w") as container:
        stream = container.add_stream(
            codec, rate=rate, options={k: str(v) for k, v in options.items()}
        )
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        if turn is not None:
            stream.set_display_rotation(*turn)
        for pixels in frames:
            kind = "rgb24" if pixels.dtype == np.uint8 else "rgb48le"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=kind)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_yuv(path, planes, *, pix_fmt, matrix, color_range):
    """Encode one frame of luma and chroma planes, tagged with these numbers of ITU-T H.273."""
    height, width = planes[0].shape
    frame = av.VideoFrame(width, height, pix_fmt)
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size // values.itemsize), values.dtype)
        rows[:, : values.shape[1]] = values
        plane.update(rows.tobytes())
    frame.colorspace, frame.color_range = matrix, color_range
    with av.open(path, "w") as container:
        stream = container.add_stream("ffv1", rate=240)
        stream.height, stream.width, stream.pix_fmt = height, width, pix_fmt
        stream.codec_context.colorspace = matrix
        stream.codec_context.color_range = color_range
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def damage(path, number):
    """Overwrite the middle of one packet with noise, as a bad disk would."""
    with av.open(path) as container:
        packets = [(p.pos, p.size) for p in container.demux(video=0) if p.size]
    at, size = packets[number]
    data = bytearray(path.read_bytes())
    noise = np.random.default_rng(0).integers(0, 256, size // 2, dtype=np.uint8)
    data[at + size // 4 : at + size // 4 + size // 2] = noise.tobytes()
    path.write_bytes(data)
