import numpy as np
import pytest

from unblur.errors import OptionError
from unblur.imaging.boxes import Detections, draw_boxes, overlaps, suppress_overlaps


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


def detections(rows, scores, classes):
    return Detections(
        boxes=boxes(*rows),
        scores=np.array(scores, np.float32),
        classes=np.array(classes, np.int64),
    )


@pytest.mark.parametrize(
    ("other", "share"),
    [
        ((0, 0, 2, 2), 1),
        ((1, 1, 3, 3), 1 / 7),
        ((0, 0, 2, 1), 1 / 2),
        ((2, 0, 4, 2), 0),
        ((5, 5, 6, 6), 0),
        ((1, 1, 1, 1), 0),
        ((-1, -1, 3, 3), 1 / 4),
    ],
)
def test_overlap_is_intersection_over_union(other, share):
    assert overlaps(boxes((0, 0, 2, 2)), boxes(other)) == pytest.approx(share)


def test_overlap_of_whole_boxes_is_that_of_counted_pixels():
    rng = np.random.default_rng(1)
    corners = rng.integers(0, 12, (2, 20, 2))
    random = np.concatenate([corners.min(axis=0), corners.max(axis=0) + 1], axis=1)
    masks = np.zeros((20, 13, 13), bool)
    for mask, (left, top, right, bottom) in zip(masks, random, strict=True):
        mask[top:bottom, left:right] = True
    both = (masks[:, None] & masks[None]).sum(axis=(2, 3))
    either = (masks[:, None] | masks[None]).sum(axis=(2, 3))
    np.testing.assert_allclose(
        overlaps(random.astype(np.float32), random.astype(np.float32)), both / either, rtol=1e-6
    )


def test_two_empty_boxes_do_not_overlap():
    assert overlaps(boxes((1, 1, 1, 1)), boxes((1, 1, 1, 1))) == 0
    assert overlaps(boxes(), boxes((0, 0, 1, 1))).shape == (0, 1)


def test_of_overlapping_boxes_of_a_class_the_best_stays():
    found = detections(
        [(0, 0, 10, 10), (1, 0, 11, 10), (1, 0, 11, 10), (50, 50, 60, 60)],
        [0.6, 0.9, 0.7, 0.5],
        [0, 0, 1, 0],
    )
    left = suppress_overlaps(found, most_overlap=0.5)
    np.testing.assert_allclose(left.scores, [0.9, 0.7, 0.5])
    np.testing.assert_array_equal(left.classes, [0, 1, 0])


def test_a_box_that_is_gone_takes_no_other_with_it():
    # Each overlaps the next by 6 / 14, the first and the third by 2 / 18 alone.
    found = detections([(0, 0, 10, 1), (4, 0, 14, 1), (8, 0, 18, 1)], [0.9, 0.8, 0.7], [0, 0, 0])
    left = suppress_overlaps(found, most_overlap=0.4)
    np.testing.assert_allclose(left.scores, [0.9, 0.7])


def test_a_box_stays_at_the_most_overlap_itself():
    found = detections([(0, 0, 2, 2), (0, 0, 2, 1)], [0.9, 0.8], [0, 0])
    assert len(suppress_overlaps(found, most_overlap=0.5)) == 2
    assert len(suppress_overlaps(found, most_overlap=0.49)) == 1


def test_nothing_found_is_nothing_left():
    assert len(suppress_overlaps(detections([], [], []), most_overlap=0.5)) == 0


def test_an_overlap_out_of_range_is_refused():
    with pytest.raises(OptionError, match=r"must be in \[0, 1\], got 1.5"):
        suppress_overlaps(detections([], [], []), most_overlap=1.5)


def test_detections_whose_parts_differ_in_length_are_refused():
    with pytest.raises(OptionError, match=r"got \(\(1, 4\), \(2,\), \(1,\)\)"):
        detections([(0, 0, 1, 1)], [0.5, 0.5], [0])


def test_a_box_is_drawn_inside_its_edges_into_a_copy():
    black = np.zeros((6, 8, 3), np.float32)
    drawn = draw_boxes(black, boxes((1, 1, 7, 5)), (1, 0.5, 0), thickness_px=1)
    expected = np.zeros((6, 8), bool)
    expected[1:5, 1:7] = True
    expected[2:4, 2:6] = False
    np.testing.assert_array_equal(drawn[..., 0], expected)
    np.testing.assert_array_equal(drawn[..., 1], expected * np.float32(0.5))
    assert not black.any()


def test_what_is_outside_the_photo_is_not_drawn():
    drawn = draw_boxes(np.zeros((6, 8, 3), np.float32), boxes((-5, -5, 4, 3), (9, 9, 12, 12)),
                       (1, 1, 1), thickness_px=1)  # fmt: skip
    expected = np.zeros((6, 8), bool)
    expected[:3, :4] = True
    expected[1:2, 1:3] = False
    np.testing.assert_array_equal(drawn[..., 0] > 0, expected)
