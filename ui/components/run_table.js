// The list of runs: sorted, filtered and ticked here at once, told to Python a moment later. A row stays the same node
// as long as its run is listed, so what is pointed at, typed or focused survives the new values of every second.

const tables = new WeakMap(); // parentElement -> table
const TELL_AFTER = 250; // ms of rest, after which Python is told how the list is looked at

const COLUMNS = [
  { name: "name", title: "Name", text: true },
  { name: "status", title: "Status", text: true },
  { name: "best", title: "Best val", help: "The best accuracy on the validation images so far" },
  { name: "epoch", title: "Epochs" },
  { name: "seconds", title: "Time", help: "Time of training, pauses left out" },
  { name: "size", title: "Size", help: "On disk" },
  { name: "created", title: "Started" },
];
const ICONS = {
  star: "M12 2.8l2.8 5.9 6.4.8-4.7 4.4 1.2 6.4L12 17.2l-5.7 3.1 1.2-6.4L2.8 9.5l6.4-.8z",
  ghost: "M5 20.5V10a7 7 0 0 1 14 0v10.5l-2.4-1.8-2.3 1.8-2.3-1.8-2.3 1.8-2.3-1.8zM9.4 11v.1M14.6 11v.1",
  rename: "M4 20l1-4.2L16.2 4.6a1.6 1.6 0 0 1 2.3 0l.9.9a1.6 1.6 0 0 1 0 2.3L8.2 19z",
  delete: "M5 7h14M10 4h4M7 7l.8 13h8.4L17 7M10.3 10.5v6M13.7 10.5v6",
};

// ---------------------------------------------------------------------------------------- values as text

const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const whole = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

function duration(seconds) {
  if (seconds < 100) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  return seconds < 6000 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

function bytes(size) {
  if (!size) return "not saved";
  return size < 1e6 ? `${Math.max(1, Math.round(size / 1e3))} kB` : `${(size / 1e6).toFixed(size < 1e7 ? 1 : 0)} MB`;
}

const SHOWN = {
  status: (value) => value,
  best: (value) => `${(100 * value).toFixed(2)} %`,
  epoch: (value) => value.toFixed(1),
  seconds: duration,
  size: bytes,
  created: (value) => day.format(value * 1000),
};

// ---------------------------------------------------------------------------------------- what is shown, in what order

function matches(row, view) {
  const words = `${row.name} ${row.about} ${row.status} ${row.id} ${row.words}`.toLowerCase();
  const asked = view.text.toLowerCase().split(/[\s,]+/).filter(Boolean);
  const found = (word) => (word.includes("=") ? row.settings.includes(word) : words.includes(word));
  return asked.every(found) && view.facets.every((facet) => row.facets.includes(facet));
}

const valueOf = (row, column) => (column.startsWith("+") ? row.more[column]?.[1] : row[column]) ?? null;

function compare(view) {
  const sign = view.descending ? -1 : 1;
  return (a, b) => {
    const [x, y] = [valueOf(a, view.sort), valueOf(b, view.sort)];
    if (x === null || y === null) return (x === null) - (y === null); // what has no value stands last either way
    const order = typeof x === "string" ? x.localeCompare(y, undefined, { numeric: true }) : x - y;
    return sign * order || b.created - a.created || (a.id < b.id ? -1 : 1);
  };
}

// ---------------------------------------------------------------------------------------- nodes

function make(tag, className, text) {
  const node = document.createElement(tag);
  if (className) node.className = className;
  if (text !== undefined) node.textContent = text;
  return node;
}

function iconButton(table, what, act) {
  const button = make("button", `icon ${what}`);
  button.type = "button";
  button.innerHTML = `<svg viewBox="0 0 24 24" aria-hidden="true"><path d="${ICONS[what]}"/></svg>`;
  button.addEventListener("click", act);
  return button;
}

function say(button, words, pressed) {
  if (button.title !== words) {
    button.title = words;
    button.setAttribute("aria-label", words);
  }
  if (pressed !== undefined) button.setAttribute("aria-pressed", String(pressed));
}

function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function makeRow(table, id) {
  const node = make("tr");
  const row = () => table.rows.get(id);
  const send = (kind, more) => table.trigger("act", { kind, id, at: Date.now(), ...more });
  const parts = { node, cells: {} };

  const tick = make("td", "tick");
  parts.tick = make("input");
  parts.tick.type = "checkbox";
  parts.tick.addEventListener("change", () => {
    const others = table.view.selected.filter((other) => other !== id);
    change(table, { selected: parts.tick.checked ? [...others, id] : others });
  });
  tick.append(parts.tick);

  const star = make("td", "marks");
  parts.star = iconButton(table, "star", () => {
    row().starred = !row().starred; // shown at once
    send("star", { value: row().starred });
    draw(table);
  });
  star.append(parts.star);

  const name = make("td", "name");
  parts.open = make("button", "open");
  parts.open.type = "button";
  parts.open.addEventListener("click", () => send("open"));
  parts.note = make("span", "note");
  parts.name = make("div");
  parts.name.append(parts.open, parts.note);
  name.append(parts.name);

  const tools = make("td", "tools");
  parts.rename = iconButton(table, "rename", () =>
    edit(table, parts, parts.name, {
      ...{ value: row().own, longest: table.sent.longest.name, placeholder: row().about, label: `A name for ${row().name}` },
      save: (text) => {
        row().own = text;
        row().name = text || row().about;
        send("rename", { name: text });
      },
      back: parts.rename,
    }),
  );
  parts.ghost = iconButton(table, "ghost", () => send("ghost", { value: !row().ghost }));
  parts.delete = iconButton(table, "delete", () => send("delete", { ids: [id] }));
  const buttons = make("div");
  buttons.append(parts.ghost, parts.rename, parts.delete);
  tools.append(buttons);

  for (const { name: column } of usual(table).slice(1)) parts.cells[column] = make("td", column);
  for (const { name: column } of further(table)) parts.cells[column] = makeCell(table, parts, column, row, send);
  node.append(tick, star, name, ...Object.values(parts.cells), tools);
  table.nodes.set(id, parts);
  return parts;
}

function edit(table, parts, host, { value, longest, placeholder, label, save, back }) {
  if (parts.input) return;
  const input = (parts.input = make("input", "edit"));
  Object.assign(input, { value, maxLength: longest, placeholder });
  input.setAttribute("aria-label", label);
  let done = false;
  const finish = (keep) => {
    if (done) return;
    done = true;
    if (keep && input.value.trim() !== value) save(input.value.trim());
    parts.input = null;
    input.remove();
    draw(table);
    back.focus();
  };
  input.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the page has keys of its own
    if (event.key === "Enter") finish(true);
    if (event.key === "Escape") finish(false);
  });
  input.addEventListener("blur", () => finish(true));
  host.append(input);
  draw(table);
  input.focus();
  input.select();
}

