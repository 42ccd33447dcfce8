import contextlib
import io
import json
import re
import subprocess
import sys
import warnings
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from authors_generator import biased, random_authors_generator
from rounding import network_bound
from unblur.cli import main
from unblur.engines import OnnxEngine, OpenVinoEngine
from unblur.imaging.photo.photo import read_photo
from unblur.models import build_model
from unblur.tasks.restore.options import RestoreOptions
from unblur.tasks.restore.restorer import Restorer
from unblur.weights import read_state


@pytest.fixture(scope="module")
def theirs():
    return random_authors_generator(16)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("networks")


@pytest.fixture(scope="module")
def converted(theirs, folder):
    """A network file that the command line made of the authors' weights, and what it said."""
    weights = folder / "latest_net_G.pth"
    torch.save(theirs.state_dict(), weights)
    network = folder / "net.onnx"
    done = command("convert", weights, "-o", network, "--license", "CC0", "--float32")
    assert done.returncode == 0, done.stderr
    return network, done


@pytest.fixture(scope="module")
def exported(folder, converted):
    """The same of a training run, whose own network file says something of itself."""
    run = folder / "run"
    run.mkdir()
    torch.manual_seed(0)
    save_file(biased(build_model("deblurgan-16")).state_dict(), run / "generator.safetensors")
    (run / "recipe.toml").write_text('model = "deblurgan-16"\nsteps = 7\n')
    (run / "generator.onnx").write_bytes(converted[0].read_bytes())
    network = folder / "exported.onnx"
    facts = "--figures", "+1 dB", "--trained-on", "2 photos"
    done = command("export", run, "-o", network, *facts)
    assert done.returncode == 0, done.stderr
    return network, done


@pytest.mark.thorough
def test_an_exporter_that_is_new_to_the_process_gives_no_hints(exported, folder, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "unblur", "export", folder / "run", "-o", tmp_path / "net.onnx"],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")


@dataclass
class Done:
    returncode: int
    stdout: str
    stderr: str


