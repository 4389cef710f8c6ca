// The page by keyboard: a link to the navigation past the sidebar, one key for each of the main commands, a list of
// these keys under "?", and names for screen readers without the marks of Markdown.

const press = (...keys) => {
  for (const key of keys) {
    const button = document.querySelector(`.st-key-${key} button:not(:disabled)`);
    if (button) return button.click();
  }
};
const move = (frames) => () => window.dispatchEvent(new CustomEvent("glassnet-move", { detail: { frames } }));
const COMMANDS = {
  t: () => press("pause", "bar-pause", "train", "bar-train", "empty-train"),
  s: () => press("step"),
  e: () => press("epoch"),
  u: () => press("undo-live"),
  ",": move(-1),
  ".": move(1),
  n: move(Infinity),
  "?": () => show(),
};
const LIST = [
  ["T", "train or pause"],
  ["S", "one step"],
  ["E", "one epoch"],
  ["U", "undo the newest change of a setting"],
  [", and .", "time machine: one frame back, one forward"],
  ["N", "time machine: back to now"],
  ["1 to 9, 0", "the pages, from Train to Search"],
  ["P", "presentation mode"],
  ["B and F", "on Backprop: one stage back, one forward"],
  ["arrow keys", "inside a matrix or a wall of images; Enter opens what is framed"],
  ["?", "this list"],
];
const dialogs = new Set();

const goTo = (number) => document.querySelectorAll(".st-key-page-links a")[number - 1]?.click();

function show() {
  const dialog = [...dialogs][0];
  if (dialog?.open) dialog.close();
  else dialog?.showModal();
}

document.addEventListener("keydown", (event) => {
  const { key } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || !dialogs.size || isTyping(event)) return;
  if (/^[0-9]$/.test(key)) goTo(Number(key) || 10);
  else COMMANDS[key.length === 1 ? key.toLowerCase() : ""]?.();
});

// ---------------------------------------------------------------------------------------- a link that skips

// Streamlit has one to the page itself.
function skipLink() {
  if (document.querySelector(".skip-link")) return;
  const box = document.createElement("nav");
  box.setAttribute("aria-label", "Skip");
  const link = document.createElement("a");
  link.className = "skip-link";
  link.href = "#";
  link.textContent = "Skip to the navigation";
  link.onclick = (event) => {
    event.preventDefault();
    const links = document.querySelectorAll(".stAppHeader nav a, .st-key-page-links a");
    [...links].find((node) => node.getClientRects().length)?.focus();
  };
  box.append(link);
  document.body.prepend(box);
}

// ---------------------------------------------------------------------------------------- spoken names

// Streamlit speaks a slider as "Learning rate **0.1**" and its value as the number of its stop.
function speakPlainly() {
  for (const node of document.querySelectorAll('[aria-label*="**"]')) {
    const [, name, value] = node.getAttribute("aria-label").match(/^(.*?)\s*\*\*(.*?)\*\*/) ?? [];
    if (name === undefined) continue;
    if (node.matches("input")) node.setAttribute("aria-valuetext", value);
    node.setAttribute("aria-label", name);
  }
}

let watching = false;

function watch() {
  if (watching) return;
  watching = true;
  let waits = false;
  const look = () => {
    if (waits) return;
    waits = true;
    requestAnimationFrame(() => {
      waits = false;
      speakPlainly();
    });
  };
  new MutationObserver(look).observe(document.body, { subtree: true, childList: true, attributeFilter: ["aria-label"] });
  look();
}

// ---------------------------------------------------------------------------------------- mounting

function build(parentElement) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "keys";
  button.title = "Keyboard shortcuts (key ?)";
  button.textContent = "?";
  button.setAttribute("aria-label", "Keyboard shortcuts");
  button.onclick = show;
  const dialog = document.createElement("dialog");
  dialog.setAttribute("aria-label", "Keyboard shortcuts");
  dialog.innerHTML = "<h2>Keyboard</h2><dl></dl><button type='button'>Close</button>";
  for (const [key, what] of LIST) {
    const [term, text] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = key;
    text.textContent = what;
    dialog.querySelector("dl").append(term, text);
  }
  dialog.querySelector("button").onclick = () => dialog.close();
  dialog.onclick = ({ target }) => target === dialog && dialog.close();
  parentElement.append(button, dialog);
  dialogs.add(dialog);
  return [button, dialog];
}

export default function ({ parentElement }) {
  const dialog = parentElement.querySelector("dialog");
  const nodes = dialog ? [parentElement.querySelector("button.keys"), dialog] : build(parentElement);
  skipLink();
  watch();
  return () => {
    dialogs.delete(nodes[1]);
    for (const node of nodes) node.remove();
  };
}
