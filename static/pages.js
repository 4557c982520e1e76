/* What every page does a little sooner with a script: players, copy buttons, menus, double clicks. */
"use strict";
(() => {
  const clock = (seconds) => {
    const whole = Number.isFinite(seconds) ? Math.floor(seconds) : 0;
    return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
  };
  const faces = (button, on) => {
    const [rest, active] = button.querySelectorAll(":scope > span");
    rest.hidden = on;
    active.hidden = !on;
  };

  const player = (figure) => {
    const video = figure.querySelector("video");
    const template = figure.querySelector("template");
    if (!video || !template) return;
    const parts = template.content.cloneNode(true);
    const big = parts.querySelector(".big");
    const fault = parts.querySelector(".fault");
    const bar = parts.querySelector(".controls");
    const play = bar.querySelector("[data-do=play]");
    const mute = bar.querySelector("[data-do=mute]");
    const range = bar.querySelector("input");
    const time = bar.querySelector("time");
    const media = figure.querySelector(".media");
    const rest = play.getAttribute("aria-label");
    const length = () => (Number.isFinite(video.duration) ? video.duration : Number(video.dataset.durationMs || 0) / 1000);
    const show = () => {
      range.value = length() ? Math.round((video.currentTime / length()) * 1000) : 0;
      range.setAttribute("aria-valuetext", clock(video.currentTime));
      time.textContent = `${clock(video.currentTime)} / ${clock(Math.round(length()))}`;
    };
    const toggle = () => (video.paused ? video.play().catch(() => {}) : video.pause());

    fault.remove();
    media.append(big);
    figure.append(bar);
    template.remove();
    video.controls = false;
    show();
    video.addEventListener("click", toggle);
    big.addEventListener("click", () => {
      toggle();
      play.focus({ preventScroll: true });
    });
    play.addEventListener("click", toggle);
    mute.addEventListener("click", () => {
      video.muted = !video.muted;
    });
    bar.querySelector("[data-do=full]").addEventListener("click", () => (document.fullscreenElement ? document.exitFullscreen() : figure.requestFullscreen()));
    range.addEventListener("input", () => {
      video.currentTime = (range.value / 1000) * length();
    });
    video.addEventListener("volumechange", () => {
      faces(mute, video.muted);
      mute.setAttribute("aria-pressed", String(video.muted));
    });
    for (const name of ["play", "pause", "ended"]) {
      video.addEventListener(name, () => {
        big.hidden = !video.paused;
        faces(play, !video.paused);
        play.setAttribute("aria-label", video.paused ? rest : play.dataset.on);
      });
    }
    for (const name of ["timeupdate", "loadedmetadata", "seeked"]) video.addEventListener(name, show);
    video.addEventListener("waiting", () => play.setAttribute("aria-busy", "true"));
    video.addEventListener("playing", () => play.removeAttribute("aria-busy"));
    video.addEventListener("error", () => {
      const at = video.currentTime;
      fault.querySelector(".num").textContent = clock(at);
      big.hidden = true;
      media.append(fault);
      fault.querySelector("button").onclick = () => {
        fault.remove();
        video.load();
        video.currentTime = at;
        video.play().catch(() => {});
      };
    });
  };

  /* In a hang the picture stands alone until somebody plays it. */
  const inline = (video) => {
    video.controls = false;
    video.addEventListener("click", () => {
      if (video.controls) return;
      video.controls = true;
      video.play().catch(() => {});
    });
    video.addEventListener("ended", () => {
      video.controls = false;
      video.load();
    });
  };

  const copier = (button) => {
    const words = button.querySelector("span");
    const rest = words.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent.trim());
      words.textContent = button.dataset.copied;
      words.setAttribute("role", "status");
      setTimeout(() => {
        words.textContent = rest;
      }, 2000);
    });
  };

  const dress = (root) => {
    root.querySelectorAll("figure.player").forEach(player);
    root.querySelectorAll("video[data-inline]").forEach(inline);
    if (navigator.clipboard) root.querySelectorAll("[data-copy]").forEach(copier);
  };
  window.atelier = { dress };
  dress(document);

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });
  /* A second click while the first is on its way does nothing; the server refuses doubles anyway. */
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.defaultPrevented || !button || button.name === "theme") return;
    if (button.getAttribute("aria-busy") === "true") event.preventDefault();
    else button.setAttribute("aria-busy", "true");
  });
  window.addEventListener("pageshow", () => document.querySelectorAll(".btn[aria-busy=true]").forEach((button) => button.removeAttribute("aria-busy")));
})();
