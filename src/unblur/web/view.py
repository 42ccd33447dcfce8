"""What the page shows of a job, as HTML: how far it is, the diagnosis, before and after."""

from html import escape
from pathlib import Path
from typing import Final

from unblur.web.jobs import Job, Part

STYLE: Final = Path(__file__).with_name("page.css")
_MOVE: Final = "this.closest('.ub-compare').style.setProperty('--at', this.value + '%')"
_ZOOM: Final = "this.closest('.ub-compare').classList.toggle('ub-full', this.checked)"


def status_html(job: Job, position: int) -> str:
    """The line under the button: waiting, how far, done, or what went wrong.

    Args:
        job: The job.
        position: How many are before it.
    """
    if job.state == "waiting":
        before = f"{position} before you" if position else "you are next"
        return _status(f"Waiting, {before}.", bar=0.0)
    if job.state == "running":
        done = sum(part.doing in {"done", "failed"} for part in job.parts)
        now = next((x for x in job.parts if x.doing not in {"done", "failed", "waiting"}), None)
        share = (done + (now.share or 0.0 if now else 0.0)) / len(job.parts)
        text = "Starting" if now is None else f"{now.name}: {now.doing}"
        if len(job.parts) > 1:
            text += f" ({min(done + 1, len(job.parts))} of {len(job.parts)})"
        known = now is None or now.share is not None or len(job.parts) > 1
        return _status(f"{text} …", bar=share if known else None)
    if job.state == "cancelled":
        return _status("Cancelled; nothing is kept of it.")
    if job.state == "failed":
        return error_html(job.error or "failed")
    failed = sum(part.error is not None for part in job.parts)
    if failed:
        return _status(f"{len(job.parts) - failed} of {len(job.parts)} restored.")
    return _status("Done.")


def error_html(text: str) -> str:
    """One line that says what was wrong."""
    return f'<div class="ub-status ub-error" role="alert">{escape(text)}</div>'


def result_html(job: Job) -> str:
    """Diagnosis, before and after, and what can be downloaded; of a job that runs, so far."""
    parts = "".join(_part(job, index, part) for index, part in enumerate(job.parts))
    if job.result is not None and len(job.parts) > 1:
        parts = (
            f'<p><a class="ub-button" href="api/jobs/{job.id}/result" download '
            f'id="ub-zip">Download all ({_size(job.result)})</a></p>{parts}'
        )
    return f'<div class="ub-result">{parts}</div>' if parts else ""


def _part(job: Job, index: int, part: Part) -> str:
    here = f"api/jobs/{job.id}/photos/{index}"
    lines = []
    if part.path is not None:
        lines.append(
            f'<img class="ub-path" src="{escape(part.path, quote=True)}" '
            'alt="The way each point of light went" title="The way each point of light went">'
        )
    if part.diagnosis is not None:
        lines.append(f'<p class="ub-diagnosis">{escape(part.diagnosis["words"])}</p>')
    if part.error is not None and job.state != "failed":
        lines.append(error_html(part.error))
    lines += [f'<p class="ub-note">{escape(note)}</p>' for note in part.notes]
    if job.state == "done" and part.file is not None:
        if job.video:
            if part.after:
                lines.append(f'<video controls preload="metadata" src="{here}/after"></video>')
        elif part.before and part.after:
            lines.append(_compare(here, part.name))
        else:
            lines.append('<p class="ub-note">Too large to be shown here.</p>')
        name = Path(part.file).name
        lines.append(
            f'<p><a class="ub-button" href="{here}/result" download>Download '
            f"{escape(name)} ({_size(job.folder / part.file)})</a></p>"
        )
    if not lines:
        return ""
    return f'<section class="ub-part"><h3>{escape(part.name)}</h3>{"".join(lines)}</section>'


def _compare(here: str, name: str) -> str:
    """Two pictures one upon the other; a slider says how much is seen of which.

    The slider is the browser's own, so that it works by mouse, touch and keyboard alike. Both
    pictures are the files themselves, with all their pixels: "Full size" shows them one to one.
    """
    alt = escape(name, quote=True)
    return f"""<figure class="ub-compare">
<div class="ub-window"><div class="ub-stack">
<img src="{here}/after" alt="{alt}, restored" class="ub-after" loading="lazy">
<img src="{here}/before" alt="{alt}, before" class="ub-before" loading="lazy">
<span class="ub-line" aria-hidden="true"></span>
<span class="ub-tag ub-left" aria-hidden="true">before</span>
<span class="ub-tag ub-right" aria-hidden="true">after</span>
</div></div>
<input type="range" min="0" max="100" step="1" value="50" class="ub-slider"
 aria-label="Share of the photo before restoring, {alt}" oninput="{_MOVE}">
<label class="ub-zoom"><input type="checkbox" onchange="{_ZOOM}"> Full size, pixel by pixel</label>
</figure>"""


def _status(text: str, bar: float | str | None = "none") -> str:
    drawn = ""
    if bar != "none":
        value = "" if bar is None else f' value="{bar:.3f}"'
        drawn = f'<progress max="1"{value} aria-label="Progress"></progress>'
    return f'<div class="ub-status" role="status">{escape(text)}{drawn}</div>'


def _size(path: Path) -> str:
    try:
        size = path.stat().st_size
    except OSError:
        return "removed"
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(1, size // 1000)} kB"  # noqa: PLR2004