function fill(table, parts, row) {
  const { node } = parts;
  const ticked = table.view.selected.includes(row.id);
  node.className = `${row.current ? "current" : ""} ${row.ghost ? "pinned" : ""} ${ticked ? "ticked" : ""}`.trim();
  node.dataset.run = row.id;
  parts.tick.checked = ticked;
  parts.tick.style.accentColor = ticked ? (table.sent.colours[row.id] ?? "") : "";
  say(parts.tick, `Lay the curves of ${row.name} over the others`);
  say(parts.star, row.starred ? "Take the star away" : "Star", row.starred);
  say(parts.ghost, row.ghost ? "No longer the ghost" : "Pin as the ghost: dashed behind every other run", row.ghost);
  say(parts.rename, "Rename");
  say(parts.delete, "Delete; it can be undone");
  for (const host of [parts.name, ...Object.values(parts.cells)])
    for (const child of host.children) child.hidden = host === parts.input?.parentNode && child !== parts.input;
  write(parts.open, row.name);
  parts.open.title = row.tip;
  write(parts.note, row.note);
  if (parts.cells.status) parts.cells.status.dataset.state = row.state;
  for (const [column, shown] of Object.entries(SHOWN))
    if (parts.cells[column]) write(parts.cells[column], row[column] === null ? "–" : shown(row[column]));
  for (const { name, title } of further(table)) {
    const [text] = row.more[name] ?? [""];
    const own = parts.cells[name].querySelector("button");
    write(own ?? parts.cells[name], text || (own ? OWN[name][1] : "–"));
    own?.classList.toggle("blank", !text);
    parts.cells[name].title = own ? `${text}\nClick to change` : `${title} ${text || "is not known: tick the run and press Test accuracy"}`;
  }
  const [started, saved] = [row.created, row.changed].map((time) => time !== null && whole.format(time * 1000));
  if (parts.cells.created) parts.cells.created.title = started ? `Started ${started}, last saved ${saved}` : row.tip;
}

// ---------------------------------------------------------------------------------------- drawing

function draw(table, order = false) {
  const { view, rows } = table;
  const columns = JSON.stringify([usual(table), further(table)]);
  if (table.columns !== columns) makeHead(table);
  table.columns = columns;
  table.box.classList.toggle("tall", !view.selected.some((id) => rows.has(id)));
  const kept = [...rows.values()].filter((row) => matches(row, view)).sort(compare(view));
  for (const [id, { node }] of table.nodes)
    if (!rows.has(id)) {
      node.remove();
      table.nodes.delete(id);
    }
  for (const row of kept) fill(table, table.nodes.get(row.id) ?? makeRow(table, row.id), row);
  const wanted = kept.map(({ id }) => table.nodes.get(id).node);
  const there = [...table.body.children];
  const sameOnes = wanted.length === there.length && wanted.every((node) => node.parentNode === table.body);
  const busy = table.box.matches(":hover, :focus-within"); // no row runs away from the pointer while it is read
  const moved = wanted.length !== there.length || wanted.some((node, at) => node !== there[at]);
  if (moved && !(sameOnes && busy && !order)) {
    const focused = document.activeElement;
    table.body.replaceChildren(...wanted);
    if (table.body.contains(focused) && focused !== document.activeElement) focused.focus({ preventScroll: true });
  }
  drawHead(table, kept.length);
}

