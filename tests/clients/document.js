"use strict";
// The snippets of document 002, in its own words: §8.1 to §8.4 and §10.1. Added are the address, the transport, the size and `seen`.

// §10.1 and §8: sign in, order, connect, subscribe, wait. `Stomp` is the old client's, or that of @stomp/stompjs.
async function documented(Stomp, place) {
  const seen = { personal: [], progress: [], result: [] };

  const loginResponse = await fetch(`${place.base}/api/v1/auth/login`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ username: place.username, password: place.md5 }),
  });
  const { token } = (await loginResponse.json()).data;

  const generateResponse = await fetch(`${place.base}/api/v1/generate/text2img`, {
    method: "POST",
    headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
    body: JSON.stringify({ prompt: "一只可爱的猫咪在花园里玩耍 [[slow:4]]", width: 256, height: 256, steps: 30 }),
  });
  const { taskId } = (await generateResponse.json()).data;

  const socket = new SockJS(`${place.base}/ws`, null, { transports: [place.transport] });
  const stompClient = Stomp.over(socket);
  stompClient.debug = () => {};

  stompClient.connect({ Authorization: `Bearer ${token}` }, function (frame) {
    seen.connected = String(frame).split("\n")[0];
    stompClient.subscribe("/user/queue/reply", function (message) {
      seen.personal.push(JSON.parse(message.body));
    });
    stompClient.subscribe("/user/topic/progress", function (message) {
      const progress = JSON.parse(message.body);
      if (progress.taskId === taskId) {
        seen.progress.push(progress);
      }
    });
    stompClient.subscribe("/user/topic/result", function (message) {
      const result = JSON.parse(message.body);
      if (result.taskId === taskId) {
        seen.result.push(result);
      }
    });
    stompClient.send("/app/generate", {}, JSON.stringify({ type: "TEXT2IMG", prompt: "一只可爱的猫咪", width: 256, height: 256 }));
    stompClient.send("/app/task/status", {}, JSON.stringify({ taskId: taskId }));
  });

  await until("the result", () => seen.result.length > 0 && seen.personal.length > 1);
  stompClient.disconnect();
  return { ...seen, taskId };
}

doors.DocumentedOld = class {};
doors.DocumentedModern = class {};
stories.document = (door, place) => documented(door instanceof doors.DocumentedOld ? Stomp : StompJs.Stomp, place);
