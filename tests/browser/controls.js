// Which controls inside `root` are covered by something else where they are clicked: a sentence each. Every control is
// scrolled to the middle of the window and asked at its middle and at four points around it.
(root) => {
  const CONTROLS = [
    "button, a[href], input, textarea, summary, [role=slider], [role=button], [role=tab]",
    "[data-testid=stTooltipIcon], canvas.upper-canvas, .glassnet-plot.clickable",
  ].join(", ");
  const POINTS = [[0.5, 0.5], [0.2, 0.5], [0.8, 0.5], [0.5, 0.2], [0.5, 0.8]];
  const parent = (node) => node.parentNode ?? node.host; // out of a component's shadow too
  const around = function* (node) { for (; node; node = parent(node)) yield node; };
  const inside = (node) => [...node.querySelectorAll("*")].flatMap((one) => [one, ...(one.shadowRoot ? inside(one.shadowRoot) : [])]);

  function onTop(x, y) {
    let top = document.elementFromPoint(x, y);
    for (let within = top?.shadowRoot; within; within = top?.shadowRoot) {
      const inner = within.elementFromPoint(x, y);
      if (!inner || inner === top) break;
      top = inner;
    }
    return top;
  }

  // What a hand can click of a control: Streamlit lays an invisible input over the thumb of a slider and beside a switch
  function clickable(control) {
    if (control.matches("input[type=range]")) return control.parentElement.parentElement;
    if (control.matches("input[type=checkbox], input[type=radio]")) return control.closest("label") ?? control;
    if (control.matches("input")) return control.parentElement; // a menu's arrow lies in its field
    return control;
  }

  function named(node) {
    const key = [...around(node)].flatMap((one) => [...(one.classList ?? [])]).find((name) => name.startsWith("st-key-"));
    const words = (node.getAttribute("aria-label") || node.innerText || node.dataset.testid || node.tagName).trim();
    return `${words.slice(0, 40).replace(/\s+/g, " ")} (${node.tagName.toLowerCase()}${key ? ` in ${key}` : ""})`;
  }

  const isShown = (node) => {
    const { width, height } = node.getBoundingClientRect();
    if (node.matches(".skip-link")) return false; // in sight while it has the focus
    return width > 2 && height > 2 && node.checkVisibility({ visibilityProperty: true, opacityProperty: true });
  };
  const FOLDED = "[data-testid=stSidebar][data-collapsed=true], [aria-hidden=true]";
  const folded = (node) => [...around(node)].some((one) => one.matches?.(FOLDED));

  const covered = new Set();
  let n = 0;
  for (const control of new Set(inside(document.querySelector(root)).filter((one) => one.matches(CONTROLS)).map(clickable))) {
    if (!isShown(control) || folded(control)) continue;
    n += 1;
    control.scrollIntoView({ block: "center", inline: "nearest", behavior: "instant" });
    const box = control.getBoundingClientRect();
    for (const [right, down] of POINTS) {
      const top = onTop(box.x + right * box.width, box.y + down * box.height);
      if (top && [...around(top)].includes(control)) continue;
      covered.add(`${named(control)} lies under ${top ? named(top) : "nothing: outside of the window"}`);
    }
  }
  return { n, covered: [...covered] };
}
