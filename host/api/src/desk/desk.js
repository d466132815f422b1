// Makes the desk live and quick by keyboard. Every page works without it.
"use strict";

(() => {
  const main = document.querySelector("main");
  const state = document.querySelector("[data-live-state]");

  // A page that asks for it is fetched again every few seconds; the parts with
  // `data-part` that have changed are replaced. A part in use stays as it is.
  const inUse = (part) =>
    part.contains(document.activeElement) &&
    document.activeElement.matches("input, select, textarea, summary, button, a");
  const keepOpen = (from, to) => {
    for (const open of from.querySelectorAll("details[id][open]")) {
      const same = to.querySelector(`#${CSS.escape(open.id)}`);
      if (same) same.open = true;
    }
    for (const box of from.querySelectorAll("input[type=checkbox]:checked")) {
      const same = to.querySelector(`input[type=checkbox][value="${CSS.escape(box.value)}"]`);
      if (same) same.checked = true;
    }
  };
  const tell = (text, how) => {
    if (!state) return;
    if (state.textContent !== text) state.textContent = text;
    state.dataset.state = how;
  };
  const every = Number(main?.dataset.live || 0) * 1000;
  let failures = 0;
  const look = async () => {
    if (document.hidden) return again();
    try {
      const answer = await fetch(location.href, { headers: { "Dowel-Live": "1" }, redirect: "error" });
      if (!answer.ok) throw new Error(String(answer.status));
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const part of document.querySelectorAll("[data-part]")) {
        const other = fresh.querySelector(`[data-part="${CSS.escape(part.dataset.part)}"]`);
        if (!other || inUse(part)) continue;
        keepOpen(part, other);
        if (other.innerHTML !== part.innerHTML) {
          part.replaceChildren(...other.childNodes);
        }
      }
      failures = 0;
      tell("Live", "on");
      // A page that has come to rest does not ask for more.
      if (!fresh.querySelector("main")?.dataset.live) return tell("", "static");
    } catch {
      failures += 1;
      tell("The host does not answer; trying again", "off");
    }
    again();
  };
  const again = () => setTimeout(look, Math.min(every * 2 ** Math.min(failures, 4), 30000));
  if (every > 0) {
    tell("Live", "on");
    again();
  }

  // One submission each.
  document.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (event.target.dataset.sent) return event.preventDefault();
    if (event.target.method === "post") {
      event.target.dataset.sent = "1";
      button?.setAttribute("aria-busy", "true");
    }
  });
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
    for (const busy of document.querySelectorAll("[aria-busy]")) busy.removeAttribute("aria-busy");
  });

  // Filters apply when they change.
  document.addEventListener("change", (event) => {
    const form = event.target.closest("form.filters");
    if (form && event.target.matches("select, input[type=checkbox]")) form.requestSubmit();
    if (event.target.matches("[data-pick-all]")) {
      for (const box of document.querySelectorAll("[data-pick]")) box.checked = event.target.checked;
    }
    if (event.target.matches("[data-pick], [data-pick-all]")) countPicked();
  });
  const countPicked = () => {
    const boxes = [...document.querySelectorAll("[data-pick]")];
    const picked = boxes.filter((box) => box.checked).length;
    for (const place of document.querySelectorAll("[data-picked]")) place.textContent = String(picked);
    const all = document.querySelector("[data-pick-all]");
    if (all) {
      all.checked = picked > 0 && picked === boxes.length;
      all.indeterminate = picked > 0 && picked < boxes.length;
    }
  };

  // What is no JSON is said while it is typed.
  const judge = (area) => {
    const place = document.getElementById(`${area.id}-syntax`);
    if (!place) return;
    let message = "";
    try {
      if (area.value.trim()) JSON.parse(area.value);
    } catch (error) {
      message = `Not JSON yet: ${error.message}`;
    }
    area.toggleAttribute("aria-invalid", message !== "");
    if (message) area.setAttribute("aria-invalid", "true");
    if (place.textContent !== message) place.textContent = message;
  };
  // Whether it follows the schema is for the host to say, a moment after the last key.
  const waiting = new WeakMap();
  const check = async (area) => {
    const button = area.form.querySelector("button[name=check]");
    const place = document.getElementById(`${area.id}-checked`);
    if (!button || !place) return;
    const text = area.value;
    const body = new URLSearchParams(new FormData(area.form));
    body.set("check", button.value);
    try {
      const answer = await fetch(button.formAction, { method: "POST", body });
      const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (area.value !== text) return;
      const note = fresh.querySelector("[data-checked]");
      note?.removeAttribute("role");
      place.replaceChildren(...(note ? [note] : []));
    } catch {
      place.replaceChildren();
    }
  };
  document.addEventListener("input", (event) => {
    const area = event.target;
    if (!area.matches("textarea.json")) return;
    judge(area);
    clearTimeout(waiting.get(area));
    document.getElementById(`${area.id}-checked`)?.replaceChildren();
    if (!area.hasAttribute("aria-invalid")) waiting.set(area, setTimeout(() => check(area), 500));
  });

  document.addEventListener("click", async (event) => {
    const copy = event.target.closest("[data-copy]");
    if (!copy) return;
    event.preventDefault();
    const from = document.getElementById(copy.dataset.copy);
    await navigator.clipboard.writeText(from.textContent);
    const label = copy.textContent;
    copy.textContent = "Copied";
    setTimeout(() => (copy.textContent = label), 1500);
  });
  for (const hidden of document.querySelectorAll("[data-needs-script]")) hidden.hidden = false;

  // Keys. The list is at /desk/keys.
  const places = { o: "", r: "runs", e: "exceptions", a: "approvals", f: "flows", s: "schedules", c: "connections", v: "environment", u: "audit" };
  let went = 0;
  const rows = () => [...document.querySelectorAll("main tbody tr")].filter((row) => row.querySelector("a"));
  const move = (by) => {
    const all = rows();
    if (!all.length) return;
    const at = all.findIndex((row) => row.classList.contains("here"));
    const next = all[Math.max(0, Math.min(all.length - 1, at + by))];
    all[at]?.classList.remove("here");
    next.classList.add("here");
    (next.querySelector("a[data-open]") || next.querySelector("a")).focus();
    next.scrollIntoView({ block: "nearest" });
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.matches("input:not([type=checkbox]), textarea, select");
    if (event.key === "Escape" && typing) return event.target.blur();
    if (typing) return;
    const key = event.key;
    if (Date.now() - went < 1500 && key in places) {
      went = 0;
      location.href = `/desk/${places[key]}`;
    } else if (key === "g") {
      went = Date.now();
    } else if (key === "/") {
      event.preventDefault();
      document.querySelector("#search")?.focus();
    } else if (key === "?") {
      location.href = "/desk/keys";
    } else if (key === "j") {
      move(1);
    } else if (key === "k") {
      move(-1);
    } else if (key === "x") {
      const box = document.querySelector("tr.here [data-pick]");
      if (box) {
        box.checked = !box.checked;
        countPicked();
      }
    } else if (key === "n") {
      document.querySelector("a[rel=next]")?.click();
    }
  });
})();
