// Before and after, one upon the other: drag the divider, pan and zoom inside the frame.

import { make } from "./dom.js";

const MOST_ZOOM = 8; // times one pixel of the photo by one of the screen
const STEP = 1.5;
const THUMB_PX = 28; // --thumb of the style
const NAME_PX = 76; // room for "before" beside the divider
const NEAR_PX = 24; // from the divider: dragging there moves it, zoomed in, too
const AFTER_SCROLL_MS = 400; // the wheel that scrolls the page here must not zoom at once

let scrolled = 0;
addEventListener("scroll", () => (scrolled = performance.now()), { passive: true });

/** A figure of two pictures (images or canvases) of one size, in px. */
export class Compare {
  constructor({ before, after, width, height, name }) {
    Object.assign(this, { before, after, width, height });
    this.at = 0.5; // of the frame: left of it is before
    this.strength = 1;
    this.pointers = new Map();
    before.className = after.className = "picture";
    this.base = make("div", { className: "layer base" }, before);
    this.over = make("div", { className: "layer over" }, after);
    this.names = ["before", "after"].map((name) => make("span", { className: `tag ${name}`, "aria-hidden": "true" }, name));
    const line = make("div", { className: "line", "aria-hidden": "true" }, make("span", { className: "grip" }));
    this.said = make("output", { className: "tag zoom" });
    this.frame = make(
      "div",
      {
        className: "frame",
        tabIndex: 0,
        role: "group",
        "aria-label": `${name}, before and after. Arrow keys move the divider or the picture, plus and minus zoom, 0 shows all.`,
      },
      this.base,
      this.over,
      line,
      ...this.names,
      this.said,
    );
    this.slider = make("input", {
      type: "range", min: 0, max: 100, step: 1, value: 50, className: "divider",
      "aria-label": `Divider between before and after, ${name}`,
    });
    this.root = make("div", { className: "compare" }, this.frame, this.slider, this.tools());
    this.listen();
    new ResizeObserver(() => this.fit()).observe(this.root);
  }

  tools() {
    const button = (text, label, act) => {
      const made = make("button", { type: "button", className: "tool", "aria-label": label }, text);
      made.addEventListener("click", act);
      return made;
    };
    return make(
      "div",
      { className: "tools" },
      button("−", "Zoom out", () => this.zoom(1 / STEP)),
      button("+", "Zoom in", () => this.zoom(STEP)),
      button("Whole picture", "Whole picture", () => this.show(this.whole)),
      button("Actual pixels", "Actual pixels: one of the photo is one of the screen", () => this.show(this.one)),
    );
  }

  get one() {
    return 1 / devicePixelRatio;
  }

  get least() {
    return Math.min(this.whole, this.one);
  }

  get zoomed() {
    return this.scale > this.whole * 1.001;
  }

  /** Size of the frame for the room there is; what was seen whole stays whole. */
  fit() {
    const room = this.root.clientWidth;
    if (!room) return;
    const was = this.scale === undefined || this.scale === this.whole;
    const high = Math.max(240, innerHeight - 330);
    let wide = Math.min(room, Math.max(320, this.width));
    let tall = Math.min(high, (wide * this.height) / this.width);
    wide = Math.min(wide, Math.max(Math.min(room, 320), (tall * this.width) / this.height));
    [wide, tall] = [Math.floor(wide), Math.floor(tall)];
    this.size = [wide, tall];
    this.root.style.setProperty("--wide", `${wide}px`);
    this.frame.style.height = `${tall}px`;
    const sides = [wide / this.width, tall / this.height];
    // Whole pixels of the screen: the side that is rounded more is filled, too, and no line is left beside it.
    const [fits, fills] = [Math.min(...sides), Math.max(...sides)];
    this.whole = fills * this.width < wide + 1 && fills * this.height < tall + 1 ? fills : fits;
    if (was) this.scale = this.whole;
    this.x ??= 0;
    this.y ??= 0;
    this.place();
  }

  show(scale) {
    this.zoom(Math.max(scale, this.least) / this.scale);
  }

  /** Zoom about a point of the frame, its middle if none is given. */
  zoom(times, [px, py] = [this.size[0] / 2, this.size[1] / 2]) {
    const most = Math.max(MOST_ZOOM * this.one, this.whole);
    let scale = Math.min(most, Math.max(this.least, this.scale * times));
    if (Math.abs(scale / this.whole - 1) < 0.03) scale = this.whole;
    this.x = px - ((px - this.x) * scale) / this.scale;
    this.y = py - ((py - this.y) * scale) / this.scale;
    this.scale = scale;
    this.place();
  }

  pan(right, down) {
    this.x += right;
    this.y += down;
    this.place();
  }

  divide(at) {
    this.at = Math.min(1, Math.max(0, at));
    this.place();
  }

  slide() {
    const [share, wide] = [this.slider.value / 100, this.size[0]];
    const ends = share === 0 || share === 1; // all of one picture
    this.divide(ends ? share : (THUMB_PX / 2 + share * (wide - THUMB_PX)) / wide);
  }

  mix(strength) {
    this.strength = strength;
    this.place();
  }