def command(*arguments):
    """Run the command line in this process, which has loaded PyTorch already."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        warnings.catch_warnings(),
    ):
        patch.setattr(sys, "argv", ["unblur", *map(str, arguments)])
        try:
            main()
        except SystemExit as stop:
            code = stop.code
    return Done(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())


def test_a_converted_network_gives_the_pictures_of_its_authors(theirs, converted, astronaut):
    pixels = astronaut[:120, :88]
    batch = np.ascontiguousarray(np.stack([pixels, pixels[::-1]]).transpose(0, 3, 1, 2))
    with torch.no_grad():
        expected = (theirs(2 * torch.from_numpy(batch) - 1).numpy() + 1) / 2

    assert np.abs(expected - batch).max() > 0.3
    file = converted[0]
    for engine in (OnnxEngine(file), OpenVinoEngine(file, precision="fp32")):
        # 24 layers, added up in another order: 1e-4.
        assert np.abs(engine.run(batch) - expected).max() < network_bound(theirs, expected)


def test_commands_say_how_well_file_and_module_agree(converted, exported):
    for network, done in (converted, exported):
        first, *lines, last = done.stdout.splitlines()
        sizes, whole, rounded = lines[:3], lines[3], lines[4:]
        assert first.startswith(f"{network}: deblurgan-16, ")
        assert [line.split(":")[0].strip() for line in sizes] == [
            "1 x 3 x 64 x 64", "2 x 3 x 96 x 160", "1 x 3 x 208 x 112"
        ]  # fmt: skip
        for line in sizes:
            assert 0 < float(line.split(" by ")[1].split()[0]) <= 1e-4
        exact_db = float(re.fullmatch(r"  with all digits .* is (\S+) dB near PyTorch", whole)[1])
        assert exact_db > 80
        assert len(rounded) == (network == exported[0])
        for line in rounded:
            assert 40 < float(re.search(r", (\S+) dB \(--float32 keeps all\)", line)[1]) < exact_db
        assert f"unblur restore PHOTO --model {network}" in last
        assert done.stderr == ""


def test_a_converted_file_says_where_it_comes_from(converted):
    facts = OnnxEngine(converted[0]).metadata

    assert facts["unblur.model"] == "deblurgan-16"
    assert facts["unblur.tiling"] == "global"
    assert facts["unblur.multiple_of"] == "4"
    assert facts["unblur.license"] == "CC0"
    assert facts["unblur.converted_from"].startswith("latest_net_G.pth, SHA-256 ")


def test_an_exported_file_says_what_the_run_and_the_user_know(exported):
    facts = OnnxEngine(exported[0]).metadata

    assert facts["unblur.model"] == "deblurgan-16"
    assert json.loads(facts["unblur.recipe"]) == {"model": "deblurgan-16", "steps": 7}
    assert facts["unblur.license"] == "CC0"  # of the run's own file
    assert facts["unblur.figures"] == "+1 dB"
    assert facts["unblur.trained_on"] == "2 photos"


def test_weights_are_halved_unless_all_digits_are_asked_for(converted, exported, theirs):
    count = sum(p.numel() for p in theirs.parameters())

    assert 4 * count < converted[0].stat().st_size < 4.1 * count
    assert 2 * count < exported[0].stat().st_size < 2.1 * count


def test_a_file_holds_every_weight_even_zeros(exported, folder):
    state, _ = read_state(exported[0])

    for name, tensor in load_file(folder / "run" / "generator.safetensors").items():
        np.testing.assert_allclose(state[name], tensor, atol=1e-4)


@pytest.mark.parametrize("share", [None, 0.25])
def test_the_mean_of_two_runs_lies_between_them(folder, exported, tmp_path, share):
    first = load_file(folder / "run" / "generator.safetensors")
    second = {name: tensor + 0.25 for name, tensor in first.items()}
    save_file(second, tmp_path / "second.safetensors")

    done = command(
        *("export", folder / "run", "--mean-with", tmp_path / "second.safetensors"),
        *(() if share is None else ("--share", share)),
        *("-o", tmp_path / "mean.onnx"),
    )

    assert done.returncode == 0, done.stderr
    state, facts = read_state(tmp_path / "mean.onnx")
    of_second = 1 - (share or 0.5)
    assert facts["unblur.mean_with"] == f"second.safetensors, {of_second} of it"
    for name, tensor in first.items():
        np.testing.assert_allclose(state[name], tensor + 0.25 * of_second, atol=1e-3)


def test_the_mean_with_an_exported_run_is_the_same(folder, exported, tmp_path):
    done = command(
        *("export", folder / "run", "--mean-with", exported[0], "-o", tmp_path / "mean.onnx")
    )

    assert done.returncode == 0, done.stderr
    state, _ = read_state(tmp_path / "mean.onnx")
    for name, tensor in load_file(folder / "run" / "generator.safetensors").items():
        np.testing.assert_allclose(state[name], tensor, atol=1e-3)


def test_the_command_line_restores_with_it_at_once(exported, photo, run):
    done = run("restore", photo, "--model", exported[0], "-o", "restored.png")

    assert done.returncode == 0, done.stderr
    before, after = read_photo(photo).pixels, read_photo(photo.parent / "restored.png").pixels
    assert after.shape == before.shape
    assert np.abs(after - before).max() > 0.05  # untrained, but at work


def test_all_engines_restore_alike(exported, astronaut):
    pixels = astronaut[:75, :90]  # not multiples of 4
    restored = [
        Restorer.open(
            RestoreOptions(model=str(exported[0]), engine=engine, precision="fp32")
        ).restore_pixels(pixels)
        for engine in ("onnx", "openvino", "torch")
    ]
    bound = network_bound(build_model("deblurgan-16"), restored[0])  # order of sums alone: 1e-4

    assert restored[0].shape == pixels.shape
    for other in restored[1:]:
        assert np.abs(other - restored[0]).max() < bound


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("convert", "{photo}", "-o", "net.onnx"), "photo.jpg is not a file of weights"),
        (("convert", "none.pth", "-o", "net.onnx"), "none.pth: no such file"),
        (("convert", "none.pth", "-o", "net.pth"), "--out must name an .onnx file, got net.pth"),
        (("convert", "none.pth", "-o", "{network}"), "exists already; --overwrite replaces"),
        (("export", "{folder}", "-o", "net.onnx"), "not the folder of a finished run: it has no"),
        (("export", "{folder}/run", "-o", "net.onnx", "--stochastic"),
         "run was trained without dropout; there is none to keep on"),
        (("export", "{folder}/run", "--mean-with", "{folder}", "-o", "net.onnx"),
         "not the folder of a finished run: it has no"),
        (("export", "{folder}/run", "--mean-with", "{folder}", "--share", "1", "-o", "net.onnx"),
         "share must be above 0 and below 1, got 1"),
        (("export", "{folder}/run", "--mean-with", "{photo}", "-o", "net.onnx"),
         "photo.jpg does not hold weights of deblurgan-16"),
        (("export", "{folder}/run/generator.safetensors", "-o", "no/net.onnx"),
         "no/net.onnx: cannot be written, the folder no does not exist"),
    ],
)  # fmt: skip
def test_mistakes_are_one_line(arguments, message, photo, folder, exported, monkeypatch):
    given = {"photo": photo, "folder": folder, "network": exported[0]}
    monkeypatch.chdir(photo.parent)

    done = command(*(argument.format(**given) for argument in arguments))

    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert message in done.stderr
    assert not (photo.parent / "net.onnx").exists()
