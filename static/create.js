/* The bench, live: price at once, uploads, one task replaced at a time. Without it the pages work by themselves. */
"use strict";
(() => {
  const form = document.getElementById("make");
  const words = document.getElementById("words")?.dataset || {};
  const said = document.getElementById("said");
  const figures = (number) => (number < 0 ? "−" : "") + Math.abs(number).toLocaleString("en-US");
  const page = async (address, options) => {
    const answer = await fetch(address, { credentials: "same-origin", headers: { "X-Requested-With": "fetch" }, ...options });
    if (answer.redirected && new URL(answer.url).pathname === "/sign-in") location.assign(answer.url);
    return { answer, tree: new DOMParser().parseFromString(await answer.text(), "text/html") };
  };
  const swap = (tree, selector) => {
    const fresh = tree.querySelector(selector);
    const stale = document.querySelector(selector);
    if (!fresh || !stale) return;
    const focused = stale.contains(document.activeElement) ? document.activeElement : null;
    stale.replaceWith(fresh);
    window.atelier.dress(fresh);
    if (focused?.id) document.getElementById(focused.id)?.focus();
  };
  const isPlaying = () => [...document.querySelectorAll("#bench video")].some((video) => !video.paused);

  /* --- tasks ------------------------------------------------------------------------------------ */
  const bench = () => document.querySelector("[data-live]");
  const open = () => [...document.querySelectorAll("[data-task]")].filter((task) => ["PENDING", "RUNNING"].includes(task.dataset.state));
  const asking = new Set();
  let isSilent = false;

  const refresh = async () => {
    const { answer, tree } = await page(location.href);
    if (!answer.ok) return;
    for (const part of ["#bench", ".purse"]) swap(tree, part);
    if (form) {
      form.dataset.before = tree.getElementById("make")?.dataset.before ?? form.dataset.before;
      price();
    }
  };
  const finished = (fresh) => {
    const template = document.getElementById("toast");
    if (!template || fresh.dataset.state !== "SUCCEEDED") return;
    document.querySelector(".toast.fly")?.remove();
    const toast = template.content.firstElementChild.cloneNode(true);
    toast.querySelector("span").textContent = fresh.dataset.announce;
    toast.querySelector("a").href = `/tasks/${fresh.dataset.task}`;
    document.body.append(toast);
    let timer = 0;
    const leave = () => {
      timer = setTimeout(() => toast.remove(), 8000);
    };
    for (const name of ["mouseenter", "focusin"]) toast.addEventListener(name, () => clearTimeout(timer));
    for (const name of ["mouseleave", "focusout"]) toast.addEventListener(name, leave);
    leave();
  };
  const look = async (task) => {
    const id = task.dataset.task;
    if (asking.has(id)) return;
    asking.add(id);
    try {
      const { answer, tree } = await page(task.dataset.url);
      const fresh = tree.querySelector("[data-task]");
      const stale = document.getElementById(`task-${id}`);
      if (!answer.ok || !fresh || !stale) return;
      isSilent = false;
      const before = stale.dataset.state;
      if (stale.contains(document.activeElement) && before === fresh.dataset.state) {
        /* somebody is about to press a button in it: change only the figures */
        for (const part of ["progress", ".tag.now", ".steps", ".num"]) {
          const [to, from] = [stale.querySelector(part), fresh.querySelector(part)];
          if (to && from) to.replaceWith(from);
        }
      } else stale.replaceWith(fresh);
      if (before === fresh.dataset.state) return;
      if (said) said.textContent = fresh.dataset.announce;
      finished(fresh);
      if (!isPlaying()) await refresh();
    } catch {
      if (!isSilent && said && words.lost) said.textContent = words.lost;
      isSilent = true;
      document.querySelector(`#task-${CSS.escape(id)} progress`)?.removeAttribute("value");
    } finally {
      asking.delete(id);
    }
  };
  const tick = () => {
    tune();
    if (!document.hidden) open().forEach(look);
  };
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
  /* The stream tells of changes at once; it stands only while something is open, because a browser has few connections. */
  let stream = null;
  const hear = (event) => {
    try {
      const task = document.getElementById(`task-${JSON.parse(event.data).task_id}`);
      if (task) look(task);
    } catch {
      /* not for us */
    }
  };
  const tune = () => {
    const isWanted = window.EventSource && !document.hidden && open().length > 0;
    if (!isWanted) {
      stream?.close();
      stream = null;
    } else if (!stream) {
      stream = new EventSource("/api/v1/events");
      for (const kind of ["started", "progress", "completed", "failed", "cancelled", "late"]) stream.addEventListener(`task.${kind}`, hear);
    }
  };
  window.addEventListener("pagehide", () => stream?.close());

  /* Cancel and retry: the same form, answered without leaving the page. */
  document.addEventListener("submit", async (event) => {
    const small = event.target.closest("form[data-swap]");
    if (!small || event.defaultPrevented) return;
    event.preventDefault();
    const body = new FormData(small, event.submitter);
    body.set("next", location.pathname + location.search);
    const { answer, tree } = await page(small.action, { method: "POST", body }).catch(() => ({ answer: { ok: false } }));
    if (!answer.ok) return location.reload();
    document.querySelector(".notices")?.remove();
    const notices = tree.querySelector(".notices");
    if (notices) document.getElementById("main").prepend(notices);
    for (const part of ["#bench", ".purse"]) swap(tree, part);
  });

  if (!form) return;

  /* Where the kinds are wider than the window, the one that is meant stands in it. */
  const meant = document.querySelector(".kinds [aria-current]");
  const row = meant?.parentElement;
  if (row && row.scrollWidth > row.clientWidth) row.scrollLeft = meant.offsetLeft - row.offsetLeft - (row.clientWidth - meant.offsetWidth) / 2;

  /* --- price ------------------------------------------------------------------------------------ */
  let latest = 0;
  const put = (selector, text) => {
    const place = form.querySelector(selector);
    if (place) place.textContent = text;
  };
  const guess = () => {
    const prices = JSON.parse(form.dataset.prices);
    const chosen = form.querySelector(`[name=${form.dataset.choice}]:checked`)?.value;
    if (form.dataset.unit === "second" || !(chosen in prices)) return;
    const [before, cost] = [Number(form.dataset.before), prices[chosen]];
    put("[data-before]", figures(before));
    put("[data-cost]", figures(-cost));
    put("[data-after]", figures(before - cost));
    put("[data-price]", (cost === 1 ? words.one : words.many).replace(/\d+/, figures(cost)));
    form.elements.quoted.value = cost;
  };
  const price = async () => {
    guess();
    const turn = ++latest;
    const asked = new FormData(form);
    for (const name of ["csrfmiddlewaretoken", "prompt", "image", "video", "token", "quoted"]) asked.delete(name);
    const { answer, tree } = await page(`${form.dataset.quote}?${new URLSearchParams(asked)}`).catch(() => ({ answer: { ok: false } }));
    if (!answer.ok || turn !== latest) return;
    const quote = tree.querySelector("[data-quote-cost]");
    swap(tree, "#receipt");
    put("[data-price]", quote.dataset.quotePrice);
    form.elements.quoted.value = quote.dataset.quoteCost;
    form.querySelector(".go").toggleAttribute("data-short", quote.dataset.quoteEnough !== "1");
    form.querySelector(".go").setAttribute("aria-disabled", String(quote.dataset.quoteEnough !== "1"));
  };
  form.addEventListener("change", (event) => {
    if (event.target.type === "radio") price();
  });

  /* --- prompt ----------------------------------------------------------------------------------- */
  const prompt = form.elements.prompt;
  const count = () => put("[data-count]", figures([...prompt.value].length));
  if (prompt) {
    prompt.addEventListener("input", count);
    count();
  }

  /* --- uploads ---------------------------------------------------------------------------------- */
  const upload = (field, file) => {
    const drop = field.querySelector(".drop");
    const bar = field.querySelector("progress");
    const text = field.querySelector("[data-text]");
    const hint = field.querySelector("[data-hint]");
    const input = field.querySelector("input[type=file]");
    const asset = field.querySelector("input[type=hidden]");
    const refuse = (why) => {
      drop.classList.add("error");
      bar.hidden = true;
      hint.textContent = why;
      asset.value = "";
      input.setAttribute("aria-invalid", "true");
      if (said) said.textContent = why;
    };
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
    body.append("name", input.name);
    body.append("file", file);
    drop.classList.remove("error");
    input.removeAttribute("aria-invalid");
    delete field.dataset.rest;
    text.textContent = file.name;
    hint.textContent = words.sending;
    bar.hidden = false;
    bar.value = 0;
    request.open("POST", field.dataset.drop);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      bar.value = (100 * event.loaded) / (event.total || 1);
    });
    request.addEventListener("error", () => refuse(words.failed));
    request.addEventListener("load", () => {
      const answer = request.response || {};
      if (request.status !== 201) return refuse(answer.error || words.failed);
      bar.hidden = true;
      input.value = "";
      asset.value = answer.uuid;
      hint.textContent = answer.note;
      const media = document.createElement("span");
      media.className = `media ${answer.shape}`;
      if (answer.poster) media.append(Object.assign(new Image(), { src: answer.poster, alt: "" }));
      field.querySelector(".drop > .icon, .drop > .media").replaceWith(media);
      price();
    });
    request.send(body);
  };
  /* What the server says of a file stands beside its drop zone. */
  const tell = (field, theirs) => {
    const input = field.querySelector("input[type=file]");
    const isWrong = theirs?.getAttribute("aria-invalid") === "true";
    field.querySelector(".drop").classList.toggle("error", isWrong);
    input.removeAttribute("aria-invalid");
    const hint = field.querySelector("[data-hint]");
    if (isWrong) {
      input.setAttribute("aria-invalid", "true");
      field.dataset.rest ??= hint.textContent;
      hint.textContent = theirs.closest(".drop").querySelector("[data-hint]").textContent;
    } else if (field.dataset.rest) {
      hint.textContent = field.dataset.rest;
      delete field.dataset.rest;
    }
  };
  const fields = [...form.querySelectorAll("[data-drop]")];
  for (const field of fields) {
    const drop = field.querySelector(".drop");
    const text = field.querySelector("[data-text]");
    const rest = text.innerHTML;
    field.querySelector("input[type=file]").addEventListener("change", (event) => event.target.files[0] && upload(field, event.target.files[0]));
    drop.addEventListener("dragover", (event) => {
      event.preventDefault();
      drop.dataset.over = "";
      text.textContent = words.over;
    });
    drop.addEventListener("dragleave", () => {
      delete drop.dataset.over;
      text.innerHTML = rest;
    });
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      delete drop.dataset.over;
      if (event.dataTransfer.files[0]) upload(field, event.dataTransfer.files[0]);
      else text.innerHTML = rest;
    });
  }
  document.addEventListener("paste", (event) => {
    const file = event.clipboardData?.files[0];
    const field = file && fields.find((one) => one.querySelector("input[type=file]").accept.includes(file.type));
    if (field) upload(field, file);
  });

  /* --- submit: the same page comes back, and its new parts take their places -------------------- */
  form.addEventListener("submit", async (event) => {
    if (event.defaultPrevented) return;
    const button = form.querySelector(".go");
    event.preventDefault();
    event.stopPropagation();
    if (button.getAttribute("aria-busy") === "true") return;
    button.setAttribute("aria-busy", "true");
    try {
      const { answer, tree } = await page(form.action, { method: "POST", body: new FormData(form) });
      /* a refusal, whatever its status, is told in the form; a page without one is for the browser to show */
      if (!tree.getElementById("make")) return form.submit();
      document.getElementById("problem")?.remove();
      const problem = tree.getElementById("problem");
      if (problem) form.prepend(problem);
      for (const field of fields) tell(field, problem && tree.querySelector(`[name=${field.querySelector("input[type=file]").name}]`));
      for (const part of ["#bench", ".purse", "#receipt"]) swap(tree, part);
      const fresh = tree.getElementById("make");
      form.elements.token.value = fresh.elements.token.value;
      form.elements.quoted.value = fresh.elements.quoted.value;
      form.dataset.before = fresh.dataset.before;
      put("[data-price]", fresh.querySelector("[data-price]").textContent);
      if (problem || answer.status === 422) return form.querySelector("[aria-invalid=true],#problem a,.go")?.focus();
      const made = open()[0];
      if (said && made) said.textContent = made.dataset.announce;
      if (matchMedia("(max-width: 51.99rem)").matches) bench().scrollIntoView({ behavior: "smooth" });
    } catch {
      form.submit();
    } finally {
      button.removeAttribute("aria-busy");
    }
  });
})();
