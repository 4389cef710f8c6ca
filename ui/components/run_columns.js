// The columns that a visitor adds to the list of runs, or takes away. view.columns holds "+lr" for one that is added (tags,
// notes, test accuracy, settings) and "-size" for one of COLUMNS that is taken away.

const WIDTHS = { "+tags": 9, "+note": 14, "+test": 8.5, name: 15, status: 6.6, best: 5.4, epoch: 4.6, seconds: 5, size: 5, created: 7.6 }; // rem
const SETTING_WIDTH = 7.5;
const ALWAYS = 10.6; // rem of ticks, stars and tools
const OWN = { "+tags": ["tags", "add tags", "Tags, separated by commas"], "+note": ["note", "add a note", "A note"] };

const widthOf = (name) => WIDTHS[name] ?? SETTING_WIDTH;

// Those of COLUMNS that the visitor has left.
function usual(table) {
  return COLUMNS.filter(({ name }) => !table.view.columns.includes(`-${name}`));
}

// The columns that the visitor has chosen beside those that are always there.
function further(table) {
  return table.sent.offered
    .filter(([name]) => table.view.columns.includes(name))
    .map(([name, title]) => ({ name, title }));
}

function makeCell(table, parts, column, row, send) {
  const cell = make("td", "more");
  if (!OWN[column]) return cell;
  const [kind, , label] = OWN[column];
  const button = make("button", "own");
  button.type = "button";
  button.addEventListener("click", () =>
    edit(table, parts, cell, {
      ...{ value: row().more[column]?.[0] ?? "", longest: table.sent.longest[column], placeholder: label, label: `${label}, for ${row().name}` },
      save: (text) => {
        row().more[column] = [text, text || null];
        send(kind, { text });
      },
      back: button,
    }),
  );
  cell.append(button);
  return cell;
}

// The row of headings, made anew with all other rows when other columns are chosen.
function makeHead(table) {
  const all = make("th", "tick");
  all.append(table.all);
  table.heads = {};
  const cells = [...usual(table), ...further(table)].map(({ name, title, help }) => {
    const cell = make("th", name.startsWith("+") ? "more" : name);
    const button = make("button", "", title);
    button.type = "button";
    button.title = help ? `${help}. Click to sort` : `${title}. Click to sort`;
    button.addEventListener("click", () => {
      const again = table.view.sort === name;
      const isText = [...table.rows.values()].some((row) => typeof valueOf(row, name) === "string");
      change(table, { sort: name, descending: again ? !table.view.descending : !isText });
    });
    if (name !== "name") cell.style.width = `${widthOf(name)}rem`;
    cell.append(button);
    table.heads[name] = { cell, button };
    return cell;
  });
  table.head.replaceChildren(all, make("th", "marks"), ...cells, make("th", "tools"));
  const wide = [...usual(table), ...further(table)].reduce((sum, { name }) => sum + widthOf(name), ALWAYS);
  table.grid.style.minWidth = further(table).length ? `${wide}rem` : "";
  for (const { node } of table.nodes.values()) node.remove();
  table.nodes.clear();
}

// A menu with a tick for each further column. It is filled when it is opened.
function columnsMenu(table) {
  const menu = make("details", "columns");
  table.columnsTitle = make("summary", "facet", "Columns");
  const list = make("div", "menu");
  menu.append(table.columnsTitle, list);
  menu.addEventListener("toggle", () => {
    if (!menu.open) return;
    const own = COLUMNS.slice(1).map(({ name, title }) => [`-${name}`, title]);
    const boxes = [...own, ...table.sent.offered].map(([name, title]) => {
      const label = make("label");
      const box = make("input");
      const noted = () => table.view.columns.includes(name);
      box.type = "checkbox";
      box.checked = noted() !== name.startsWith("-");
      box.addEventListener("change", () => {
        const others = table.view.columns.filter((other) => other !== name);
        change(table, { columns: noted() ? others : [...others, name] });
      });
      label.append(box, make("span", "", title));
      return label;
    });
    list.replaceChildren(...boxes);
  });
  menu.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    menu.open = false;
    table.columnsTitle.focus();
  });
  table.close = (event) => menu.contains(event.target) || (menu.open = false);
  document.addEventListener("pointerdown", table.close);
  return menu;
}