function drawHead(table, shown) {
  const { view, rows } = table;
  for (const [name, { cell, button }] of Object.entries(table.heads)) {
    const here = view.sort === name;
    cell.setAttribute("aria-sort", here ? (view.descending ? "descending" : "ascending") : "none");
    button.dataset.sorted = here ? (view.descending ? "down" : "up") : "";
  }
  const n = rows.size;
  write(table.count, shown === n ? `${n} ${n === 1 ? "run" : "runs"}` : `${shown} of ${n} runs`);
  const key = JSON.stringify(table.sent.facets);
  if (table.facetKey !== key) {
    table.facetKey = key;
    table.facets.replaceChildren(...table.sent.facets.map(([name, label]) => facetButton(table, name, label)));
  }
  for (const button of table.facets.children)
    button.setAttribute("aria-pressed", String(view.facets.includes(button.dataset.facet)));
  if (table.search !== document.activeElement && table.search.value !== view.text) table.search.value = view.text;
  const ticked = view.selected.filter((id) => rows.has(id));
  table.bar.hidden = !ticked.length;
  write(table.ticked, `${ticked.length} ticked`);
  table.empty.hidden = shown > 0;
  write(table.empty, n ? "No run answers to this filter." : "No run is left in the list.");
  const visible = [...table.body.children].map(({ dataset }) => dataset.run);
  table.all.checked = visible.length > 0 && visible.every((id) => view.selected.includes(id));
  table.all.indeterminate = !table.all.checked && visible.some((id) => view.selected.includes(id));
}

function facetButton(table, name, label) {
  const button = make("button", "facet", label);
  button.type = "button";
  button.dataset.facet = name;
  button.addEventListener("click", () => {
    const { facets } = table.view;
    change(table, { facets: facets.includes(name) ? facets.filter((other) => other !== name) : [...facets, name] });
  });
  return button;
}

function change(table, what) {
  Object.assign(table.view, what);
  draw(table, true);
  clearTimeout(table.telling);
  table.telling = setTimeout(() => table.trigger("view", { ...table.view }), TELL_AFTER);
}

// ---------------------------------------------------------------------------------------- mounting

function mount(parentElement) {
  const box = make("div", "glassnet-runs");
  const table = { box, nodes: new Map(), rows: new Map(), heads: {}, view: null, telling: 0 };

  const tools = make("div", "filters");
  table.search = make("input", "search");
  table.search.type = "search";
  table.search.placeholder = "Filter by name or setting: adam, lr=0.3, …";
  table.search.setAttribute("aria-label", "Filter the runs by name or setting");
  table.search.addEventListener("input", () => change(table, { text: table.search.value }));
  table.search.addEventListener("keydown", (event) => event.stopPropagation());
  table.facets = make("div", "facets");
  table.count = make("span", "count");
  tools.append(table.search, table.facets, columnsMenu(table), table.count);

  const frame = make("div", "frame");
  table.grid = make("table");
  table.head = make("tr");
  table.all = make("input");
  table.all.type = "checkbox";
  say(table.all, "Tick all that are listed, or none");
  table.all.addEventListener("change", () => {
    const visible = [...table.body.children].map(({ dataset }) => dataset.run);
    const others = table.view.selected.filter((id) => !visible.includes(id));
    change(table, { selected: table.all.checked ? [...others, ...visible] : others });
  });
  const top = make("thead");
  top.append(table.head);
  table.body = make("tbody");
  table.grid.append(top, table.body);
  table.empty = make("p", "empty");
  frame.append(table.grid, table.empty);

  table.bar = make("div", "bar");
  table.ticked = make("span");
  const clear = make("button", "facet", "Untick all");
  clear.type = "button";
  clear.addEventListener("click", () => change(table, { selected: [] }));
  const remove = make("button", "facet", "Delete them");
  remove.type = "button";
  remove.addEventListener("click", () => {
    const ids = table.view.selected.filter((id) => table.rows.has(id));
    table.trigger("act", { kind: "delete", ids, at: Date.now() });
  });
  table.bar.append(table.ticked, clear, remove);

  box.append(tools, frame, table.bar);
  parentElement.appendChild(box);
  tables.set(parentElement, table);
  return table;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const sent = JSON.parse(new TextDecoder().decode(data));
  const table = tables.get(parentElement) ?? mount(parentElement);
  table.trigger = setTriggerValue;
  table.sent = sent;
  table.view ??= sent.view; // from then on this list knows better, until it tells
  const added = sent.view.columns.filter((name) => !(table.told ?? sent.view.columns).includes(name)); // by a button of the page
  table.told = sent.view.columns;
  if (added.length) change(table, { columns: [...new Set([...table.view.columns, ...added])] });
  table.rows = new Map(sent.rows.map((row) => [row.id, row]));
  draw(table);
  return () => {
    clearTimeout(table.telling);
    document.removeEventListener("pointerdown", table.close);
    tables.delete(parentElement);
    table.box.remove();
  };
}
