// What the page asks of its server: docs/web-server.md describes the interface.

const POLL_MS = 400;

/** Hand a form in; `sent` hears which share of it has gone. The job, or an Error with one line. */
export function submit(form, sent) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest(); // fetch does not tell how much has been sent
    request.open("POST", "api/jobs");
    request.responseType = "json";
    request.upload.onprogress = (event) => event.lengthComputable && sent(event.loaded / event.total);
    request.onerror = () => reject(new Error("The server cannot be reached. Does it still run?"));
    request.onload = () =>
      request.status === 202 ? resolve(request.response) : reject(refusal(request.status, request.response));
    request.send(form);
  });
}

/** The job of this name; null if there is none, or no more. */
export async function look(id) {
  const answer = await ask(`api/jobs/${encodeURIComponent(id)}`);
  if (answer.status === 404) return null;
  if (!answer.ok) throw refusal(answer.status, await read(answer));
  return answer.json();
}

/** Wait until a job has ended; `hear` gets it every time it was looked at. */
export async function follow(id, hear) {
  for (let failures = 0; ; ) {
    let job;
    try {
      job = await look(id);
      failures = 0;
    } catch (error) {
      failures += 1;
      if (failures > 10) throw error;
      job = undefined; // a phone that changes its network comes back
    }
    if (job === null) return null;
    if (job !== undefined) {
      hear(job);
      if (["done", "failed", "cancelled"].includes(job.state)) return job;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Restore one photo of a job once more, with another strength from 0 to 1: a job of its own. */
export async function again(id, index, strength) {
  const body = new FormData();
  body.append("strength", String(strength));
  const answer = await ask(`api/jobs/${id}/photos/${index}/again`, { method: "POST", body });
  if (answer.status !== 202) throw refusal(answer.status, await read(answer));
  return answer.json();
}

/** A file that was chosen, or the bytes of one that the server has kept. */
export async function fetched(file) {
  if (!file.address) return file;
  const answer = await ask(file.address);
  if (!answer.ok) throw new Error(`${file.name} is not on the server any more; choose it again.`);
  return answer.blob();
}

export const cancel = (id) => ask(`api/jobs/${id}`, { method: "DELETE" });

async function ask(address, options) {
  try {
    return await fetch(address, options);
  } catch {
    throw new Error("The server cannot be reached. Does it still run?");
  }
}

async function read(answer) {
  try {
    return await answer.json();
  } catch {
    return null;
  }
}

function refusal(status, facts) {
  if (status === 404) return new Error("There is no such result here: it has been deleted, or its address is wrong. Restore the photo again.");
  if (status === 501) return new Error("This server cannot do that: a part that it needs is not installed.");
  return new Error(facts?.error ?? `The server refused it (${status}).`);
}
