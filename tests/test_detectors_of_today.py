"""Detectors that shapes do not tell: by what the file says, by its values, or by name."""

import numpy as np
import pytest

from small_detector import CELLS, SIDE, constant_detector, several_outputs
from unblur.engines.detector import Detector, letterbox
from unblur.engines.detector_layouts import LAYOUTS
from unblur.errors import NetworkError

WIDE = np.zeros((64, 128, 3), np.float32)
"""Twice as wide as the detectors' input."""


def final():
    """Two boxes that overlap, which a network without suppression would not give."""
    output = np.zeros((1, 300, 6), np.float32)
    output[0, :2] = [[24, 28, 56, 44, 0.9, 3], [24, 28, 56, 43, 0.6, 3]]
    return output


def relative(classes=5):
    output = np.zeros((1, 300, 4 + classes), np.float32)
    output[0, :2, :4] = [[0.5, 0.5, 0.25, 0.5], [0.5, 0.5, 0.25, 0.49]]
    output[0, [0, 1], 4 + 3] = 0.9, 0.6
    return output


def nothing(columns):
    return np.zeros((1, 300, columns), np.float32)


def _two_boxes(detector, box, *, second=True):
    found = detector.detect(WIDE)
    np.testing.assert_allclose(found.boxes[0], box, atol=1e-4)
    np.testing.assert_allclose(found.scores, [0.9, 0.6][: len(found)], rtol=1e-5)
    np.testing.assert_array_equal(found.classes, [3, 3][: len(found)])
    assert len(found) == 1 + second, "overlaps are suppressed once, by the network"


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"args": "{'batch': 1, 'nms': True}", "task": "detect"},
        {"end2end": "True", "names": "{0: 'a', 1: 'b', 2: 'c', 3: 'd'}"},
    ],
)
def test_boxes_that_are_final_are_read_as_they_are(tmp_path, facts):
    detector = Detector(constant_detector(tmp_path / "yolov10.onnx", final(), facts=facts))
    assert detector.layout.name == "yolov10"
    # In the middle of the input, at half the photo's size, 16 px lower.
    _two_boxes(detector, (48, 24, 112, 56))


def test_what_the_file_says_comes_before_its_values(tmp_path):
    facts = {"args": "{'nms': True}"}
    empty = Detector(constant_detector(tmp_path / "empty.onnx", nothing(6), facts=facts))
    assert empty.layout.name == "yolov10"
    assert len(empty.detect(WIDE)) == 0
    facts = {"description": "Ultralytics rtdetr-l model", "names": "{0: 'a', 1: 'b'}"}
    other = Detector(constant_detector(tmp_path / "rtdetr.onnx", nothing(6), facts=facts))
    assert other.layout.name == "rtdetr"


@pytest.mark.parametrize("columns", [6, 44])
def test_a_shape_without_facts_or_values_has_to_be_named(tmp_path, columns):
    path = constant_detector(tmp_path / "unknown.onnx", nothing(columns))
    with pytest.raises(NetworkError, match=r"no known layout.*yolov10 \[1, N, 6\].*rtdetr"):
        Detector(path)
    assert Detector(path, layout="rtdetr").layout.name == "rtdetr"
    if columns == 6:
        assert Detector(path, layout="yolov10").layout.name == "yolov10"
    else:
        with pytest.raises(NetworkError, match="does not fit layout yolov10"):
            Detector(path, layout="yolov10")


def test_rt_detr_fills_the_input_and_speaks_in_parts_of_it(tmp_path):
    detector = Detector(constant_detector(tmp_path / "rtdetr.onnx", relative()))
    assert detector.layout.name == "rtdetr"
    _two_boxes(detector, (48, 16, 80, 48))
    pixels = np.zeros((32, 64, 3), np.float32)
    pixels[:, 32:] = 1
    fed, corner, scale = letterbox(pixels, (SIDE, SIDE), LAYOUTS["rtdetr"])
    np.testing.assert_array_equal(fed[0, :, :, :30], 0)
    np.testing.assert_array_equal(fed[0, :, :, 34:], 1)
    np.testing.assert_array_equal(corner, [0, 0])
    np.testing.assert_array_equal(scale, [1, 2])


