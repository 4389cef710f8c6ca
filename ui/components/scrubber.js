// The time machine's scrubber: a slider over the kept frames of a run, with play, back to now and branch.
// Where it stands is known here at once; the page follows, one picture at a time: the next position is sent only when
// the page has drawn the last one, because a new request would end the drawing that is under way. A position that nobody
// answers is sent again: in the moment after a restart the server hears the page, but does not know its parts yet.

const FRAME_MS = 140; // between two frames that are played, where the page is quick enough
const PATIENCE_MS = 2500; // after which what was sent is taken for lost
const MOST_TRIES = 4;

const views = new Map(); // parentElement -> view; all views of the page show the same run at the same step
const machine = { run: null, frames: [], live: 0, at: null, playing: false, serial: 0, pending: null, wanted: undefined };
Object.assign(machine, { drawn: null, tries: 0 }); // the step that the page shows; how often `at` was sent in vain

// ---------------------------------------------------------------------------------------- where it stands

const words = new Intl.NumberFormat("en-US");
const stops = () => [...machine.frames.map((frame) => frame.step), null]; // null is now

function place() {
  if (machine.at === null) return stops().length - 1;
  const found = machine.frames.findLastIndex((frame) => frame.step <= machine.at);
  return Math.max(0, found);
}

// The place of a step on the track, from 0 to 1: by the logarithm of the steps, as the frames lie.
const across = (step) => Math.log1p(Math.min(step, machine.live)) / Math.log1p(Math.max(1, machine.live));
const position = () => (machine.at === null ? 1 : across(machine.at));

function sentence() {
  const live = words.format(machine.live);
  if (!machine.frames.length) return "nothing to look back at yet";
  if (machine.at === null) return `step ${live} · now`;
  const frame = machine.frames[place()];
  const epoch = frame?.step === machine.at ? `, epoch ${frame.epoch.toFixed(1)}` : "";
  return `step ${words.format(machine.at)} of ${live}${epoch} · looking back`;
}

function go(index) {
  const all = stops();
  look(all[Math.max(0, Math.min(all.length - 1, index))]);
}

function look(step) {
  if (!machine.run || machine.frames.length === 0) return;
  if (step === machine.at && machine.wanted === undefined) return;
  machine.at = step;
  machine.wanted = step;
  show();
  send();
}

// ---------------------------------------------------------------------------------------- telling the page

// Whether the server is there and draws nothing.
function isIdle() {
  const page = document.querySelector('[data-testid="stApp"]')?.dataset;
  return page?.testConnectionState === "CONNECTED" && page.testScriptState !== "running";
}

// The view outside of any fragment reruns the whole page at once, and is understood by a server that was restarted
// meanwhile, to which the page's fragments are unknown.
const messenger = () => [...views.values()].find((view) => view.whole) ?? [...views.values()][0];

function send() {
  if (machine.wanted === undefined || machine.pending || !isIdle()) return watch();
  if (views.size === 0) return;
  const step = machine.wanted;
  machine.wanted = undefined;
  machine.serial += 1;
  machine.tries += 1;
  machine.pending = { step, serial: machine.serial, since: performance.now(), answered: false };
  const address = new URL(location.href); // in the place of the old one, so that Back does not lead through every frame
  if (step === null) address.searchParams.delete("step");
  else address.searchParams.set("step", step);
  history.replaceState(history.state, "", address);
  messenger().trigger("look", { step, serial: machine.serial });
  watch();
}

function giveUp() {
  machine.tries = 0;
  machine.at = machine.drawn;
  show();
}

let watching = false;

function watch() {
  if (watching) return;
  watching = true;
  const turn = () => {
    const { pending } = machine;
    if (pending && isIdle() && (pending.answered || performance.now() - pending.since > PATIENCE_MS)) {
      machine.pending = null;
      if (pending.answered || machine.wanted !== undefined) machine.tries = 0;
      else if (machine.tries < MOST_TRIES) machine.wanted = pending.step;
      else giveUp();
    }
    if (!machine.pending) send();
    if (machine.pending || machine.wanted !== undefined) return requestAnimationFrame(turn);
    watching = false;
  };
  requestAnimationFrame(turn);
}

// ---------------------------------------------------------------------------------------- playing

function play() {
  if (machine.frames.length === 0) return;
  machine.playing = !machine.playing;
  if (machine.playing) {
    if (machine.at === null) go(0);
    setTimeout(advance, FRAME_MS);
  }
  show();
}

function advance() {
  if (!machine.playing) return;
  if (views.size === 0) machine.playing = false;
  else if (!machine.pending && machine.wanted === undefined) {
    go(place() + 1);
    if (machine.at === null) stop();
  }
  if (machine.playing) setTimeout(advance, FRAME_MS);
}

// A drag on the curves: the frame nearest to that step, null for now
window.addEventListener("glassnet-look", ({ detail }) => {
  machine.playing = false;
  const gaps = machine.frames.map((frame) => Math.abs(frame.step - detail.step));
  go(detail.step === null ? Infinity : gaps.indexOf(Math.min(...gaps)));
});

// The keys of the whole page: so many frames on, Infinity for now
window.addEventListener("glassnet-move", ({ detail }) => {
  if (machine.frames.length === 0) return;
  machine.playing = false;
  go(place() + detail.frames);
});

function stop() {
  machine.playing = false;
  show();
}

// ---------------------------------------------------------------------------------------- what is seen

