import json

import pytest

from unblur.errors import OptionError
from unblur.tasks.scale.cluster import workers_that_fit
from unblur.tasks.scale.options import ScaleOptions
from unblur.tasks.scale.plan import PlanOptions, Speed, estimate, formula, measure_speed, read_speed

SPEED = Speed(seconds=3.6, megapixels=3.6, what="a machine")


def test_machine_hours_machines_and_cost_follow_the_formula():
    options = PlanOptions(photos=1e6, megapixels=12, hours=100, price=0.5, share=0.8, again=0.0)

    plan = estimate(options, SPEED)

    assert plan.machine_hours == pytest.approx(12e6 / 0.8 / 3600)
    assert plan.machines == 42
    assert plan.hours == pytest.approx(plan.machine_hours / 42)
    assert plan.cost == pytest.approx(plan.machine_hours / 2)
    assert plan.read_terabytes == pytest.approx(4.8)
    assert any("4,166.7 x 0.5 = 2,083.33" in line for line in formula(options, plan))


def test_twice_the_machines_take_half_the_time_and_cost_the_same():
    one, two = (estimate(PlanOptions(photos=1e5, machines=n, price=1.0), SPEED) for n in (1, 2))

    assert two.hours == one.hours / 2
    assert two.cost == one.cost


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"photos": 0}, "photos"),
        ({"photos": float("nan")}, "photos"),
        ({"photos": 1, "share": 0}, "share"),
        ({"photos": 1, "again": 1}, "again"),
        ({"photos": 1, "machines": 1, "hours": 1}, "one of them"),
    ],
)
def test_what_cannot_be_is_refused(wrong, said):
    with pytest.raises(OptionError, match=said):
        PlanOptions(**wrong)


def test_the_speed_of_another_machine_is_read(tmp_path):
    row = {"whole_seconds": 2.0, "size": [1000, 2000], "method": "fast", "engine": "torch"}
    row |= {"precision": "fp32", "threads": 8}
    path = tmp_path / "speed.json"
    path.write_text(json.dumps({"machine": {"processor": "p"}, "rows": [row]}))

    speed = read_speed(path)

    assert speed.seconds_per_megapixel == 1.0
    assert speed.what == "fast, torch fp32, 8 threads, p"
    path.write_text("{}")
    with pytest.raises(OptionError, match="bench speed --json"):
        read_speed(path)


def test_the_speed_of_this_machine_is_measured():
    speed = measure_speed(0.03, runs=1)

    assert speed.megapixels == pytest.approx(0.03, rel=0.05)
    assert 0 < speed.seconds < 60
    with pytest.raises(OptionError, match="unknown device"):
        measure_speed(1.0, device="abacus")


def test_workers_fit_machine_by_machine():
    assert workers_that_fit([{"CPU": 3.0}, {"CPU": 1.0}], cpus=2) == 1
    assert workers_that_fit([{"CPU": 0.3}], cpus=0.1) == 3
    assert workers_that_fit([{"CPU": 64.0, "GPU": 4.0}], cpus=1, gpus=0.4) == 8
    assert workers_that_fit([{"CPU": 8.0, "GPU": 4.0}], cpus=1, gpus=2) == 2
    assert workers_that_fit([{"CPU": 8.0}], cpus=1, gpus=1) == 0


@pytest.mark.parametrize(
    "wrong",
    [{"workers": -1}, {"cpus": 0}, {"gpus": 1.5}, {"photos_at_once": 0}, {"attempts": 0}],
)
def test_scale_options_are_checked(wrong):
    with pytest.raises(OptionError, match=next(iter(wrong))):
        ScaleOptions(**wrong)
