// What came of a job: a verdict for each photo, what to do next, before and after, the download.

import { Compare, clipPictures } from "./compare.js";
import { leftWords, make, sizeWords } from "./dom.js";
import { directionWords, gainWords, pixelWords, sureWords } from "./plain.js";
import { again, follow } from "./server.js";

/** The results on the page, the newest first; each stays until it is removed. */
export class Results {
  /** `offer` is called with the photo that a second shot would help, `changed` when one is removed. */
  constructor(place, { offer, changed }) {
    Object.assign(this, { place, offer, changed });
    this.blocks = new Map(); // by the name of the job, the oldest first
    this.count = 0; // of all that there were: elements of each have a number of their own
  }

  /** Names of the jobs, the newest first. */
  get names() {
    return [...this.blocks.keys()].reverse();
  }

  add(job) {
    this.count += 1;
    const name = job.photos.length > 1 ? `${job.photos.length} photos` : job.photos[0].name;
    const remove = make("button", { type: "button", className: "tool", "aria-label": `Remove this result, ${name}` }, "Remove");
    const block = make("div", { className: "job" }, ...resultOf(job, this.count, remove, this.offer));
    remove.addEventListener("click", () => this.remove(job.id));
    this.blocks.set(job.id, block);
    this.place.prepend(block);
    this.place.hidden = false;
  }

  remove(name) {
    const block = this.blocks.get(name);
    const near = block.nextElementSibling ?? block.previousElementSibling;
    block.remove();
    this.blocks.delete(name);
    this.place.hidden = this.blocks.size === 0;
    this.changed(name);
    (near?.querySelector(".heading .tool") ?? document.getElementById("photos")).focus();
  }
}

/** What a job has come to: number of it on the page, the button that removes it. */
function resultOf(job, number, remove, offer) {
  const heading = (title) => make("div", { className: "heading" }, title, remove);
  const parts = job.photos.map((part, index) => section(job, part, index, { number, heading, offer }));
  const made = job.photos.filter((part) => part.urls.result);
  if (job.photos.length < 2) return parts;
  const failed = job.photos.length - made.length;
  const title = failed ? `${made.length} of ${job.photos.length} restored` : `${made.length} photos restored`;
  const head = [heading(make("h2", {}, title))];
  if (job.result) {
    const link = make("a", { className: "button main zip", href: job.result, download: "" }, "Download all as one zip");
    head.push(make("p", {}, link), make("p", { className: "quiet" }, "All in it have full strength."));
  }
  return [make("div", { className: "part" }, ...head), ...parts];
}

function section(job, part, index, { number, heading, offer }) {
  const several = job.photos.length > 1;
  const label = number > 1 ? `${part.name}, result ${number}` : part.name; // the same photo may come again
  const root = make("section", { className: "part", "aria-label": label });
  root.append(several ? make("h3", {}, part.name) : heading(make("h2", {}, part.name)));
  if (part.error) {
    root.append(make("p", { className: "error" }, part.error));
    return root;
  }
  if (part.verdict) root.append(verdict(part.verdict, () => offer(part)));
  if (!part.urls.result) return root;
  const view = make("div", { className: "view" }, make("p", { className: "quiet" }, "Loading the pictures …"));
  const strength = part.verdict?.changed === false ? null : strengthOf(job, part, index, number);
  root.append(view, strength?.root ?? "", details(part, job));
  whenNear(root, async () => {
    try {
      const compare = await (part.urls.clip ? clipView(part, view) : photoView(part, view));
      strength?.to(compare);
    } catch (error) {
      console.warn(error);
      view.replaceChildren(make("p", { className: "quiet" }, "This cannot be shown here; the download has it."));
    }
  });
  return root;
}

function verdict({ said, next, step }, offer) {
  const words = make("div", { className: "verdict" }, make("p", { className: "said" }, said), make("p", {}, next));
  if (step === "second-shot") {
    const button = make("button", { type: "button", className: "button plain" }, "Add a second shot");
    button.addEventListener("click", offer);
    words.append(make("p", {}, button));
  }
  return words;
}

async function photoView(part, view) {
  if (!part.urls.before || !part.urls.after) throw new Error("too large");
  const [before, after] = ["before", "after"].map((kind) =>
    make("img", { src: part.urls[kind], alt: `${part.name}, ${kind === "after" ? "restored" : kind}`, draggable: false }),
  );
  await Promise.all([loaded(before), loaded(after)]);
  const compare = new Compare({ before, after, width: after.naturalWidth, height: after.naturalHeight, name: part.name });
  view.replaceChildren(compare.root);
  return compare;
}

