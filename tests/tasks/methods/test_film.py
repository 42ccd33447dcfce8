import numpy as np
import skimage.data

from unblur import RestoreOptions, Restorer, blur
from unblur.metrics import psnr
from unblur.tasks.video.restore import for_film

OPTIONS = RestoreOptions(engine="onnx", precision="fp32", threads=1)


def moved(sharp, length_px):
    """Blurred along the rows."""
    kernel = np.zeros((length_px, length_px), np.float32)
    kernel[length_px // 2] = 1 / length_px
    return blur(sharp, kernel, linear_light=True)


def test_frames_that_moved_far_gain_more_than_at_their_own_size():
    sharp = skimage.data.coffee()[60:300, 120:440].astype(np.float32) / np.float32(255)
    seen = moved(sharp, 25)
    usual = Restorer.open(OPTIONS)

    alone = usual.without_search().restore_pixels(seen)
    frame = for_film(usual).restore_pixels(seen)

    assert psnr(frame, sharp) > psnr(alone, sharp) + 0.2


def test_frames_that_hardly_moved_are_what_the_network_makes_of_them():
    sharp = skimage.data.coffee()[60:300, 120:440].astype(np.float32) / np.float32(255)
    seen = moved(sharp, 5)
    usual = Restorer.open(OPTIONS)

    frame = for_film(usual).restore_pixels(seen)

    assert frame.tobytes() == usual.without_search().restore_pixels(seen).tobytes()


def test_scales_follow_the_blur_slowly_and_a_cut_at_once():
    sharp = skimage.data.coffee()[60:300, 120:440].astype(np.float32) / np.float32(255)
    method = for_film(Restorer.open(OPTIONS)).method
    lengths = []
    for length_px in (15, 21, 5, 15):
        film = Restorer(method, method_options())
        film.restore_pixels(moved(sharp, length_px))
        lengths.append(method.blur_px)

    alone = []
    for length_px in (15, 21, 5, 15):
        fresh = for_film(Restorer.open(OPTIONS))
        fresh.restore_pixels(moved(sharp, length_px))
        alone.append(fresh.method.blur_px)
    assert lengths[0] == alone[0]
    assert lengths[0] < lengths[1] < alone[1]
    assert lengths[2:] == alone[2:]


def method_options():
    """Those of the network that stands by."""
    return RestoreOptions(method="network", engine="onnx", precision="fp32", threads=1)