const ICONS = {
  play: "M18 4l2 4h-3l-2-4h-2l2 4h-3l-2-4H8l2 4H7L5 4H4a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h16a2 2 0 0 0 2-2V4z",
  stop: "M6 6h4v12H6zm8 0h4v12h-4z",
  branch: "M14 4l2.3 2.3-2.9 2.9 1.4 1.4 2.9-2.9L20 10V4zM10 4H4v6l2.3-2.3 4.7 4.7V20h2v-8.4L7.7 6.3z",
};

function build(parentElement) {
  const root = document.createElement("div");
  root.className = "machine";
  root.innerHTML = `
    <div class="row">
      <span class="name">Time machine</span>
      <button class="play" type="button"><svg viewBox="0 0 24 24" aria-hidden="true"><path></path></svg>Film</button>
      <button class="live" type="button" title="Back to the network as it is now">Now</button>
      <button class="branch" type="button"><svg viewBox="0 0 24 24" aria-hidden="true">
        <path d="${ICONS.branch}"></path></svg>Branch</button>
    </div>
    <div class="row">
      <div class="slider" role="slider" tabindex="0" aria-label="Time machine" aria-orientation="horizontal">
        <div class="track"></div><div class="ticks"></div><div class="thumb"></div>
      </div>
    </div>
    <div class="where"></div>`;
  parentElement.appendChild(root);
  const find = (name) => root.querySelector(`.${name}`);
  const view = { root, find, trigger: null, whole: false, drawnTicks: "" };
  find("play").onclick = play;
  find("live").onclick = () => {
    stop();
    look(null);
  };
  find("branch").onclick = () => messenger().trigger("branch", { step: machine.at });
  find("slider").onkeydown = (event) => {
    const moves = { ArrowRight: 1, ArrowUp: 1, ArrowLeft: -1, ArrowDown: -1, PageUp: 8, PageDown: -8 };
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key in moves) go(place() + moves[event.key]);
    else if (event.key === "Home") go(0);
    else if (event.key === "End") go(Infinity);
    else if (event.key === " ") play();
    else return;
    if (event.key !== " ") stop();
    event.preventDefault();
    event.stopPropagation(); // Streamlit's own keys
  };
  drag(find("slider"));
  views.set(parentElement, view);
  return view;
}

function drag(slider) {
  const nearest = (event) => {
    const box = slider.getBoundingClientRect();
    const share = (event.clientX - box.left) / box.width;
    const places = [...machine.frames.map((frame) => across(frame.step)), 1];
    const gaps = places.map((at) => Math.abs(at - share));
    go(gaps.lastIndexOf(Math.min(...gaps)));
  };
  slider.onpointerdown = (event) => {
    if (event.button !== 0) return;
    stop();
    slider.setPointerCapture(event.pointerId);
    slider.classList.add("dragged");
    nearest(event);
  };
  slider.onpointermove = (event) => slider.hasPointerCapture(event.pointerId) && nearest(event);
  slider.onpointerup = slider.onpointercancel = () => slider.classList.remove("dragged");
}

function show() {
  for (const view of views.values()) {
    const { root, find } = view;
    const slider = find("slider");
    const none = machine.frames.length === 0;
    const past = machine.at !== null;
    root.classList.toggle("past", past);
    find("thumb").style.left = `${100 * position()}%`;
    find("where").textContent = sentence();
    slider.setAttribute("aria-disabled", none);
    slider.setAttribute("aria-valuemin", 0);
    slider.setAttribute("aria-valuemax", machine.frames.length);
    slider.setAttribute("aria-valuenow", place());
    slider.setAttribute("aria-valuetext", sentence());
    const verb = machine.playing ? "Stop the film" : "Play the film from step 0 to now";
    find("play").title = verb;
    find("play").querySelector("path").setAttribute("d", ICONS[machine.playing ? "stop" : "play"]);
    find("play").disabled = none;
    find("live").disabled = !past;
    find("branch").disabled = !machine.canBranch && !past;
    find("branch").title = "Branch from here: a new run with the sidebar's settings that begins with the network of this step";
    ticks(view);
  }
}

function ticks(view) {
  const drawn = JSON.stringify([machine.frames.map((frame) => frame.step), machine.live, machine.edits]);
  if (view.drawnTicks === drawn) return;
  view.drawnTicks = drawn;
  const holder = view.find("ticks");
  holder.textContent = "";
  const add = (name, step, title) => {
    const tick = document.createElement("i");
    tick.className = name;
    tick.style.left = `${100 * across(step)}%`;
    if (title) tick.title = title;
    holder.appendChild(tick);
  };
  for (const { step } of machine.frames) add("frame", step);
  for (const { step, text } of machine.edits ?? []) add("edit", step, text);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const view = views.get(parentElement) ?? build(parentElement);
  view.trigger = setTriggerValue;
  view.whole = data.whole;
  if (machine.pending?.serial === data.serial) machine.pending.answered = true;
  machine.drawn = data.at;
  if (data.run !== machine.run) {
    Object.assign(machine, { playing: false, pending: null, wanted: undefined, at: data.at, tries: 0 });
  } else if (!machine.pending && machine.wanted === undefined) machine.at = data.at;
  const { run, frames, live, epoch, edits, canBranch } = data;
  Object.assign(machine, { run, frames: frames.map(([step, at]) => ({ step, epoch: at })), live, epoch, edits, canBranch });
  show();
  return () => {
    views.get(parentElement)?.root.remove();
    views.delete(parentElement);
  };
}
