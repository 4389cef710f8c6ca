// Shows the strip of vital signs. While a run trains it is replaced once a second: what is focused (a tap on a phone focuses
// too) and how far it was scrolled stay as they were.

export default function ({ data, parentElement }) {
  const focusable = () => [...parentElement.querySelectorAll("[tabindex]")];
  const focused = focusable().indexOf(document.activeElement);
  const scrolled = parentElement.querySelector(".rows")?.scrollTop ?? 0;
  let strip = parentElement.querySelector(".glassnet-vital");
  if (!strip) {
    strip = document.createElement("div");
    strip.className = "glassnet-vital";
    parentElement.appendChild(strip);
  }
  strip.innerHTML = data; // ui/panels/vital_signs.py has escaped what is in it
  const rows = parentElement.querySelector(".rows");
  if (rows) rows.scrollTop = scrolled;
  if (focused >= 0) focusable()[focused]?.focus({ preventScroll: true });
}
