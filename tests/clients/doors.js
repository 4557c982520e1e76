"use strict";
// The stock clients of /ws under one face; each is opened and used in its own words. Runs in node and in Chromium.

const DESTINATIONS = { reply: "/user/queue/reply", progress: "/user/topic/progress", result: "/user/topic/result" };
const isRaw = (transport) => transport.startsWith("/");
const bearer = (token) => ({ Authorization: `Bearer ${token}` });

function socketOf(base, transport, protocols) {
  if (isRaw(transport)) return new WebSocket(base.replace("http", "ws") + transport, protocols);
  return new SockJS(`${base}/ws`, null, { transports: [transport] });
}

async function until(what, isTrue, seconds = 120) {
  const deadline = Date.now() + seconds * 1000;
  while (!isTrue()) {
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((wake) => setTimeout(wake, 20));
  }
}

class Door {
  constructor(base, transport, token) {
    Object.assign(this, { base, transport, token });
    Object.assign(this, { heard: [], receipts: [], beats: 0, closes: [], subscriptions: {} });
  }

  hear(on, message) {
    const body = JSON.parse(message.body);
    const number = Number(message.headers["event-id"]);
    this.heard.push({ on, number, type: body.type, taskId: body.taskId, body });
  }

  about(taskId) {
    return this.heard.filter((one) => one.taskId === taskId);
  }

  hasResult(taskId) {
    return this.heard.some((one) => one.on === "result" && one.taskId === taskId);
  }

  replies() {
    return this.heard.filter((one) => one.on === "reply" && one.type !== "status");
  }

  lastNumber() {
    return this.heard.reduce((highest, one) => Math.max(highest, one.number), 0);
  }

  watch(socket) {
    this.socket = socket;
    socket.addEventListener("close", (event) => this.noticeClose(event));
    socket.addEventListener("error", () => {}); // node's WebSocket throws when nobody listens; the close follows
    return socket;
  }

  noticeClose(event) {
    this.closes.push({ code: event.code, reason: String(event.reason) });
  }

  notice(line) {
    if (String(line).startsWith("<<< PONG")) this.beats += 1;
  }

  subscribe(name, headers = {}) {
    this.subscriptions[name] = this.client.subscribe(DESTINATIONS[name], (message) => this.hear(name, message), headers);
  }

  unsubscribe(name) {
    this.subscriptions[name].unsubscribe();
  }

  drop() {
    this.socket.close();
    return this.untilClosed();
  }

  untilClosed() {
    return until("the close", () => this.closes.length > 0);
  }
}

class Modern extends Door {
  // @stomp/stompjs: a Client with a broker's address, or with SockJS as its socket. `more` is its own configuration.
  constructor(base, transport, token, more = {}) {
    super(base, transport, token);
    const factory = () => (this.socket = socketOf(base, transport));
    this.client = new StompJs.Client({
      ...(isRaw(transport) ? { brokerURL: base.replace("http", "ws") + transport } : { webSocketFactory: factory }),
      connectHeaders: bearer(token),
      reconnectDelay: 0,
      debug: (line) => this.notice(line),
      onUnhandledReceipt: (frame) => this.receipts.push(frame.headers["receipt-id"]),
      onDisconnect: (frame) => this.receipts.push(frame.headers["receipt-id"]),
      onWebSocketClose: (event) => this.noticeClose(event),
      ...more,
    });
  }

  open() {
    return new Promise((resolve, reject) => {
      this.client.onConnect = (frame) => resolve(frame.headers);
      this.client.onStompError = (frame) => reject(new Error(frame.headers.message));
      this.client.activate();
    });
  }

  send(destination, body) {
    this.client.publish({ destination, body: JSON.stringify(body) });
  }

  drop() {
    return this.client.deactivate({ force: true });
  }

  leave() {
    return this.client.deactivate();
  }
}

class Old extends Door {
  // stompjs 2.3.3, as the document writes it.
  make() {
    const client = Stomp.over(this.watch(socketOf(this.base, this.transport, ["v10.stomp", "v11.stomp"])));
    client.debug = (line) => this.notice(line);
    return client;
  }

  open() {
    this.client = this.make();
    this.client.onreceipt = (frame) => this.receipts.push(frame.headers["receipt-id"]);
    return new Promise((resolve, reject) => {
      const failed = (frame) => reject(new Error(frame.headers ? frame.headers.message : "closed"));
      this.client.connect(bearer(this.token), (frame) => resolve(frame.headers), failed);
    });
  }

  send(destination, body) {
    this.client.send(destination, {}, JSON.stringify(body));
  }

  leave() {
    this.client.disconnect(() => this.receipts.push("disconnected"), {});
    return this.untilClosed();
  }
}

class Webstomp extends Old {
  make() {
    const client = webstomp.over(this.watch(socketOf(this.base, this.transport, ["v12.stomp"])));
    client.debug = (line) => this.notice(line);
    return client;
  }

  send(destination, body) {
    this.client.send(destination, JSON.stringify(body), {});
  }
}

globalThis.doors = { Modern, Old, Webstomp };
globalThis.until = until;
globalThis.socketOf = socketOf;
