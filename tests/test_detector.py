import numpy as np
import pytest
from onnx import TensorProto

from small_detector import CELLS, SIDE, block_detector, blocks, constant_detector
from unblur.engines.detector import Detector, letterbox
from unblur.engines.detector_layouts import LAYOUTS, find_layout
from unblur.errors import NetworkError, OptionError

WIDE = np.zeros((64, 128, 3), np.float32)
"""Twice as wide as the detectors' input: shown at half its size, 64x32 px."""
CELL = 64 + 1 * 4 + 2
"""Stride 16, row 1, column 2: from (32, 16) to (48, 32) px."""


def yolox():
    output = np.zeros((1, CELLS, 7), np.float32)
    output[0, CELL] = [0.5, 0.25, np.log(2), 0, 0.9, 0.1, 0.8]
    return output


def yolov5():
    output = np.zeros((1, 3 * CELLS, 7), np.float32)
    output[0, 200] = [40, 36, 32, 16, 0.9, 0.1, 0.8]
    return output


def yolov8():
    output = np.zeros((1, 6, CELLS), np.float32)
    output[0, :, CELL] = [40, 36, 32, 16, 0.1, 0.72]
    return output


def nanodet(cells, *away):
    """Sides away from the cell's point in cells: between two bins there are halves."""
    output = np.zeros((1, cells, 34), np.float32)
    output[0, CELL, :2] = 0.1, 0.72
    bins = np.full((4, 8), -100, np.float32)
    for side, far in enumerate(away):
        bins[side, [int(np.floor(far)), int(np.ceil(far))]] = 0
    output[0, CELL, 2:] = bins.ravel()
    return output


@pytest.mark.parametrize(
    ("output", "layout", "box"),
    [
        # Middle (2.5, 1.25) cells of 16, sides 32 and 16: (24, 12, 56, 28) at half the size.
        (yolox(), "yolox", (48, 24, 112, 56)),
        # The others have the photo in the middle, 16 px lower.
        (yolov5(), "yolov5", (48, 24, 112, 56)),
        (yolov8(), "yolov8", (48, 24, 112, 56)),
        # From the cell's middle, (40, 24): (24, 16, 56, 32).
        (nanodet(CELLS, 1, 0.5, 1, 0.5), "nanodet", (48, 0, 112, 32)),
        # NanoDet-Plus, with a cell of stride 64, counts from the cell's corner, (32, 16).
        (nanodet(CELLS + 1, 0.5, 0, 1.5, 1), "nanodet", (48, 0, 112, 32)),
    ],
)
def test_a_box_is_where_each_layout_says(tmp_path, output, layout, box):
    path = constant_detector(tmp_path / "detector.onnx", output)
    named = Detector(path, layout=layout)
    found = named.detect(WIDE)
    assert named.layout.name == layout
    np.testing.assert_allclose(found.boxes, [box], atol=1e-4)
    np.testing.assert_allclose(found.scores, [0.72], rtol=1e-6)
    np.testing.assert_array_equal(found.classes, [1])


@pytest.mark.parametrize(
    ("shape", "layout"),
    [
        ((1, 8400, 85), "yolox"),
        ((1, 8400, 6), "yolox"),
        ((1, 25200, 85), "yolov5"),
        ((1, 25500, 6), "yolov5"),
        ((1, 84, 8400), "yolov8"),
        ((1, 8400, 112), "nanodet"),
        ((1, 8400, 124), "nanodet"),
        ((1, 8500, 40), "nanodet"),
    ],
)
def test_layouts_are_told_apart_by_shape(shape, layout):
    assert find_layout(shape, (640, 640)).name == layout


def test_a_wide_input_has_the_cells_of_its_sides():
    assert find_layout((1, 4620, 85), (352, 640)).name == "yolox"


def test_a_shape_of_two_layouts_asks_for_the_name():
    with pytest.raises(NetworkError, match=r"640x640 fits yolox and nanodet; name one"):
        find_layout((1, 8400, 60), (640, 640))
    assert find_layout((1, 8400, 60), (640, 640), "nanodet").name == "nanodet"


@pytest.mark.parametrize("shape", [(1, 300, 6), (8400, 85), (1, 3, 80, 80, 85), (2, 8400, 85)])
def test_a_shape_of_none_lists_those_that_are_known(shape):
    with pytest.raises(NetworkError, match=r"no known layout; known: yolox .*; nanodet \[1, N, C"):
        find_layout(shape, (640, 640))


def test_a_name_that_does_not_fit_the_shape_is_refused():
    with pytest.raises(NetworkError, match="does not fit layout yolov8"):
        find_layout((1, 8400, 85), (640, 640), "yolov8")
    # Decoded networks of another number of anchors read as YOLOv5's, once they are named.
    assert find_layout((1, 8400, 85), (640, 640), "yolov5").name == "yolov5"


def test_an_unknown_name_lists_those_that_are_known(tmp_path):
    with pytest.raises(OptionError, match="'yolo'; known: auto, yolox, yolov5, yolov8, nanodet"):
        Detector(tmp_path / "none.onnx", layout="yolo")


