// The page: choose, restore, see how far it is, look at what came of it.

import { Chosen, takeFromAnywhere } from "./chosen.js";
import { byId, leftWords, make, sentence } from "./dom.js";
import { resultOf } from "./result.js";
import { cancel, fetched, follow, look, submit } from "./server.js";

const facts = JSON.parse(document.body.dataset.facts);
let running = null; // the name of the job that is followed

const photos = new Chosen(byId("photos"), byId("chosen"), { several: true, facts, changed, refuse: complain });
const second = new Chosen(byId("reference"), byId("chosen-second"), {
  several: false,
  facts: { ...facts, takesVideos: false },
  changed,
  refuse: complain,
});
takeFromAnywhere(photos);

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  restore();
});
byId("example").addEventListener("click", async () => {
  if (running) return;
  const picture = await (await fetch("page/example.jpg")).blob();
  photos.clear();
  second.clear();
  photos.add([new File([picture], "shaken.jpg", { type: picture.type, lastModified: 0 })]);
  restore();
});
byId("cancel").addEventListener("click", () => running && cancel(running));
byId("strength").addEventListener("input", (event) => {
  byId("strength-said").textContent = `${event.target.value} %`;
});
changed();
const named = new URLSearchParams(location.search).get("job");
if (named) watch(named);
else offerLast();

/** What was chosen has changed. */
function changed() {
  say();
  byId("drop").classList.toggle("small", photos.files.length > 0);
  byId("video-strength").hidden = !photos.files.some((file) => photos.isVideo(file));
  const count = photos.files.length;
  byId("restore").classList.toggle("plain", count === 0);
  byId("restore").textContent = count > 1 ? `Restore ${count} photos` : "Restore";
}

/** What is being done: the name of a job, or that photos are being sent; null when nothing is. */
function busy(doing) {
  running = doing;
  const button = byId("restore");
  if (doing && document.activeElement === button) byId("status").focus();
  button.disabled = running !== null;
}

async function restore() {
  if (running) return;
  if (!photos.files.length) return complain("No photo was given; choose one.");
  const form = new FormData();
  const video = photos.isVideo(photos.files[0]);
  try {
    for (const file of photos.files) form.append("photo", await fetched(file), file.name);
  } catch (error) {
    return complain(error.message);
  }
  for (const file of second.files) form.append("reference", file, file.name);
  form.append("reference_is", document.querySelector("input[name=kind]:checked").value);
  form.append("model", byId("model").value);
  form.append("guard", byId("guard").checked);
  form.append("strength", video ? byId("strength").value / 100 : 1);
  say();
  byId("result").hidden = true;
  progress("Sending …", 0);
  busy("sending");
  byId("cancel").hidden = true;
  try {
    const job = await submit(form, (share) => progress(`Sending, ${Math.round(100 * share)} % …`, share));
    byId("bar").value = 0; // of the work; so far it was the bar of what is sent
    await watch(job.id);
  } catch (error) {
    busy(null);
    complain(error.message);
  }
}

/** Follow a job to its end, and show what came of it. */
async function watch(id) {
  busy(id);
  remember(id);
  byId("cancel").hidden = false;
  try {
    const job = await follow(id, (seen) => {
      keep(seen);
      tell(seen);
    });
    busy(null);
    if (job === null) {
      remember("");
      complain("There is no such result here: it has been deleted, or its address is wrong. Restore the photo again.");
    } else finish(job);
  } catch (error) {
    busy(null);
    complain(error.message);
  }
}

function tell(job) {
  if (job.state === "waiting") {
    const before = job.position ? `${job.position} before you` : "you are next";
    return progress(`Waiting, ${before} …`, 0);
  }
  if (job.state !== "running") return;
  const count = job.photos.length;
  const ended = job.photos.filter((part) => ["done", "failed"].includes(part.doing)).length;
  const now = job.photos.find((part) => !["done", "failed", "waiting"].includes(part.doing));
  let text = now ? `${now.name}: ${now.doing}` : "Starting";
  if (now?.stage) text += `, step ${now.stage} of ${now.stages}`;
  if (count > 1) text = `${Math.min(ended + 1, count)} of ${count}: ${text}`;
  const left = leftWords(job.left_s);
  progress(left ? `${text}. ${sentence(left)}.` : `${text}.`, job.share);
}

/** A page that was loaded anew has its photos again, from the server. */
function keep(job) {
  if (photos.files.length) return;
  const kept = job.photos.filter((part) => part.source);
  if (kept.length) photos.add(kept.map(({ name, sent_bytes: size, source }) => ({ name, size, address: source })));
}

/** Somebody came back to the page, without the name of the job in its address. */
async function offerLast() {
  const id = lastJob();
  if (!id) return;
  const job = await look(id).catch(() => null);
  if (running || photos.files.length) return;
  if (job === null || !["waiting", "running", "done"].includes(job.state)) return remember("");
  const count = job.photos.length;
  const what = count > 1 ? `Your ${count} photos are` : `Your last photo, ${job.photos[0].name}, is`;
  const link = make("a", { id: "last", href: `?job=${encodeURIComponent(id)}` }, "Show what came of it");
  say(make("p", {}, `${what} still here. `, link));
}

function lastJob() {
  try {
    return sessionStorage.getItem("job");
  } catch {
    return null; // this browser keeps nothing
  }
}

function progress(text, share) {
  const bar = byId("bar");
  const fresh = byId("status").hidden;
  byId("status").hidden = false;
  byId("doing").textContent = text;
  // What is expected changes a little while one looks; the bar never goes back.
  bar.value = fresh ? share : Math.max(share, bar.value);
  if (fresh) byId("status").scrollIntoView({ block: "nearest" });
}

function finish(job) {
  byId("status").hidden = true;
  if (job.state === "cancelled") return say(make("p", {}, "Cancelled; nothing is kept of it."));
  if (job.state === "failed" && job.photos.length === 1) return complain(job.error);
  if (job.state === "failed" && job.photos.every((part) => !part.error)) return complain(job.error);
  const result = byId("result");
  result.replaceChildren(...resultOf(job, offer));
  result.hidden = false;
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  result.scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
  result.focus({ preventScroll: true });
}

/** Go to what a verdict advises. */
function offer() {
  byId("options").open = true;
  byId("second-shot").scrollIntoView({ block: "center" });
  byId("reference").focus({ preventScroll: true });
  if (!photos.files.length) say(make("p", {}, "Choose the photo once more, too: this page was loaded anew."));
}

function complain(text) {
  byId("status").hidden = true;
  say(make("p", { className: "error", role: "alert" }, text));
}

function say(...lines) {
  byId("said").replaceChildren(...lines);
}

/** The address keeps the name of the job, so that reloading the page finds it again; so does the tab. */
function remember(id) {
  try {
    sessionStorage.setItem("job", id);
  } catch {
    // this browser keeps nothing
  }
  history.replaceState(null, "", id ? `?job=${encodeURIComponent(id)}` : ".");
}
