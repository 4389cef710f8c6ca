// Three things the drawing canvas does not offer by itself: its hover toolbar is taken away, because the page has undo and
// clear of its own that also work after a page switch; a finished stroke is sent at once, not after 200 ms; and the tab
// keeps the sketch, so that a server that has just been started gets it back.

const SEND = 'button[aria-label^="Update"]'; // of the canvas's toolbar: sends the drawing now
const LOOKS = `
  .dc-toolbar { display: none !important; }
  .dc-scroll { border-radius: 6px; overflow: hidden !important; }
  .dc-container canvas { cursor: crosshair !important; border-radius: 6px; }
`;

const canvases = new Map(); // key of a canvas -> its shadow root

function find(key) {
  for (const element of document.querySelectorAll(`.st-key-${key}, .st-key-${key} *`))
    if (element.shadowRoot?.querySelector(".dc-root")) return element.shadowRoot;
  return null;
}

function dress(key, root) {
  canvases.set(key, root);
  const style = document.createElement("style");
  style.textContent = LOOKS;
  root.appendChild(style);
  let drawing = false; // a stroke may end anywhere on the page
  const begin = () => (drawing = true);
  const end = () => {
    if (!root.host.isConnected) {
      for (const event of ["mouseup", "touchend"]) window.removeEventListener(event, end);
    } else if (drawing) {
      drawing = false;
      setTimeout(() => root.querySelector(SEND)?.click()); // when the canvas has made an object of the stroke
    }
  };
  for (const event of ["mousedown", "touchstart"]) root.addEventListener(event, begin, { capture: true, passive: true });
  for (const event of ["mouseup", "touchend"]) window.addEventListener(event, end);
}

const KEPT = "glassnet-sketch";

let given = null; // the sketch that was given back last: once is enough

function keepOrGiveBack({ sketch, untouched }, setTriggerValue) {
  const kept = sessionStorage.getItem(KEPT);
  if (!untouched) {
    sessionStorage.setItem(KEPT, sketch);
    given = null;
  } else if (kept && kept !== given) setTriggerValue("kept", (given = kept));
}

export default function ({ data, setTriggerValue }) {
  const key = data.canvas;
  keepOrGiveBack(data, setTriggerValue);
  let gone = false;
  const look = () => {
    if (gone) return;
    const root = find(key);
    if (root && canvases.get(key) !== root) dress(key, root);
    if (!root) requestAnimationFrame(look);
  };
  look();
  return () => (gone = true);
}