@pytest.mark.parametrize("names", [("logits", "pred_boxes"), ("pred_boxes", "logits")])
@pytest.mark.parametrize("are_logits", [True, False])
def test_logits_and_boxes_of_hugging_face(tmp_path, names, are_logits):
    whole = relative(classes=80)
    scores = whole[..., 4:]
    if are_logits:
        scores = np.log(np.clip(scores, 1e-6, 1)) - np.log1p(-np.clip(scores, 1e-6, 1 - 1e-6))
    by_name = {"logits": scores, "pred_boxes": whole[..., :4]}
    path = several_outputs(tmp_path / "detr.onnx", {name: by_name[name] for name in names})
    detector = Detector(path)
    assert detector.layout.name == "rtdetr"
    _two_boxes(detector, (48, 16, 80, 48))


@pytest.mark.parametrize("order", [("labels", "boxes", "scores"), ("scores", "boxes", "labels")])
def test_labels_boxes_and_scores_of_the_paper_s_authors(tmp_path, order):
    labels, scores = np.zeros((1, 300), np.int64), np.zeros((1, 300), np.float32)
    labels[0, :2], scores[0, :2] = 3, [0.9, 0.6]
    boxes = np.zeros((1, 300, 4), np.float32)
    boxes[0, :2] = [[0.375, 0.25, 0.625, 0.75], [0.375, 0.25, 0.625, 0.74]]
    by_name = {"labels": labels, "boxes": boxes, "scores": scores}
    path = several_outputs(
        tmp_path / "rtdetr.onnx", {name: by_name[name] for name in order}, sizes=True
    )
    _two_boxes(Detector(path), (48, 16, 80, 48))


def pose():
    """A box of one class and 17 points: more than 1, where scores of classes would be."""
    output = np.zeros((1, 56, CELLS), np.float32)
    output[0, :5, 7] = [32, 32, 10, 10, 0.9]
    output[0, 5:, 7] = np.tile([30, 31, 0.8], 17)
    return output


def obb():
    """A box of 15 classes and an angle, below 0."""
    output = np.zeros((1, 20, CELLS), np.float32)
    output[0, :5, 7] = [32, 32, 10, 10, 0.9]
    output[0, 19, 7] = -0.7
    return output


@pytest.mark.parametrize("task", ["pose", "obb", "segment", "classify"])
def test_the_task_that_a_file_names_comes_first(tmp_path, task):
    path = constant_detector(tmp_path / "other.onnx", pose(), facts={"task": task})
    for layout in ("auto", "yolov8"):
        with pytest.raises(NetworkError, match=f"its task is '{task}'.*'detect' is needed"):
            Detector(path, layout=layout)


@pytest.mark.parametrize("output", [pose(), obb()])
def test_numbers_that_are_no_scores_are_refused(tmp_path, output):
    detector = Detector(constant_detector(tmp_path / "other.onnx", output))
    with pytest.raises(NetworkError, match="where its layout has scores, which are from 0 to 1"):
        detector.detect(WIDE)


def test_more_classes_than_names_are_refused(tmp_path):
    facts = {"names": "{0: 'person'}"}
    with pytest.raises(NetworkError, match="read as yolov8 has 52 classes, and the file names 1"):
        Detector(constant_detector(tmp_path / "pose.onnx", pose(), facts=facts))
    one = pose()[:, :5]
    assert len(Detector(constant_detector(tmp_path / "one.onnx", one, facts=facts)).detect(WIDE))


def test_scores_that_were_rounded_up_a_little_are_scores(tmp_path):
    output = pose()[:, :5]
    output[0, 4, 7] = 1.0005
    assert len(Detector(constant_detector(tmp_path / "half.onnx", output)).detect(WIDE)) == 1


def test_masks_are_no_second_output_of_boxes(tmp_path):
    outputs = {"output0": np.zeros((1, 116, CELLS)), "output1": np.zeros((1, 32, 16, 16))}
    with pytest.raises(NetworkError, match=r"1 inputs and 2 outputs: .*output1 \[1, 32, 16, 16\]"):
        Detector(several_outputs(tmp_path / "seg.onnx", outputs))
