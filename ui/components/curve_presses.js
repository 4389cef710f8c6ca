// What a press on a run's curves does beside plotly's own: dragged sideways, the time machine follows the pointer; on the
// mark of a changed setting, a click takes the change back, on that of a verdict it goes to its step. Stands before live_plot.js, in one module with it.

const SLIP = 4; // pixels that a click may move
const REACH = 8; // pixels around a mark

// meta.machine = [[step, x], ...]: where the kept frames lie on the x axis, ascending; the last is [null, x of now]
function dragThroughTime(box) {
  let line = null;
  let began = null;

  function nearest(event) {
    const axis = box._fullLayout.xaxis;
    const x = axis.p2c(event.clientX - box.getBoundingClientRect().left - axis._offset);
    return box.layout.meta.machine.reduce((best, stop) => (Math.abs(stop[1] - x) < Math.abs(best[1] - x) ? stop : best));
  }

  function show([, x]) {
    const { xaxis, yaxis } = box._fullLayout;
    line ??= box.appendChild(Object.assign(document.createElement("div"), { className: "look" }));
    const left = Math.max(0, Math.min(xaxis._length, xaxis.c2p(x))) + xaxis._offset;
    Object.assign(line.style, { left: `${left}px`, top: `${yaxis._offset}px`, height: `${yaxis._length}px` });
  }

  function move(event) {
    if (!line && Math.abs(event.clientX - began) <= SLIP) return;
    const stop = nearest(event);
    show(stop);
    window.dispatchEvent(new CustomEvent("glassnet-look", { detail: { step: stop[0] } }));
  }

  function end() {
    line?.remove();
    line = began = null;
    window.removeEventListener("pointermove", move);
    window.removeEventListener("pointerup", end);
  }

  box.addEventListener("pointerdown", (event) => {
    const mine = event.button === 0 && event.pointerType !== "touch" && event.target.closest?.(".nsewdrag");
    if (!mine || !looksBack(box.layout) || box._fullLayout.dragmode !== false) return;
    began = event.clientX;
    window.addEventListener("pointermove", move);
    window.addEventListener("pointerup", end);
  });
}

const looksBack = (layout) => (layout?.meta?.machine?.length ?? 0) > 1;

const LOOK_BUTTON = {
  name: "look",
  title: "Look back: drag sideways",
  icon: { width: 24, height: 24, path: "M13 3a9 9 0 0 0-9 9H1l4 4 4-4H6a7 7 0 1 1 2 5l-1.400 1.400A9 9 0 1 0 13 3zm-1 5v5l4.300 2.500.700-1.200-3.500-2.100V8z" },
  click: (box) => window.Plotly.relayout(box, { dragmode: false }),
};

const MARKS = { edits: (edit) => ["undo", { edit }], events: (step) => ["look", { step }] }; // by trace: what a click sends

// What a click on the mark under the pointer sends, or null
function markAt(box, { clientX: x, clientY: y }) {
  for (const [uid, sends] of Object.entries(MARKS)) {
    const marks = [...box.querySelectorAll(`.trace${uid} path.point`)];
    const at = marks.findLastIndex((mark) => {
      const { left, right, top, bottom } = mark.getBoundingClientRect();
      return x > left - REACH && x < right + REACH && y > top - REACH && y < bottom + REACH;
    });
    const value = box.data?.find((trace) => trace.uid === uid)?.customdata?.[at] ?? null;
    if (value !== null) return sends(value);
  }
  return null;
}

function pressMarks(chart) {
  const { box } = chart;
  box.addEventListener("pointermove", (event) => box.classList.toggle("on-mark", markAt(box, event) !== null));
  box.addEventListener("click", (event) => {
    const sent = markAt(box, event);
    if (sent !== null) chart.trigger(...sent);
  });
}
