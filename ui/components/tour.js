// The tour: a bubble beside a real control, and a ring around that. Nothing is covered by a veil and nothing is taken
// over, so that who does not read it can go on; whoever uses the control is led to the next step. Both stand in the
// browser's top layer (popover), over everything and in no one's way. That it was seen is kept in localStorage.

const PLACE = "glassnet-tour";
const GAP = 12; // px between control and bubble
const FOLLOW_MS = 150; // how often the place of the control is looked up: pages move while they are drawn

let steps = [];
let at = null; // the step that is shown; null: no tour
let asked = false; // whether this load of the page has decided to begin by itself
let parts = null; // what is on the page
let following = 0;

// ---------------------------------------------------------------------------------------- what was seen

function wasSeen() {
  try {
    return localStorage.getItem(PLACE) === "seen";
  } catch {
    return true; // a browser that keeps nothing would show it at every visit
  }
}

function end() {
  at = null;
  try {
    localStorage.setItem(PLACE, "seen");
  } catch {}
  show();
}

// ---------------------------------------------------------------------------------------- the control

const selectors = { navigation: ".stAppHeader nav" }; // what is no widget of ours
const isSeen = (box) => box.width > 0 && box.height > 0 && box.right > 0 && box.left < innerWidth;

function control() {
  for (const key of steps[at]?.beside ?? []) {
    const around = document.querySelector(selectors[key] ?? `.st-key-${key}`);
    if (!around) continue;
    const inner = [...around.querySelectorAll("button")].find((node) => isSeen(node.getBoundingClientRect()));
    const found = key.endsWith("train") || key.endsWith("pause") ? inner : around;
    if (found && isSeen(found.getBoundingClientRect())) return found;
  }
  return null;
}

const used = (event) => {
  const path = event.composedPath();
  if (at === null || parts?.bubble.contains(path[0])) return;
  const around = (steps[at]?.beside ?? []).map((key) => document.querySelector(selectors[key] ?? `.st-key-${key}`));
  if (around.some((node) => node && path.includes(node))) setTimeout(() => go(1), 250); // when what it does has begun
};
for (const name of ["click", "keyup"]) document.addEventListener(name, (event) => (name === "click" || /^(Arrow|Enter| $)/.test(event.key)) && used(event), true);
document.addEventListener("keydown", (event) => event.key === "Escape" && at !== null && end());

function go(by) {
  if (at === null) return;
  at += by;
  while (at < steps.length && !control()) at += 1; // folded away on this screen
  if (at >= steps.length) end();
  else show();
}

function begin() {
  at = -1;
  go(1);
}

// ---------------------------------------------------------------------------------------- what is seen

function build(parentElement) {
  const home = document.createElement("div");
  parentElement.appendChild(home);
  home.insertAdjacentHTML(
    "beforeend",
    `<button class="start" type="button" title="A tour of four steps">
       <svg viewBox="0 0 20 20" aria-hidden="true"><circle cx="10" cy="10" r="7.5"/><path d="M13 7l-1.8 4.2L7 13l1.8-4.2z"/></svg><span>Tour</span></button>
     <div class="ring" popover="manual" aria-hidden="true"></div>
     <div class="bubble" popover="manual" role="dialog" aria-labelledby="tour-title" aria-describedby="tour-text">
       <h2 id="tour-title"></h2><p id="tour-text"></p>
       <div class="row"><span class="count"></span><button class="skip" type="button">Skip</button><button class="next" type="button"></button></div>
     </div>`,
  );
  const find = (name) => home.querySelector(`.${name}`);
  find("start").onclick = begin;
  find("skip").onclick = end;
  find("next").onclick = () => go(1);
  return { parentElement, home, find, bubble: find("bubble"), ring: find("ring") };
}

function show() {
  clearInterval(following);
  if (!parts) return;
  const { find, bubble, ring } = parts;
  if (at === null) {
    for (const node of [bubble, ring]) if (node.matches(":popover-open")) node.hidePopover();
    return;
  }
  find("count").textContent = `${at + 1} of ${steps.length}`;
  bubble.querySelector("h2").textContent = steps[at].title;
  bubble.querySelector("p").textContent = steps[at].text;
  const last = at === steps.length - 1;
  find("next").textContent = last ? "Done" : "Next";
  find("skip").hidden = last;
  for (const node of [ring, bubble]) if (!node.matches(":popover-open")) node.showPopover();
  place();
  following = setInterval(place, FOLLOW_MS);
}

function place() {
  const { bubble, ring } = parts;
  const box = control()?.getBoundingClientRect();
  ring.style.visibility = bubble.style.visibility = box ? "visible" : "hidden"; // it may come back with the next drawing
  if (!box) return;
  const { offsetWidth: width, offsetHeight: height } = bubble;
  const inside = (value, size, whole) => Math.max(8, Math.min(value, whole - size - 8));
  const right = box.right + GAP + width < innerWidth;
  const below = box.bottom + GAP + height < innerHeight;
  const left = right ? box.right + GAP : inside(box.left, width, innerWidth);
  const top = right ? inside(box.top - 4, height, innerHeight) : below ? box.bottom + GAP : Math.max(8, box.top - GAP - height);
  Object.assign(bubble.style, { left: `${left}px`, top: `${top}px` });
  const edges = { left: box.left - 4, top: box.top - 4, width: box.width + 8, height: box.height + 8 };
  for (const [name, value] of Object.entries(edges)) ring.style[name] = `${value}px`;
}

export default function ({ data, parentElement }) {
  steps = data.steps;
  if (parts?.parentElement !== parentElement) {
    parts = build(parentElement);
    if (at !== null) show();
  }
  if (!asked) {
    asked = true;
    if (data.offer && !wasSeen()) waitForControls(40);
  }
  return () => {
    clearInterval(following);
    if (parts?.parentElement !== parentElement) return;
    parts.home.remove();
    parts = null;
  };
}

// On the first visit: begin when the page has been drawn.
function waitForControls(tries) {
  at = 0;
  const ready = parts && control();
  at = null;
  if (ready) begin();
  else if (tries > 0) setTimeout(() => waitForControls(tries - 1), 150);
}
