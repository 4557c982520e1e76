"use strict";
// `node node.js '<plan>'`: every case of the plan at once. Writes the name of each point that all of them have reached,
// then one line of JSON: what each case saw, in the plan's order.

globalThis.SockJS = require("sockjs-client");
globalThis.StompJs = require("@stomp/stompjs");
globalThis.Stomp = require("stompjs");
globalThis.webstomp = require("webstomp-client");
globalThis.WebSocket = require("ws");
console.log = console.warn = () => {}; // old clients talk; only the answer is to be read here
require("./doors.js");
require("./stories.js");
require("./killed.js");
require("./document.js");

const place = JSON.parse(process.argv[2]);
const reached = {};

place.all = async (point) => {
  reached[point] = (reached[point] || 0) + 1;
  if (reached[point] === place.cases.length) process.stdout.write(`${point}\n`);
  await until(`all to be ${point}`, () => reached[point] >= place.cases.length);
};

async function seen(one) {
  const make = () => new doors[one.client](place.base, one.transport, one.story === "refused" ? place.wrongToken : place.token);
  try {
    return { ...one, ...(await stories[one.story](make(), { ...place, ...one }, make)) };
  } catch (error) {
    return { ...one, error: error.stack };
  }
}

Promise.all(place.cases.map(seen)).then((found) => {
  process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit(0));
});
