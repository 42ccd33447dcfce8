import numpy as np
import pytest

from unblur.imaging.boxes import Detections
from unblur.tasks.detection.scores import match, mean_point


def detections(*entries):
    """Of ``(box, score, class)``."""
    boxes, scores, classes = zip(*entries, strict=True) if entries else ((), (), ())
    return Detections(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array(scores, np.float32),
        classes=np.array(classes, np.int64),
    )


def test_each_box_of_the_truth_is_matched_once_best_score_first():
    truth = detections(((0, 0, 10, 10), 1, 0))
    found = detections(((0, 0, 10, 10), 0.6, 0), ((1, 0, 11, 10), 0.9, 0))
    np.testing.assert_array_equal(match(found, truth, overlap=0.5), [-1, 0])


def test_a_detection_takes_the_box_that_it_overlaps_most():
    truth = detections(((0, 0, 10, 10), 1, 0), ((2, 0, 12, 10), 1, 0))
    found = detections(((2, 0, 12, 10), 0.9, 0), ((3, 0, 13, 10), 0.8, 0))
    # The second would overlap the box that is taken by 9 / 11, and the other by 7 / 13.
    np.testing.assert_array_equal(match(found, truth, overlap=0.5), [1, 0])
    np.testing.assert_array_equal(match(found, truth, overlap=0.6), [1, -1])


def test_boxes_of_other_classes_do_not_match():
    truth = detections(((0, 0, 10, 10), 1, 0))
    np.testing.assert_array_equal(
        match(detections(((0, 0, 10, 10), 0.9, 1)), truth, overlap=0.5), [-1]
    )


def test_half_an_overlap_is_enough_and_less_is_not():
    truth = detections(((0, 0, 10, 10), 1, 0))
    found = detections(((0, 0, 10, 5), 0.9, 0))
    np.testing.assert_array_equal(match(found, truth, overlap=0.5), [0])
    less = detections(((0, 0, 10, 4.9), 0.9, 0))
    np.testing.assert_array_equal(match(less, truth, overlap=0.5), [-1])


def test_without_truth_everything_is_wrong_and_without_detections_nothing_is():
    some = detections(((0, 0, 10, 10), 0.9, 0))
    np.testing.assert_array_equal(match(some, detections(), overlap=0.5), [-1])
    assert match(detections(), some, overlap=0.5).shape == (0,)


def test_means_are_over_photos_and_f1_is_of_the_means():
    # Right, found, there: precision 1/2 and 1, recall 1/4 and 1; the third has no precision.
    point = mean_point([(1, 2, 4), (3, 3, 3), (0, 0, 2)], 0.5)
    assert point.precision == pytest.approx(0.75)
    assert point.recall == pytest.approx(1.25 / 3)
    assert point.f1 == pytest.approx(2 * 0.75 * (1.25 / 3) / (0.75 + 1.25 / 3))
    assert point.silent == 1


def test_where_nothing_is_found_there_is_no_precision_and_f1_is_0():
    point = mean_point([(0, 0, 2)], 0.5)
    assert (point.precision, point.recall, point.f1) == (None, 0, 0)
    assert mean_point([], 0.5).f1 is None
