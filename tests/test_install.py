"""The line that installs an extra can be typed as it stands."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from unblur import _install

ROOT = Path(__file__).parents[1]


def test_a_clone_names_itself(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert shlex.split(_install.install_line("web")) == ["pip", "install", "-e", f"{ROOT}[web]"]
    monkeypatch.chdir(ROOT)
    assert _install.install_line("web") == "pip install -e '.[web]'"
    assert f"{ROOT}[web]" in _install.install_line("web", anywhere=True)


def test_what_pip_installed_names_where_it_got_it(tmp_path):
    site = tmp_path / "site"
    package = site / "unblur"
    package.mkdir(parents=True)
    shutil.copy(_install.__file__, package)
    notes = site / "unblur-1.dist-info"
    notes.mkdir()
    (notes / "METADATA").write_text("Metadata-Version: 2.1\nName: unblur\nVersion: 1\n")
    clone = tmp_path / "my clone"
    code = f"import sys; sys.path.insert(0, {str(package)!r}); sys.path.insert(0, {str(site)!r})\n"
    code += "import _install; print(_install.install_line('web'))"

    def line():
        return subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.strip()

    assert line() == "pip install 'unblur[web]'"
    (notes / "direct_url.json").write_text(f'{{"url": "{clone.as_uri()}", "dir_info": {{}}}}')
    assert line() == "pip install 'unblur[web]'"  # it is not there any more
    clone.mkdir()
    assert line() == f"pip install '{clone}[web]'"
