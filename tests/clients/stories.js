"use strict";
// What people do through the doors, step by step; each story answers with what was seen. Runs in node and in Chromium.

const PAUSE_MS = 300;
const pause = (ms = PAUSE_MS) => new Promise((wake) => setTimeout(wake, ms));

async function asked(place, path, options = {}) {
  const headers = { Authorization: `Bearer ${place.token}`, "Content-Type": "application/json" };
  const response = await fetch(`${place.base}/api/v1${path}`, { ...options, headers });
  const answer = await response.json();
  if (answer.code !== 200) throw new Error(`${path}: ${JSON.stringify(answer)}`);
  return answer.data;
}

const picture = (prompt) => ({ prompt, width: 256, height: 256, steps: 20 });

async function order(place, prompt) {
  const body = JSON.stringify(picture(prompt));
  return (await asked(place, "/generate/text2img", { method: "POST", body })).taskId;
}

async function orderBySend(door, prompt) {
  const count = door.replies().length;
  door.send("/app/generate", { type: "TEXT2IMG", ...picture(prompt) });
  await until("the reply", () => door.replies().length > count);
  return door.replies()[count].taskId;
}

// One task for all the doors of a process: `key` names it.
const ordered = {};
const orderOnce = (place, key, prompt) => (ordered[key] ||= order(place, prompt));

async function untilEnded(place, taskId) {
  while (!["COMPLETED", "FAILED"].includes((await asked(place, `/tasks/${taskId}`)).status)) await pause();
}

// On every destination the numbers of what was told never go back.
function isInOrder(door) {
  const newest = {};
  return door.heard.every(({ on, number }) => number >= (newest[on] || 0) && (newest[on] = number));
}

async function subscribeAll(door, headers = {}) {
  for (const name of ["reply", "progress", "result"]) door.subscribe(name, { receipt: `subscribed-${name}`, ...headers });
  await until("three receipts", () => door.receipts.length >= 3);
}

const stories = {
  // Connect, subscribe, order by REST and by SEND, ask for the state, unsubscribe, disconnect.
  async pictures(door, place) {
    const connected = await door.open();
    await subscribeAll(door);
    const receipts = [...door.receipts];
    const carrier = door.socket ? door.socket.transport : null;
    const byRest = await order(place, "一只可爱的猫咪 [[slow:2]]");
    await until("the result", () => door.hasResult(byRest));
    door.send("/app/task/status", { taskId: byRest });
    await until("the state", () => door.heard.some((one) => one.type === "status"));
    const bySend = await orderBySend(door, "一只可爱的猫咪");
    await until("the result of SEND", () => door.hasResult(bySend));
    door.unsubscribe("progress");
    const unwatched = await orderBySend(door, "美丽的风景画");
    await until("the last result", () => door.hasResult(unwatched));
    const told = { byRest: door.about(byRest), bySend: door.about(bySend), unwatched: door.about(unwatched), isInOrder: isInOrder(door) };
    await door.leave();
    return { connected, carrier, receipts, ...told, farewell: door.receipts.slice(3), closes: door.closes };
  },

  // A token that is none.
  async refused(door) {
    const words = await door.open().then(() => "connected", (error) => error.message);
    await door.untilClosed();
    return { words, closes: door.closes, heard: door.heard };
  },

  // Cut off in the middle of a task; back when it has ended, with the last number that was seen.
  async replayed(door, place, make) {
    await door.open();
    await subscribeAll(door);
    await place.all("connected");
    const taskId = await orderOnce(place, "replayed", "海边的日落 [[slow:8]]");
    await until("the start", () => door.about(taskId).length >= 2);
    await door.drop();
    const before = door.about(taskId);
    await untilEnded(place, taskId);
    const again = make();
    await again.open();
    const last = door.lastNumber();
    await subscribeAll(again, { "last-event-id": String(last) });
    await until("what was missed", () => again.hasResult(taskId));
    await pause();
    const after = again.about(taskId);
    await again.leave();
    return { before, after, last, closes: door.closes };
  },

  // Nothing happens but the beats of both hearts; the clients hang up when two of the server's are missing.
  async idle(door, place) {
    const connected = await door.open();
    await pause(place.idleMs);
    await until("two beats", () => door.beats >= 2); // the second one is due before; a busy machine may be late
    const found = { connected, beats: door.beats, closes: [...door.closes] };
    await door.leave();
    return found;
  },
};

globalThis.stories = stories;
Object.assign(globalThis, { order, orderOnce, isInOrder, pause });
