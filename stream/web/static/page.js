// Live updates. Without this script the pages show what was so when they were asked for.
"use strict";

const MAX_OVER = 50;

// A card goes where its key says: cards of a list stand in falling order.
function place(list, card) {
  const after = [...list.children].find((other) => other.dataset.key < card.dataset.key);
  list.insertBefore(card, after ?? null);
}

function parse(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

// The reader keeps what they had open and where they stood.
function keepOpen(old, card) {
  const was = old.querySelector("details[open]");
  const now = card.querySelector("details");
  if (was && now) {
    now.append(...was.querySelectorAll(":scope > div"));
    now.querySelector(":scope > div").remove();
    now.open = true;
  }
  const stops = "a, summary";
  const at = [...old.querySelectorAll(stops)].indexOf(document.activeElement);
  return () => at >= 0 && [...card.querySelectorAll(stops)][at]?.focus({ preventScroll: true });
}

function update(told) {
  const old = document.getElementById(`b-${told.id}`);
  const card = told.html && parse(told.html);
  const list = told.place && document.getElementById(told.place);
  let focus = () => {};
  if (old && card) focus = keepOpen(old, card);
  old?.remove();
  if (card) {
    place(list, card);
    if (!old) card.classList.add("fresh");
    if (list.id === "over" && list.children.length > MAX_OVER) list.lastElementChild.remove();
  }
  focus();
}

function follow(url, handlers) {
  const link = document.getElementById("link");
  const tell = (text) => { if (link) { link.textContent = text; link.hidden = false; } };
  const source = new EventSource(url);
  source.onopen = () => tell("live");
  source.onerror = () => tell("connection lost, trying again");
  for (const [name, handle] of Object.entries(handlers)) {
    source.addEventListener(name, (event) => handle(JSON.parse(event.data), event.lastEventId));
  }
  // The server began anew: what is shown may be gone.
  source.addEventListener("reload", () => location.reload());
  return source;
}

function showNow() {
  const link = document.getElementById("link");
  const pause = document.getElementById("pause");
  const counts = document.getElementById("counts");
  const url = new URL(link.dataset.from, location.href);
  let source;
  const start = () => {
    source = follow(url, {
      burst: (told, id) => { url.searchParams.set("since", id); update(told); },
      counts: (told) => {
        counts.textContent = told.counts;
        document.title = `${told.counts} · Tocsin`;
      },
    });
  };
  pause.hidden = false;
  pause.addEventListener("click", () => {
    const paused = pause.getAttribute("aria-pressed") !== "true";
    pause.setAttribute("aria-pressed", String(paused));
    if (paused) { source.close(); link.textContent = "paused"; } else start();
  });
  start();
}

function showBurst(article) {
  follow(article.dataset.from, {
    burst: async () => {
      const answer = await fetch(location.href);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("burst");
      if (fresh) article.replaceChildren(...fresh.childNodes);
      if (fresh) article.className = fresh.className;
      if (fresh) document.title = page.title;
    },
  });
}

// Evidence is fetched when it is asked for: a list of hundreds stays light.
document.addEventListener("toggle", async (event) => {
  const details = event.target;
  if (!details.open || !details.dataset?.from) return;
  const answer = await fetch(details.dataset.from);
  const body = details.querySelector(":scope > div");
  if (answer.ok) body.replaceChildren(parse(await answer.text()));
  else body.textContent = "It is no longer known.";
}, true);

if (document.getElementById("ringing")) showNow();
const article = document.getElementById("burst");
if (article) showBurst(article);
