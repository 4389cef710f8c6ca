// Presentation mode. It is an attribute of the page's root element, which ui/layout.css makes large type of; the sidebar is
// folded with Streamlit's own button, so that it opens with that too. A reload keeps the mode, a new tab begins without.

const PLACE = "glassnet-presenting"; // in sessionStorage
const root = document.documentElement;
const buttons = new Set();
let sidebarWasOpen = false;

const isOn = () => root.hasAttribute("data-presenting");
const sidebarIsOpen = () => document.querySelector(".stSidebar")?.dataset.collapsed === "false";

function press(selector) {
  const found = document.querySelector(selector);
  (found?.matches("button") ? found : found?.querySelector("button"))?.click();
}

function present(on) {
  if (on) {
    sidebarWasOpen = sidebarIsOpen();
    if (sidebarWasOpen) press('[data-testid="stSidebarCollapseButton"]');
  } else if (sidebarWasOpen && !sidebarIsOpen()) press('[data-testid="stExpandSidebarButton"]');
  root.toggleAttribute("data-presenting", on);
  keep(on);
  show();
  window.dispatchEvent(new Event("resize")); // charts are as large as the type
}

function keep(on) {
  try {
    if (on) sessionStorage.setItem(PLACE, "yes");
    else sessionStorage.removeItem(PLACE);
  } catch {} // a browser that keeps nothing: a reload ends the mode
}

function wasOn() {
  try {
    return sessionStorage.getItem(PLACE) === "yes";
  } catch {
    return false;
  }
}

function show() {
  for (const button of buttons) {
    button.setAttribute("aria-pressed", isOn());
    button.querySelector("span").textContent = isOn() ? "End presentation" : "Present";
  }
}

document.addEventListener("keydown", (event) => {
  if (event.key.toLowerCase() !== "p" || event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTyping(event)) return;
  if (buttons.size) present(!isOn());
});

export default function ({ parentElement }) {
  let button = parentElement.querySelector("button");
  if (!button) {
    button = document.createElement("button");
    button.type = "button";
    button.title = "Presentation mode: large type, the sidebar folded away (key P)";
    button.innerHTML = '<svg viewBox="0 0 20 20" aria-hidden="true"><path d="M2 3.5h16M3.5 3.5v9h13v-9M10 12.5v4M6.5 17h7"/></svg><span></span>';
    button.onclick = () => present(!isOn());
    parentElement.appendChild(button);
    buttons.add(button);
    if (wasOn() && !isOn()) present(true);
    show();
  }
  return () => {
    buttons.delete(button);
    button.remove();
  };
}
