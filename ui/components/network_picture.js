// Draws the network's picture on a canvas that is never remounted. New values are moved to, not jumped to; nothing runs
// between two messages, so that a page at rest takes no time from training. Points, clicks and keys find a unit.

const pictures = new WeakMap(); // parentElement -> picture

function mount(parentElement) {
  const frame = document.createElement("div");
  frame.className = "glassnet-network";
  frame.tabIndex = 0;
  frame.setAttribute("role", "figure");
  const canvas = document.createElement("canvas");
  canvas.setAttribute("aria-hidden", "true");
  const [tip, said] = ["tip", "said"].map((name) => Object.assign(document.createElement("div"), { className: name }));
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  said.setAttribute("aria-live", "polite");
  frame.append(canvas, tip, said);
  parentElement.appendChild(frame);
  const picture = { frame, canvas, tip, said, from: new Map(), to: new Map(), moved: 1, began: 0, pointed: null };
  const place = (event) => {
    const box = canvas.getBoundingClientRect();
    return hit(picture, event.clientX - box.x, event.clientY - box.y);
  };
  canvas.addEventListener("pointermove", (event) => point(picture, place(event)));
  canvas.addEventListener("pointerleave", () => point(picture, null));
  canvas.addEventListener("click", (event) => {
    point(picture, place(event));
    open(picture);
  });
  frame.addEventListener("keydown", (event) => onKey(picture, event));
  frame.addEventListener("blur", () => point(picture, null));
  picture.resized = () => queue(picture);
  picture.observer = new ResizeObserver(picture.resized);
  picture.observer.observe(frame);
  window.addEventListener("resize", picture.resized);
  pictures.set(parentElement, picture);
  return picture;
}

function unmount(parentElement) {
  const picture = pictures.get(parentElement);
  if (!picture) return;
  pictures.delete(parentElement);
  picture.gone = true;
  picture.observer.disconnect();
  window.removeEventListener("resize", picture.resized);
  picture.frame.remove();
}

async function decode(uri) {
  if (!uri) return null;
  const image = new Image();
  image.src = uri;
  await image.decode();
  return image;
}

// Whether a unit or an edge that was pointed at is still shown
function isThere(message, at) {
  if (!at || at.layer > message.columns.length) return false;
  if (at.from !== undefined) return message.edges[at.layer].some((edge) => isEdge(at, at.layer, edge));
  return at.place < (message.columns[at.layer]?.units ?? message.outputs).length;
}

async function take(picture, message) {
  const [image, tiles] = await Promise.all([decode(message.image), decode(message.tiles)]);
  if (picture.gone || picture.newest !== message) return;
  const from = valuesOf(message);
  for (const name of from.keys()) from.set(name, picture.message ? now(picture, name) : 0);
  Object.assign(picture, { from, to: valuesOf(message), message, decoded: { image, tiles }, began: performance.now() });
  if (!isThere(message, picture.pointed)) picture.pointed = null;
  picture.frame.setAttribute("aria-label", message.label);
  picture.frame.dataset.told = Number(picture.frame.dataset.told ?? 0) + 1; // messages
  draw(picture);
  showTip(picture);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const sent = new TextDecoder().decode(data);
  const picture = pictures.get(parentElement) ?? mount(parentElement);
  picture.trigger = setTriggerValue;
  picture.style = styleOf(picture.frame);
  const seen = sent + JSON.stringify(picture.style);
  if (picture.seen !== seen) {
    picture.seen = seen;
    const message = JSON.parse(sent);
    picture.newest = message;
    if (!picture.frame.style.height) picture.frame.style.height = `${message.height * tallerOf()}px`;
    take(picture, message).catch((error) => console.error("network_picture", error));
  }
  return () => unmount(parentElement);
}