async function clipView(part, view) {
  const clip = await clipPictures(part.urls.clip);
  const compare = new Compare({ ...clip, name: `${part.name}, the first seconds` });
  const play = make("button", { type: "button", className: "tool" }, "Play");
  const told = () => (play.textContent = clip.video.paused ? "Play" : "Pause");
  play.addEventListener("click", () => (clip.video.paused ? clip.video.play() : clip.video.pause()));
  clip.video.addEventListener("play", told);
  clip.video.addEventListener("pause", told);
  compare.root.querySelector(".tools").prepend(play);
  view.replaceChildren(compare.root);
  if (!matchMedia("(prefers-reduced-motion: reduce)").matches) clip.video.play().catch(() => {});
  if (part.urls.after) {
    const whole = make("video", { controls: true, preload: "metadata", src: part.urls.after });
    view.append(make("details", {}, make("summary", {}, "Watch all of the restored video"), whole));
  }
  return compare;
}

function loaded(image) {
  return new Promise((resolve, reject) => {
    image.addEventListener("error", reject);
    image.addEventListener("load", resolve);
  });
}

/** The strength, mixed in the browser, and the download that goes with it. */
function strengthOf(job, part, index, number) {
  const id = `strength-${number}-${index}`;
  const most = Math.round(100 * (job.strength ?? 1));
  const said = make("output", { for: id }, `${most} %`);
  const slider = make("input", { type: "range", id, min: 0, max: most, step: 5, value: most, className: "strength" });
  const note = make("p", { className: "quiet", role: "status" });
  const place = make("p", { className: "download" });
  const files = new Map([[most, part.urls.result]]);
  let compare = null;

  const link = (percent) => {
    const size = percent === most && part.bytes ? ` (${sizeWords(part.bytes)})` : "";
    const text = percent === most ? `Download ${part.result}${size}` : `Download at ${percent} %`;
    return make("a", { className: "button main", href: files.get(percent), download: "" }, text);
  };
  const write = async (percent, button) => {
    button.disabled = true;
    try {
      const started = await again(job.id, index, percent / 100);
      const done = await follow(started.id, (seen) => {
        const left = leftWords(seen.left_s);
        note.textContent = `The file at ${percent} %: ${seen.photos[0].doing}${left ? `, ${left}` : ""} …`;
      });
      const address = done?.photos[0].urls.result;
      if (!address) throw new Error(done?.photos[0].error ?? done?.error ?? "The file could not be made.");
      files.set(percent, address);
      note.textContent = `${done.photos[0].result} is ready and can be downloaded.`;
      if (Number(slider.value) === percent) place.replaceChildren(link(percent));
      link(percent).click();
    } catch (error) {
      note.textContent = error.message;
      button.disabled = false;
    }
  };
  const show = () => {
    const percent = Number(slider.value);
    said.textContent = `${percent} %`;
    compare?.mix(most ? percent / most : 1);
    note.textContent = "";
    if (files.has(percent)) return place.replaceChildren(link(percent));
    const button = make("button", { type: "button", className: "button main" }, `Download at ${percent} %`);
    button.addEventListener("click", () => write(percent, button));
    place.replaceChildren(button);
    const wait = part.known ? "makes the file, which takes a moment" : `restores the ${job.video ? "video" : "photo"} once more, which takes as long as before`;
    note.textContent = `What you see is a preview. The button ${wait}, and downloads it.`;
  };
  slider.addEventListener("input", show);
  show();
  const label = make("label", { for: id }, "Strength: ", said);
  const root = make("div", { className: "mix" }, make("div", { className: "setting" }, label, slider), place, note);
  return {
    root,
    to: (made) => {
      compare = made;
      show();
    },
  };
}

/** What else was found, in words; the figures behind it are in the answer of the server. */
function details(part, job) {
  const rows = [];
  const row = (name, value) => rows.push(make("dt", {}, name), make("dd", {}, value));
  const { blur, diagnosis } = part;
  if (blur?.taken) {
    row("The camera moved", `${pixelWords(blur.length_px)} ${directionWords(blur.angle_deg)}`);
    row("How sure that is", sureWords(blur.confidence));
    row("Gain over plain sharpening", gainWords(blur.gain_db));
  } else {
    const length = blur?.blur_px ?? diagnosis?.length_px;
    if (length) row("How blurred it looks", `each point is smeared over ${pixelWords(length)}`);
    if (diagnosis?.gain_db != null) row("Expected gain", gainWords(diagnosis.gain_db));
  }
  if (diagnosis?.varies) row("Where", "some parts are blurred more than others");
  if (part.path) row("How each point of light moved", make("img", { className: "path", src: part.path, alt: "a drawn curve" }));
  if (part.seconds) row("Restoring took", `${part.seconds < 10 ? part.seconds.toFixed(1) : Math.round(part.seconds)} seconds`);
  for (const note of part.notes) row("Note", note);
  if (!rows.length) return "";
  return make("details", { className: "figures" }, make("summary", {}, "Details"), make("dl", {}, ...rows));
}

/** Pictures of many photos are loaded when they are about to be seen. */
function whenNear(element, act) {
  const watch = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watch.disconnect();
      act();
    },
    { rootMargin: "800px" },
  );
  watch.observe(element);
}
