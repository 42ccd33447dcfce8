"""Real little videos for tests: a window that moves over a photo, and damage done to files."""

from fractions import Fraction

import av
import numpy as np
import skimage.data

from unblur.imaging.video.frames import Frame
from unblur.imaging.video.read import open_frames


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


def write_clip(path, frames, *, codec="libx264", pix_fmt="yuv420p", rate=25, **more):
    """Encode frames, and beside them what a real file has.

    Of `more`: times (ticks of `tick` at which frames are shown), sound (seconds of a tone), lines
    ((begin, seconds, text) of subtitles), chapters ((begin, end, title)), tags (matrix, range,
    primaries, transfer), shape of a pixel, turn, metadata, start (seconds before the first frame),
    options of the encoder, all I frames by default.
    """
    tick = more.get("tick", Fraction(1, 12800))
    step = round(1 / rate / tick)
    times = more.get("times") or [index * step for index in range(len(frames))]
    times = [at + round(more.get("start", 0) / tick) for at in times]
    with av.open(path, "w") as container:
        container.metadata.update(more.get("metadata", {}))
        container.set_chapters(
            [
                {
                    "id": number,
                    "start": round(begin * 1000),
                    "end": round(end * 1000),
                    "time_base": Fraction(1, 1000),
                    "metadata": {"title": title},
                }
                for number, (begin, end, title) in enumerate(more.get("chapters", []))
            ]
        )
        stream = container.add_stream(codec, rate=rate, options=more.get("options", {"g": "1"}))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pix_fmt
        context = stream.codec_context
        context.time_base = stream.time_base = tick
        if "shape" in more:
            context.sample_aspect_ratio = more["shape"]
        if "turn" in more:
            stream.set_display_rotation(*more["turn"])
        tags = more.get("tags", (2, 0, 2, 2))
        context.colorspace, context.color_range = tags[:2]
        context.color_primaries, context.color_trc = tags[2:]
        stream.metadata.update({"language": "deu"} if "metadata" in more else {})
        sound = lines = None
        if "sound" in more:
            sound = container.add_stream(more.get("sound_codec", "aac"), rate=48000)
            sound.layout = "mono"
        if "lines" in more:
            lines = container.add_mux_stream("subrip")
        for pixels, at in zip(frames, times, strict=True):
            kind = "rgb24" if pixels.dtype == np.uint8 else "rgb48le"
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=kind)
            frame = frame.reformat(format=pix_fmt)
            frame.pts, frame.time_base = at, tick
            frame.colorspace, frame.color_range = tags[:2]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        for begin, seconds, text in more.get("lines", []):
            packet = av.Packet(text.encode())
            packet.stream, packet.time_base = lines, Fraction(1, 1000)
            packet.pts = packet.dts = round(begin * 1000)
            packet.duration = round(seconds * 1000)
            container.mux(packet)
        if sound is not None:
            tone = np.sin(np.arange(round(more["sound"] * 48000)) / 9).astype(np.float32)
            for at in range(0, len(tone) - 1023, 1024):
                part = tone[None, at : at + 1024]
                if sound.codec_context.format.name == "s16":
                    part = (part * 30000).astype(np.int16)
                frame = av.AudioFrame.from_ndarray(
                    part, format=sound.codec_context.format.name, layout="mono"
                )
                frame.rate, frame.pts = 48000, at + round(more.get("start", 0) * 48000)
                frame.time_base = Fraction(1, 48000)
                container.mux(sound.encode(frame))
            container.mux(sound.encode(None))
    return path


def upright(path):
    """Frames as they are to be looked at."""
    return [item.pixels for item in open_frames(path) if isinstance(item, Frame)]


def times_of(path, kind="video"):
    """When each packet of the first stream of a kind begins, seconds, in order."""
    with av.open(path) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        packets = [packet for packet in container.demux(stream) if packet.size]
    return sorted(packet.pts * packet.time_base for packet in packets)


def contents_of(path, kind):
    """Begin, in seconds, and bytes of each packet of the first stream of a kind."""
    with av.open(path) as container:
        stream = next(stream for stream in container.streams if stream.type == kind)
        packets = [packet for packet in container.demux(stream) if packet.size]
        return [(float(packet.pts * packet.time_base), bytes(packet)) for packet in packets]


def codes_of(path):
    """The name of the pixel format, and the planes of every frame."""
    with av.open(path) as container:
        frames = list(container.decode(video=0))
        kind = np.uint8 if frames[0].format.components[0].bits == 8 else np.uint16
        planes = [
            [
                np.frombuffer(plane, kind).reshape(plane.height, -1)[:, : plane.width].copy()
                for plane in frame.planes
            ]
            for frame in frames
        ]
        return frames[0].format.name, planes
