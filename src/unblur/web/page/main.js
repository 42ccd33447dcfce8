// The page: choose, restore, see how far it is, look at what came of it.

import { Chosen, takeFromAnywhere } from "./chosen.js";
import { byId, leftWords, make, sentence } from "./dom.js";
import { Results } from "./result.js";
import { cancel, fetched, follow, look, submit } from "./server.js";

const facts = JSON.parse(document.body.dataset.facts);
let running = null; // the name of the job that is followed
let last = null; // the same, and after its end
let sent = []; // what was chosen when it was handed in

const photos = new Chosen(byId("photos"), byId("chosen"), {
  several: true,
  facts,
  changed,
  refuse: complain,
  renewed: () => second.again && second.replace([]), // it was one of another scene
});
const second = new Chosen(byId("reference"), byId("chosen-second"), {
  several: false,
  facts: { ...facts, takesVideos: false },
  changed,
  refuse: complain,
});
const results = new Results(byId("result"), {
  offer,
  changed: (name) => {
    if (last === name && !running) last = null;
    remember();
  },
});
takeFromAnywhere(photos);

byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  restore();
});
byId("example").addEventListener("click", async () => {
  if (running) return;
  const picture = await (await fetch("page/example.jpg")).blob();
  second.replace([]);
  photos.replace([new File([picture], "shaken.jpg", { type: picture.type, lastModified: 0 })]);
  restore();
});
byId("cancel").addEventListener("click", () => running && cancel(running));
byId("strength").addEventListener("input", (event) => {
  byId("strength-said").textContent = `${event.target.value} %`;
});
changed();
const named = new URLSearchParams(location.search).getAll("job");
if (named.length) comeBack(...named);
else offerLast();

/** What was chosen has changed. */
function changed() {
  say();
  byId("drop").classList.toggle("small", photos.files.length > 0);
  byId("video-strength").hidden = !photos.files.some((file) => photos.isVideo(file));
  const count = photos.files.length;
  byId("restore").classList.toggle("plain", count === 0 || photos.again);
  byId("restore").textContent = (count > 1 ? `Restore ${count} photos` : "Restore") + (photos.again ? " again" : "");
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
  sent = [...photos.files, ...second.files];
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

/** The page was loaded anew: what the address names is here again, the newest job first. */
async function comeBack(newest, ...earlier) {
  busy(newest);
  byId("cancel").hidden = true;
  const jobs = await Promise.all(earlier.map((id) => look(id).catch(() => null)));
  for (const job of jobs.reverse()) if (job?.state === "done") results.add(job);
  await watch(newest, (seen) => {
    keep(seen);
    tell(seen);
  });
}

/** Follow a job to its end, and show what came of it. */
async function watch(id, hear = tell) {
  busy(id);
  last = id;
  remember();
  byId("cancel").hidden = false;
  try {
    const job = await follow(id, hear);
    busy(null);
    if (job === null) {
      last = null;
      remember();
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
  photos.add(job.photos.filter((part) => part.source).map(keptFile));
  sent = [...photos.files];
}

const keptFile = ({ name, sent_bytes: size, source }) => ({ name, size, address: source });

/** Somebody came back to the page, without the name of the job in its address. */
async function offerLast() {
  const jobs = await Promise.all(lastJobs().map((id) => look(id).catch(() => null)));
  if (running || photos.files.length) return;
  const here = jobs.filter((job) => ["waiting", "running", "done"].includes(job?.state));
  if (!here.length) return remember();
  const all = here.flatMap((job) => job.photos);
  const what = all.length > 1 ? `Your ${all.length} photos are` : `Your last photo, ${all[0].name}, is`;
  const link = make("a", { id: "last", href: addressOf(here.map((job) => job.id)) }, "Show what came of it");
  say(make("p", {}, `${what} still here. `, link));
}

function lastJobs() {
  try {
    return sessionStorage.getItem("jobs")?.split(" ").filter(Boolean) ?? [];
  } catch {
    return []; // this browser keeps nothing
  }
}

const addressOf = (names) => (names.length ? `?${names.map((id) => `job=${encodeURIComponent(id)}`).join("&")}` : ".");

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
  photos.done(sent);
  second.done(sent);
  if (job.state === "failed" && job.photos.length === 1) return complain(job.error);
  if (job.state === "failed" && job.photos.every((part) => !part.error)) return complain(job.error);
  const result = byId("result");
  results.add(job);
  const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
  result.scrollIntoView({ block: "start", behavior: still ? "auto" : "smooth" });
  result.focus({ preventScroll: true });
}

/** Go to what the verdict on a photo advises: a second shot of it, and of no other. */
function offer(part) {
  const chosen = photos.files;
  const same = chosen.length === 1 && photos.again && chosen[0].name === part.name;
  if (!same && !running) photos.replace([keptFile(part)]);
  byId("options").open = true;
  byId("second-shot").scrollIntoView({ block: "center" });
  byId("reference").focus({ preventScroll: true });
}

function complain(text) {
  byId("status").hidden = true;
  say(make("p", { className: "error", role: "alert" }, text));
}

function say(...lines) {
  byId("said").replaceChildren(...lines);
}

/** The address keeps the names of jobs, so that reloading the page finds them again; so does the tab. */
function remember() {
  const names = [...new Set(last ? [last, ...results.names] : results.names)];
  try {
    sessionStorage.setItem("jobs", names.join(" "));
  } catch {
    // this browser keeps nothing
  }
  history.replaceState(null, "", addressOf(names));
}
