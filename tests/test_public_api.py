import subprocess
import sys

import pytest

import unblur

NAMES = {
    "BlurEstimate",
    "Photo",
    "RandomBlur",
    "RandomBlurBatch",
    "RestoreOptions",
    "Restorer",
    "TrainingData",
    "Unblur",
    "UnblurError",
    "blur",
    "deconvolve",
    "estimate_blur",
    "find_sources",
    "load_training",
    "plan_jobs",
    "psnr",
    "random_kernels",
    "random_motion",
    "read_kernel",
    "read_photo",
    "restore",
    "restore_files",
    "ssim",
    "train",
    "write_photo",
}


def test_the_public_names_are_these_and_all_load():
    assert set(unblur.__all__) == NAMES
    assert set(dir(unblur)) == NAMES
    for name in NAMES:
        assert getattr(unblur, name).__name__ == name
        assert getattr(unblur, name).__doc__


def test_unknown_names_are_attribute_errors():
    with pytest.raises(AttributeError, match="unsharpen"):
        _ = unblur.unsharpen


def loaded_after(code):
    program = f"{code}\nimport sys; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_help_and_import_load_nothing_heavy():
    code = (
        "import sys, unblur.cli\n"
        "sys.argv = ['unblur', '--help']\n"
        "try: unblur.cli.main()\n"
        "except SystemExit: pass"
    )

    heavy = {"torch", "onnxruntime", "numpy", "pyvips", "openvino", "lightning"}

    assert not loaded_after(code) & heavy
    assert not loaded_after("import unblur") & heavy


def test_restoring_runs_without_torch(photo, tmp_path):
    code = (
        "import sys\n"
        "for name in ('torch', 'lightning', 'onnx'): sys.modules[name] = None\n"
        "import unblur\n"
        f"print(unblur.restore({str(photo)!r}))\n"
        "import unblur.cli\n"
        f"sys.argv = ['unblur', 'restore', {str(photo)!r}, '--engine', 'torch']\n"
        "unblur.cli.main()\n"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert done.stdout.strip() == str(tmp_path / "photo.unblurred.jpg")
    (said,) = done.stderr.splitlines()
    assert said.startswith("unblur: torch is not installed; pip install ")
    assert said.endswith("[train]'")
    assert done.returncode == 2
