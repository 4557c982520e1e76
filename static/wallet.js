/* The pages of money, a little sooner: the sum follows the choice, a payment's state follows the gateway. */
"use strict";
(() => {
  for (const form of document.querySelectorAll("form[data-sum]")) {
    const follow = () => {
      const chosen = form.querySelector("input[name=product]:checked");
      if (!chosen) return;
      form.querySelector("[data-name]").textContent = chosen.dataset.name;
      for (const place of form.querySelectorAll("[data-price]")) place.textContent = chosen.dataset.price;
    };
    form.addEventListener("change", follow);
    follow();
  }

  const watched = () => document.querySelector("[data-watch]");
  const look = async () => {
    const stale = watched();
    if (!stale || document.hidden) return;
    try {
      const answer = await fetch(location.href, { credentials: "same-origin", headers: { "X-Requested-With": "fetch" } });
      if (!answer.ok) return;
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(stale.id);
      if (fresh && fresh.dataset.state !== stale.dataset.state) stale.replaceWith(fresh);
    } catch {
      /* the next look may reach the server again */
    }
  };
  if (watched()) setInterval(look, 3000);
})();
