// Live updates. Without this script the pages show what was so when they were asked for.
"use strict";

const MAX_OVER = 50;
const AGAIN_MS = 3000;

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
  const stops = "a, summary, button, input, select";
  const active = document.activeElement;
  const at = [...old.querySelectorAll(stops)].indexOf(active);
  const was = old.querySelector("details[open]");
  const now = card.querySelector("details");
  if (was && now) {
    now.append(...was.querySelectorAll(":scope > div"));
    now.querySelector(":scope > div").remove();
    now.open = true;
  }
  return () => {
    if (at < 0) return;
    const again = active.isConnected ? active : [...card.querySelectorAll(stops)][at];
    again?.focus({ preventScroll: true });
  };
}

// What is being typed stays, until it is sent.
function renew(place, fresh) {
  const active = document.activeElement;
  const typing = place.querySelector(".decide:focus-within");
  if (typing && !typing.dataset.sent) fresh.querySelector(".decide")?.replaceWith(typing);
  place.replaceChildren(...fresh.childNodes);
  if (typing && active.isConnected) active.focus({ preventScroll: true });
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

async function ask(url) {
  const answer = await fetch(url);
  if (!answer.ok) throw new Error(answer.statusText);
  return answer.text();
}

// What was told and could not be fetched is told again.
function showBurst(article) {
  const source = follow(article.dataset.from, {
    burst: async () => {
      try {
        const page = new DOMParser().parseFromString(await ask(location.href), "text/html");
        const fresh = page.getElementById("burst");
        renew(article, fresh);
        article.className = fresh.className;
        document.title = page.title;
      } catch {
        source.close();
        setTimeout(showBurst, AGAIN_MS, article);
      }
    },
  });
}

// Evidence is fetched when it is asked for: a list of hundreds stays light.
document.addEventListener("toggle", async (event) => {
  const details = event.target;
  if (!details.open || !details.dataset?.from) return;
  const body = details.querySelector(":scope > div");
  if (!body) return; // the card was renewed meanwhile: what took its place asks
  try {
    const fresh = document.createElement("div");
    fresh.append(parse(await ask(details.dataset.from)));
    renew(body, fresh);
  } catch {
    body.textContent = "It can't be had now; close this and open it again.";
  }
}, true);

// A decision is sent without leaving the page; what it did arrives as any other change.
document.addEventListener("submit", async (event) => {
  const form = event.target;
  if (!form.matches("form.rule")) return;
  event.preventDefault();
  const tell = form.querySelector("[role=status]");
  const body = new URLSearchParams(new FormData(form));
  if (event.submitter?.name) body.set(event.submitter.name, event.submitter.value);
  const name = body.get("by");
  if (name) localStorage.setItem("by", name);
  tell.textContent = "asking…";
  try {
    const answer = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    const told = await answer.json();
    tell.textContent = told.said ?? told.error;
    const decide = form.closest(".decide");
    if (answer.ok && decide) decide.dataset.sent = "yes";
    if (answer.ok && !decide) form.querySelector("button").disabled = true;
  } catch {
    tell.textContent = "The page can't be reached; nothing is known of what became of it.";
  }
});

// Who one is, typed once.
document.addEventListener("focusin", (event) => {
  if (event.target.matches?.("form.rule input[name=by]")) event.target.value ||= localStorage.getItem("by") ?? "";
});

if (document.getElementById("ringing")) showNow();
const article = document.getElementById("burst");
if (article) showBurst(article);
