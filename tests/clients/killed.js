"use strict";
// The platform's process is killed while a task runs: what clients that come back by themselves see of it.

const COME_BACK_MS = 500;

// @stomp/stompjs comes back by itself; for the old ones the page does it, as their manuals say.
async function stay(door, welcome, isOver) {
  if (door instanceof doors.Modern) {
    Object.assign(door.client, { reconnectDelay: COME_BACK_MS, onConnect: welcome });
    door.client.activate();
    return;
  }
  while (!isOver()) {
    const count = door.closes.length;
    await door.open().then(welcome, () => {});
    await until("a close", () => isOver() || door.closes.length > count);
    await pause(COME_BACK_MS);
  }
}

// Everything is asked for that came after the last number that was seen.
function subscribeSince(door) {
  const number = door.lastNumber();
  for (const name of ["reply", "progress", "result"]) {
    door.subscribe(name, { receipt: `subscribed-${name}`, ...(number ? { "last-event-id": String(number) } : {}) });
  }
}

stories.killed = async (door, place) => {
  let isOver = false;
  let count = 0;
  const welcome = () => {
    count += 1;
    subscribeSince(door);
  };
  const staying = stay(door, welcome, () => isOver);
  await until("the first connection's receipts", () => door.receipts.length >= 3); // from here on nothing may be missed
  await place.all("connected");
  const taskId = await orderOnce(place, "killed", "雪山上的日出 [[slow:8]]");
  await until("progress", () => door.about(taskId).some((one) => one.body.progress > 0));
  await place.all("begun");
  const wasRunning = !door.hasResult(taskId);
  await until("the result", () => door.hasResult(taskId));
  await place.all("returned");
  const later = await orderOnce(place, "later", "清晨的湖面");
  await until("the later result", () => door.hasResult(later));
  const seen = { told: door.about(taskId), later: door.about(later), isInOrder: isInOrder(door) };
  const found = { wasRunning, ...seen, count, closes: [...door.closes] };
  isOver = true;
  await door.leave();
  await staying;
  return found;
};