  place() {
    if (!this.size) return; // it is not on the page yet
    const kept = (start, room, side) =>
      side <= room ? Math.round((room - side) / 2) : Math.min(0, Math.max(room - side, start));
    this.x = kept(this.x, this.size[0], this.width * this.scale);
    this.y = kept(this.y, this.size[1], this.height * this.scale);
    for (const picture of [this.before, this.after])
      picture.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.frame.style.setProperty("--at", `${100 * this.at}%`);
    // Black is seen beside a picture that leaves room, and not as a line along one that fills the frame:
    // the frame may begin within a pixel of the screen.
    const leaves = (room, side) => room - side * this.scale >= 1;
    this.frame.classList.toggle("roomy", leaves(this.size[0], this.width) || leaves(this.size[1], this.height));
    this.frame.classList.toggle("zoomed", this.zoomed);
    this.frame.classList.toggle("pixels", this.scale * devicePixelRatio >= 3);
    // A mix is the restored picture, let through in part, upon the other one: as the file has it.
    this.frame.classList.toggle("mixed", this.strength < 1);
    this.after.style.opacity = this.strength;
    // The thumb stays within the picture's width, and its middle below the divider.
    const [wide] = this.size;
    this.slider.value = Math.round((100 * (this.at * wide - THUMB_PX / 2)) / (wide - THUMB_PX));
    this.slider.setAttribute("aria-valuetext", `${Math.round(100 * this.at)} % of the picture is before`);
    // Each name stands on its own side, as long as there is room for it.
    this.names[0].hidden = this.at * wide < NAME_PX;
    this.names[1].hidden = (1 - this.at) * wide < NAME_PX;
    this.said.hidden = this.scale === this.whole; // how far it had to be reduced tells nobody anything
    this.said.textContent = `Zoom: ${Math.round(100 * this.scale * devicePixelRatio)} %`;
  }

  listen() {
    this.slider.addEventListener("input", () => this.slide());
    this.frame.addEventListener("keydown", (event) => this.key(event));
    this.frame.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    this.frame.addEventListener("pointerdown", (event) => this.down(event));
    this.frame.addEventListener("pointermove", (event) => this.move(event));
    for (const end of ["pointerup", "pointercancel"])
      this.frame.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    this.frame.addEventListener("dblclick", (event) => {
      if (this.zoomed) this.show(this.whole);
      else this.zoom(Math.max(this.one / this.scale, 2), this.point(event));
    });
    this.frame.addEventListener("dragstart", (event) => event.preventDefault());
  }

  point(event) {
    const box = this.frame.getBoundingClientRect();
    return [event.clientX - box.left - this.frame.clientLeft, event.clientY - box.top - this.frame.clientTop];
  }

  down(event) {
    if (event.button) return;
    const point = this.point(event);
    const near = Math.abs(point[0] - this.at * this.size[0]) < NEAR_PX;
    this.dividing = near || !this.zoomed;
    this.pointers.set(event.pointerId, point);
    this.frame.setPointerCapture(event.pointerId);
    // A finger may be about to scroll the page: it must move sideways first.
    if (this.dividing && event.pointerType === "mouse") this.divide(point[0] / this.size[0]);
  }

  move(event) {
    const last = this.pointers.get(event.pointerId);
    if (!last) return;
    const point = this.point(event);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    this.pointers.set(event.pointerId, point);
    if (other) {
      const apart = (one) => Math.max(10, Math.hypot(one[0] - other[0], one[1] - other[1]));
      const middle = (one) => [(one[0] + other[0]) / 2, (one[1] + other[1]) / 2];
      const [was, is] = [middle(last), middle(point)];
      this.pan(is[0] - was[0], is[1] - was[1]);
      this.zoom(apart(point) / apart(last), is);
    } else if (this.dividing) this.divide(point[0] / this.size[0]);
    else this.pan(point[0] - last[0], point[1] - last[1]);
  }

  wheel(event) {
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
    const scrolling = performance.now() - scrolled < AFTER_SCROLL_MS || event.deltaY > 0;
    if (!this.zoomed && !event.ctrlKey && scrolling) return; // the page scrolls on
    event.preventDefault();
    this.zoom(Math.exp(-pixels * (event.ctrlKey ? 0.01 : 0.002)), this.point(event));
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const ways = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
    const way = ways[event.key];
    if (way && this.zoomed) this.pan(60 * way[0], 60 * way[1]);
    else if (way && way[0]) this.divide(this.at - 0.02 * way[0]);
    else if (event.key === "+" || event.key === "=") this.zoom(STEP);
    else if (event.key === "-") this.zoom(1 / STEP);
    else if (event.key === "0") this.show(this.whole);
    else if (event.key === "1") this.show(this.one);
    else return;
    event.preventDefault();
  }
}

/** A clip of before above after, as two canvases that show the same moment. */
export async function clipPictures(address) {
  const video = make("video", { muted: true, loop: true, playsInline: true, preload: "auto", src: address });
  await new Promise((resolve, reject) => {
    video.addEventListener("loadeddata", resolve, { once: true });
    video.addEventListener("error", () => reject(new Error("the clip cannot be shown")), { once: true });
  });
  const [width, height] = [video.videoWidth, Math.floor(video.videoHeight / 2)];
  const [before, after] = [0, 1].map(() => make("canvas", { width, height }));
  const draw = () =>
    [before, after].forEach((canvas, half) =>
      canvas.getContext("2d").drawImage(video, 0, half * height, width, height, 0, 0, width, height),
    );
  const next = video.requestVideoFrameCallback
    ? (act) => video.requestVideoFrameCallback(act)
    : (act) => requestAnimationFrame(act);
  const go = () => {
    draw();
    next(go);
  };
  go();
  return { before, after, width, height, video };
}
