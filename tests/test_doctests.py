import doctest
import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import skimage.data

import unblur

HERE = Path(__file__).parent
NEED_EXTRAS = ("RandomBlurBatch", "TrainingData", "deconvolve", "load_training", "train")


def examples_of(name):
    thing = getattr(unblur, name)
    found = doctest.DocTestFinder(recurse=False).find(
        thing, name, module=sys.modules[thing.__module__]
    )
    return [test for test in found if test.examples]


@pytest.mark.parametrize("name", unblur.__all__)
def test_each_public_name_has_an_example_that_runs(name, photo, monkeypatch):
    monkeypatch.chdir(photo.parent)
    tests = examples_of(name)
    assert len(tests) == 1, f"{name} has no example in its docstring"
    # Whoever copies the lines has nothing but what they import.
    tests[0].globs = {}
    said = []

    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    runner.run(tests[0], out=said.append)

    assert not runner.failures, "".join(said)


def test_the_examples_run_without_torch_and_pillow(photo):
    code = (
        "import sys, doctest\n"
        "for name in ('torch', 'PIL', 'skimage', 'lightning'): sys.modules[name] = None\n"
        "import unblur\n"
        f"for name in set(unblur.__all__) - set({NEED_EXTRAS}):\n"
        "    doctest.run_docstring_examples(getattr(unblur, name), {}, name=name,\n"
        "                                   optionflags=doctest.ELLIPSIS)\n"
    )

    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", code],
        cwd=photo.parent,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == ""


def test_without_pillow_and_torch_other_pictures_are_still_named(photo):
    code = "import unblur\ntry: unblur.restore(7)\nexcept unblur.UnblurError as e: print(e)"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.endswith("got int\n")


@pytest.mark.parametrize("engine", ["onnx", "openvino"])
@pytest.mark.parametrize("streams", [1, 3])
def test_one_restorer_serves_several_threads_to_the_last_bit(engine, streams):
    from unblur.tasks.restore.options import RestoreOptions

    whole = skimage.data.astronaut().astype(np.float32) / 255
    sizes = [(64, 96), (100, 70), (48, 48), (96, 64), (33, 101), (80, 80)]
    pictures = [whole[40 * i : 40 * i + h, 50 : 50 + w] for i, (h, w) in enumerate(sizes)]
    restorer = unblur.Restorer.open(
        RestoreOptions(method="network", engine=engine, threads=3), streams=streams
    )
    alone = [restorer.restore_pixels(pixels).tobytes() for pixels in pictures]
    together = threading.Barrier(4)

    def restore_all(first):
        together.wait(timeout=30)
        order = [(first + i) % len(pictures) for i in range(len(pictures))]
        return {i: restorer.restore_pixels(pictures[i]).tobytes() for i in order}

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(restore_all, range(4)))

    assert all(result[i] == alone[i] for result in results for i in range(len(pictures)))
    assert len(set(alone)) == len(alone)


def test_the_shared_restorer_serves_threads_that_start_together(photo):
    pixels = skimage.data.astronaut()[:64, 100:180]
    together = threading.Barrier(4)

    def restored(_):
        together.wait(timeout=30)
        return unblur.restore(pixels, engine="onnx").tobytes()

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(restored, range(4)))

    assert len(found) == 1
    shutil.copy(photo, photo.with_name("again.jpg"))
    both = unblur.restore([photo, photo.with_name("again.jpg")])
    assert both[0].read_bytes() == both[1].read_bytes()
