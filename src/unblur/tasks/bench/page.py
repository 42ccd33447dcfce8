"""The frame of a benchmark's page: style and script; parts stand where their names are."""

from typing import Final

PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>unblur bench: @TITLE@</title>
<style>
:root { color-scheme: light dark; --line: #8886; --soft: #8882; --gain: #2a8a57; --loss: #c04a3a; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 72rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem } h2 { font-size: 1.15rem; margin-top: 2rem }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { padding: .25rem .7rem; border-bottom: 1px solid var(--line); text-align: right }
th:first-child, td:first-child { text-align: left }
th { cursor: pointer; white-space: nowrap } th:hover { background: var(--soft) }
th[aria-sort=ascending]::after { content: " \\25b2" }
th[aria-sort=descending]::after { content: " \\25bc" }
.notes { border-left: 4px solid var(--loss); padding-left: 2rem }
figure { margin: 1rem 0 } figcaption { color: inherit; opacity: .8 }
.charts { display: flex; flex-wrap: wrap; gap: 2rem } .charts svg { width: 26rem; max-width: 100% }
.gain { fill: var(--gain) } .loss { fill: var(--loss) }
svg line { stroke: currentColor } svg text { fill: currentColor; font-size: 13px }
.stage { position: relative; touch-action: none; cursor: ew-resize; display: inline-block }
.stage img { display: block; max-width: 100%; user-select: none; pointer-events: none }
.stage img + img { position: absolute; inset: 0; width: 100%; height: 100% }
.stage img[hidden] { display: block; visibility: hidden }
.stage i { position: absolute; top: 0; bottom: 0; width: 2px; background: #fff; margin-left: -1px;
  box-shadow: 0 0 3px #000; pointer-events: none }
.stage b { position: absolute; top: .5rem; padding: 0 .5rem; color: #fff; background: #000a;
  pointer-events: none; font-weight: 500 }
.stage .left { left: .5rem } .stage .right { right: .5rem }
.compare input { display: block; width: 100%; max-width: 40rem }
.choices button[aria-pressed=true] { font-weight: bold }
</style></head><body>
<h1>@TITLE@</h1>
<p>@WORDS@</p><p>@COUNTS@</p>
@NOTES@
@SUMMARY@
<ul>@FACTS@</ul>
<p>@MACHINE@</p>
<h2>Gains</h2><div class=charts>@CHARTS@</div>
<h2>Pictures</h2>
@PICTURES@
@PUBLISHED@
<h2>Every photo</h2>
@ROWS@
<script>
"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  const value = (row, column) => {
    const text = row.cells[column].textContent;
    if (text === "") return null;
    if (text === "\\u221e") return Infinity;
    return /^[-+]?[0-9.]+$/.test(text) ? Number(text) : text;
  };
  const sort = column => {
    const up = heads[column].getAttribute("aria-sort") === "descending";
    heads.forEach(head => head.removeAttribute("aria-sort"));
    heads[column].setAttribute("aria-sort", up ? "ascending" : "descending");
    const rows = [...body.rows].sort((first, second) => {
      const [a, b] = [value(first, column), value(second, column)];
      if (a === null || b === null) return (a === null) - (b === null);
      const order = typeof a === "number" && typeof b === "number"
        ? a - b : String(a).localeCompare(String(b), "en", {numeric: true});
      return up ? order : -order;
    });
    body.append(...rows);
  };
  heads.forEach((head, column) => {
    head.onclick = () => sort(column);
    head.onkeydown = event => { if (event.key === "Enter") sort(column); };
  });
}
for (const figure of document.querySelectorAll(".compare")) {
  const stage = figure.querySelector(".stage");
  const slider = figure.querySelector("input");
  const line = stage.querySelector("i");
  const images = [...stage.querySelectorAll("img")];
  const buttons = [...figure.querySelectorAll("button")];
  let [left, right] = ["before", "restored"];
  const draw = () => {
    const at = Number(slider.value);
    line.style.left = at + "%";
    for (const image of images) {
      image.hidden = !image.classList.contains(left) && !image.classList.contains(right);
      image.style.clipPath = image.classList.contains(left)
        ? `inset(0 ${100 - at}% 0 0)` : `inset(0 0 0 ${at}%)`;
    }
    stage.querySelector(".left").textContent = left;
    stage.querySelector(".right").textContent = right;
    for (const button of buttons)
      button.setAttribute("aria-pressed",
        button.dataset.left === left && button.dataset.right === right);
  };
  const move = event => {
    const box = stage.getBoundingClientRect();
    slider.value = 100 * (event.clientX - box.left) / box.width;
    draw();
  };
  slider.oninput = draw;
  stage.onpointerdown = event => { stage.setPointerCapture(event.pointerId); move(event); };
  stage.onpointermove = event => { if (event.buttons) move(event); };
  for (const button of buttons)
    button.onclick = () => { ({left, right} = button.dataset); draw(); };
  draw();
}
</script></body></html>
"""