@pytest.mark.parametrize(
    ("layout", "photo", "padding", "top"),
    [
        ("yolox", (51, 102, 255), (114, 114, 114), 0),
        ("yolov5", (1, 0.4, 0.2), (114 / 255,) * 3, 16),
        ("yolov8", (1, 0.4, 0.2), (114 / 255,) * 3, 16),
        (
            "nanodet",
            ((51 - 103.53) / 57.375, (102 - 116.28) / 57.12, (255 - 123.675) / 58.395),
            (-103.53 / 57.375, -116.28 / 57.12, -123.675 / 58.395),
            16,
        ),
    ],
)
def test_each_layout_is_fed_its_channels_scale_and_padding(layout, photo, padding, top):
    pixels = np.broadcast_to(np.array([1, 0.4, 0.2], np.float32), (64, 128, 3))
    fed, corner, scale = letterbox(pixels, (SIDE, SIDE), LAYOUTS[layout])
    expected = np.empty((1, 3, SIDE, SIDE))
    expected[:] = np.reshape(padding, (1, 3, 1, 1))
    expected[:, :, top : top + 32] = np.reshape(photo, (1, 3, 1, 1))
    np.testing.assert_allclose(fed, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(corner, [0, top])
    np.testing.assert_array_equal(scale, [0.5, 0.5])


def test_a_ramp_stays_a_ramp_when_it_is_shrunk_and_enlarged():
    ramp = np.repeat(np.arange(0, 256, 2, np.float32)[None, :, None] / 255, 128, axis=0)
    pixels = np.repeat(ramp, 3, axis=2)
    small, _, _ = letterbox(pixels, (64, 64), LAYOUTS["yolox"])
    np.testing.assert_array_equal(small[0, 0, 5], np.arange(64) * 4 + 1)
    large, _, _ = letterbox(pixels, (256, 256), LAYOUTS["yolox"])
    np.testing.assert_allclose(large[0, 0, 5, 1:-1], np.arange(1, 255) - 0.5, atol=0.5)


def test_boxes_come_back_to_photos_of_any_shape(tmp_path):
    detector = Detector(block_detector(tmp_path / "blocks.onnx"))
    picture = blocks(c2r5=(1, 0, 0), c6r1=(0, 0.8, 0))
    found = detector.detect(np.repeat(np.repeat(picture, 3, axis=0), 3, axis=1), least_score=0.5)
    np.testing.assert_allclose(found.boxes, [[48, 120, 72, 144], [144, 24, 168, 48]], atol=1e-4)
    np.testing.assert_array_equal(found.classes, [0, 1])
    np.testing.assert_allclose(found.scores, [1, 0.8], atol=1e-4)


def test_boxes_end_at_the_edge_of_the_photo(tmp_path):
    output = yolov8()
    output[0, :4, CELL] = 60, 36, 100, 200
    found = Detector(constant_detector(tmp_path / "wide.onnx", output)).detect(WIDE)
    np.testing.assert_allclose(found.boxes, [[20, 0, 128, 64]])


def test_what_is_less_sure_is_left_out(tmp_path):
    detector = Detector(constant_detector(tmp_path / "detector.onnx", yolov8()))
    assert len(detector.detect(WIDE, least_score=0.72)) == 1
    assert len(detector.detect(WIDE, least_score=0.73)) == 0
    with pytest.raises(OptionError, match=r"must be in \(0, 1\], got 0"):
        detector.detect(WIDE, least_score=0)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"shape": (1, 3, "height", "width")}, "has no fixed input size, got .*640x640"),
        ({"shape": (4, 3, SIDE, SIDE)}, "takes 4 photos at a time"),
        ({"shape": (1, 1, SIDE, SIDE)}, r"takes tensor\(float\) of \[1, 1, 64, 64\]: expected"),
        ({"kind": TensorProto.FLOAT16}, r"takes tensor\(float16\)"),
        ({"outputs": 3}, "has 1 inputs and 3 outputs: expected"),
        ({"output": np.zeros((1, 300, 6))}, "is of no known layout; known: yolox"),
    ],
)
def test_a_network_that_cannot_be_read_says_what_it_is(tmp_path, changed, why):
    arguments = {"output": yolov8()} | changed
    path = constant_detector(tmp_path / "detector.onnx", **arguments)
    with pytest.raises(NetworkError, match=why) as caught:
        Detector(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_batch_left_open_is_one_photo(tmp_path):
    shape = ("batch", 3, SIDE, SIDE)
    path = constant_detector(tmp_path / "detector.onnx", yolov8(), shape=shape)
    assert len(Detector(path).detect(WIDE)) == 1


def test_a_size_left_open_is_the_one_that_the_file_notes(tmp_path):
    open_sides = {"shape": ("batch", 3, "height", "width")}
    path = constant_detector(
        tmp_path / "noted.onnx", yolov8(), facts={"imgsz": f"[{SIDE}, {SIDE}]"}, **open_sides
    )
    assert Detector(path).size == (SIDE, SIDE)
    for noted in ("large", "[64]", "64", "[0, 64]"):
        path = constant_detector(
            tmp_path / "strange.onnx", yolov8(), facts={"imgsz": noted}, **open_sides
        )
        with pytest.raises(NetworkError, match="has no fixed input size"):
            Detector(path)


def test_other_files_are_no_detectors(tmp_path):
    text = tmp_path / "text.onnx"
    text.write_text("no network")
    with pytest.raises(NetworkError, match=r"text.onnx is not a detector: expected an ONNX file"):
        Detector(text)
    with pytest.raises(NetworkError, match=r"none.onnx is not a file; expected an ONNX file"):
        Detector(tmp_path / "none.onnx")
