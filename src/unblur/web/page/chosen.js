// What was chosen: by the button, dropped, pasted, or the example; with thumbnails.

import { byId, make, sizeWords } from "./dom.js";

const NO_PICTURE = /\.(heic|heif|hif|tiff?|dng|cr2|cr3|crw|nef|nrw|arw|sr2|srf|raf|orf|rw2|rwl|pef|srw|3fr|fff|iiq|x3f|mrw|erf)$/i;

/** Files behind a file input, shown as thumbnails in a list; those that the server has kept have an address. */
export class Chosen {
  constructor(input, list, { several, facts, changed, refuse, renewed = () => {} }) {
    Object.assign(this, { input, list, several, facts, changed, refuse, renewed });
    this.files = [];
    this.restored = new Set(); // those of `files` that there is a result of
    input.addEventListener("change", () => {
      this.add([...input.files]);
      input.value = ""; // so that the same file may be chosen again
    });
  }

  /** Choose files beside those that wait to be restored; they take the place of those that have been. */
  add(files) {
    const faults = files.map((file) => this.fault(file)).filter(Boolean);
    files = files.filter((file) => !this.fault(file));
    this.take(files);
    if (faults.length) this.refuse(faults.join(" "));
  }

  take(files) {
    if (!files.length) return;
    const waiting = this.files.filter((file) => !this.restored.has(file));
    const videos = files.filter((file) => this.isVideo(file));
    // A video goes alone, and so does what comes after one.
    const alone = !this.several || videos.length || waiting.some((file) => this.isVideo(file));
    const known = new Set(waiting.map(signature));
    const all = alone ? files : [...waiting, ...files.filter((file) => !known.has(signature(file)))];
    if (videos.length && all.length > 1) return this.refuse(`${videos[0].name}: give a video by itself.`);
    if (all.length > this.facts.mostPhotos)
      return this.refuse(`${all.length} photos at once; ${this.facts.mostPhotos} are taken at most.`);
    const bytes = all.reduce((sum, file) => sum + file.size, 0);
    if (bytes > this.facts.mostBytes)
      return this.refuse(`${sizeWords(bytes)} at once; ${sizeWords(this.facts.mostBytes)} are taken at most.`);
    const renews = this.restored.size > 0;
    this.replace(all);
    if (renews) this.renewed();
  }

  /** Choose these, and nothing else. */
  replace(files) {
    this.files = files;
    this.restored.clear();
    this.show();
    this.changed();
  }

  /** These have been restored: they stay until others are chosen, so that they can be restored once more. */
  done(files) {
    const waiting = this.files.filter((file) => !files.includes(file));
    if (waiting.length) return this.replace(waiting); // chosen meanwhile
    this.restored = new Set(this.files);
    this.changed();
  }

  get again() {
    return this.restored.size > 0;
  }

  /** Why a file cannot be taken, as far as that is seen before it is sent; null if nothing is. */
  fault(file) {
    if (file.address) return null; // the server has it
    if (this.isVideo(file) && !this.facts.takesVideos) return `${file.name}: videos cannot be restored here. Choose photos.`;
    if (!file.size) return `${file.name}: is empty. Choose another file.`;
    const ending = /\.[^.]+$/.exec(file.name.toLowerCase())?.[0];
    const known = !ending || this.facts.endings.includes(ending) || /^(image|video)\//.test(file.type);
    return known ? null : `${file.name}: is no photo that can be read here. Choose ${this.facts.formats}.`;
  }

  isVideo(file) {
    const name = file.name.toLowerCase();
    return this.facts.videos.some((ending) => name.endsWith(ending));
  }

  show() {
    for (const picture of this.list.querySelectorAll("img, video")) URL.revokeObjectURL(picture.src);
    this.list.replaceChildren(...this.files.map((file) => this.thumbnail(file)));
  }

  thumbnail(file) {
    const remove = make("button", { type: "button", className: "remove", "aria-label": `Remove ${file.name}` }, "×");
    remove.addEventListener("click", () => {
      this.files = this.files.filter((other) => other !== file);
      this.restored.delete(file);
      this.show();
      this.changed();
      (this.list.querySelector(".remove") ?? this.input).focus();
    });
    const name = make("span", { className: "name", title: file.name }, file.name);
    return make("li", {}, this.picture(file), name, make("span", { className: "quiet" }, sizeWords(file.size)), remove);
  }

  picture(file) {
    const ending = make("span", { className: "ending", "aria-hidden": "true" }, file.name.split(".").pop().slice(0, 5));
    if (NO_PICTURE.test(file.name)) return ending;
    const picture = this.isVideo(file)
      ? make("video", { muted: true, preload: "metadata", "aria-hidden": "true" })
      : make("img", { alt: "", decoding: "async" });
    picture.addEventListener("error", () => picture.replaceWith(ending));
    picture.src = file.address ?? URL.createObjectURL(file);
    return picture;
  }
}

/** Take what is dropped on the page or pasted into it. */
export function takeFromAnywhere(chosen) {
  const drop = byId("drop");
  const carriesFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  let inside = 0;
  document.addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    inside += 1;
    drop.classList.add("over");
  });
  document.addEventListener("dragleave", () => {
    inside = Math.max(0, inside - 1);
    if (!inside) drop.classList.remove("over");
  });
  document.addEventListener("dragover", (event) => carriesFiles(event) && event.preventDefault());
  document.addEventListener("drop", (event) => {
    inside = 0;
    drop.classList.remove("over");
    if (!carriesFiles(event)) return;
    event.preventDefault();
    chosen.add([...event.dataTransfer.files]);
  });
  document.addEventListener("paste", (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    if (files.length) event.preventDefault();
    chosen.add(files);
  });
}

const signature = (file) => `${file.name}/${file.size}/${file.lastModified}`;
