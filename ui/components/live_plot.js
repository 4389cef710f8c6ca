// Draws a Plotly figure into a place that is never remounted: updates go through Plotly.react, so zoom, hover and the
// DOM node survive them. Colours and font come from the page's --st-* variables. Clicks go back as the trigger "click".

const charts = new WeakMap(); // parentElement -> chart; this module is loaded once for all charts of the page
let library = null; // the promise of window.Plotly

// Running 4.5 MB of script takes half a second in which the page can draw nothing: it is fetched at once, and run when the
// page has drawn what it has so far.
function loadLibrary(version) {
  if (!library) {
    const own = document.querySelector('script[src*="static/js/"]'); // the page's own script tells where the app lies
    const base = own ? new URL("../../", own.src) : new URL("/", location.href);
    const address = new URL(`app/static/plotly.min.js?v=${version}`, base).href;
    document.head.append(Object.assign(document.createElement("link"), { rel: "preload", as: "script", href: address }));
    library = new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = address;
      script.onload = () => (window.Plotly ? resolve(window.Plotly) : reject(new Error(address)));
      script.onerror = () => reject(new Error(address));
      whenDrawn(() => document.head.append(script));
    });
    library.catch(() => (library = null)); // the next chart tries again
  }
  return library;
}

function whenDrawn(act) {
  if (window.requestIdleCallback) requestIdleCallback(act, { timeout: 1500 });
  else setTimeout(act, 200); // Safari
}

// ---------------------------------------------------------------------------------------- looks

function themeOf(element) {
  const style = getComputedStyle(element);
  const value = (name) => style.getPropertyValue(`--st-${name}`).trim();
  return {
    text: value("text-color"),
    background: value("background-color"),
    panel: value("secondary-background-color"),
    border: value("border-color"),
    accent: value("primary-color"),
    muted: value("gray-text-color") || value("text-color"),
    font: value("font") || "sans-serif",
  };
}

function templateOf(theme, width) {
  const size = width < 480 ? 11 : 12;
  const axis = {
    color: theme.muted,
    gridcolor: theme.border,
    linecolor: theme.border,
    zerolinecolor: theme.border,
    zerolinewidth: 1,
    tickcolor: theme.border,
    automargin: true, // longer numbers make room for themselves
    ticklabelstandoff: 3,
    title: { standoff: 6, font: { size } },
    hoverformat: "~g",
    spikecolor: theme.muted,
    spikethickness: 1,
    spikedash: "dot",
  };
  return {
    layout: {
      font: { family: theme.font, size, color: theme.text },
      title: { font: { size: size + 2, color: theme.text }, x: 0, xanchor: "left", y: 1, yanchor: "top", pad: { t: 7, l: 4 } },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 44, r: 12, t: 28, b: 36, pad: 0 },
      hoverlabel: {
        bgcolor: theme.panel,
        bordercolor: theme.border,
        font: { family: theme.font, size: 12, color: theme.text },
        namelength: -1,
        align: "left",
      },
      legend: { font: { size }, bgcolor: "rgba(0,0,0,0)" },
      modebar: { bgcolor: theme.background, color: theme.muted, activecolor: theme.accent, orientation: "h" },
      xaxis: axis,
      yaxis: axis,
      annotationdefaults: { font: { size, color: theme.muted } },
    },
  };
}

function configOf(layout) {
  return {
    displayModeBar: layout.xaxis?.fixedrange ? false : "hover", // it would cover a tile of a wall
    displaylogo: false,
    modeBarButtons: [[...(looksBack(layout) ? [LOOK_BUTTON] : []), "zoom2d", "pan2d", "autoScale2d", "toImage"]],
    doubleClick: false, // chart_zoom.js does what it does
    toImageButtonOptions: { format: "png", scale: 2, filename: "glassnet" },
  };
}

function heightOf(layout, height, width) {
  const aspect = layout.meta?.aspect; // width / height of what must not be stretched
  if (!aspect) return height;
  const margin = { l: 0, r: 0, t: 0, b: 0, ...layout.margin };
  return Math.min(height, Math.ceil((width - margin.l - margin.r) / aspect + margin.t + margin.b));
}

function textWidth(text, font, size = 14) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.font = `${size}px ${font}`; // that of a title, by templateOf
  return pen.measureText(text ?? "").width;
}

// A title that is wider than its chart goes on in the next line
function wrapTitle(layout, width, font) {
  const { text } = layout.title ?? {};
  if (!text || text.includes("<") || textWidth(text, font) <= width - 8) return;
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (textWidth(longer, font) <= width - 8) lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  layout.title.text = lines.join("<br>");
  layout.title.pad = { t: 7 + 9 * (lines.length - 1), l: 4 }; // plotly puts the middle of the lines where one would be
  layout.margin = { ...layout.margin, t: (layout.margin?.t ?? 28) + 18 * (lines.length - 1) };
}

function narrow(data, layout, width, font) {
  if (layout.title?.text && layout.showlegend) {
    layout.legend = { ...layout.legend, x: 0, xref: "paper", xanchor: "left", y: 1, yref: "paper", yanchor: "bottom" };
    const entries = data.filter((trace) => trace.showlegend !== false).length;
    layout.margin = { ...layout.margin, t: layout.margin.t + 20 * Math.ceil(entries / 3) }; // lines under the title
  }
  for (const { marker } of data) {
    if (!marker?.colorbar) continue;
    marker.colorbar.len = marker.colorbar.ticktext?.join("").length > 16 ? 220 : 120; // words want more room
    if (textWidth(layout.title?.text, font, 13) + marker.colorbar.len + 10 < width) continue; // else it is under it
    const more = 18 * ((layout.title?.text ?? "").split("<br>").length - 1); // the title's further lines
    marker.colorbar.ypad = 22 + more;
    layout.margin = { ...layout.margin, t: 67 + 2 * more }; // what plotly gives the bar: its padding twice, itself and its numbers
  }
}

// ---------------------------------------------------------------------------------------- drawing

// A chart is as large as the page's type, which ui/layout.css makes larger on larger screens, and as high as the window
// allows: Plotly draws it in the sizes of a window of 1366 x 768, and it is magnified.
const TYPE = 15; // the page's type there, in px
const magnification = () => (parseFloat(getComputedStyle(document.documentElement).fontSize) || TYPE) / TYPE;
const stretch = () => (innerWidth < 640 ? 1 : Math.min(2, Math.max(1, innerHeight / 768)));

function draw(chart) {
  if (chart.queued || chart.gone || !chart.sent) return;
  chart.queued = true;
  requestAnimationFrame(async () => {
    const { plotly, frame, box, sent } = chart;
    const scale = magnification();
    const taller = stretch();
    const width = Math.floor(frame.clientWidth / scale);
    if (chart.gone || !plotly || !width || box._dragging) {
      chart.queued = false;
      if (box._dragging) setTimeout(() => draw(chart), 150); // do not pull the chart from under a zoom being drawn
      return;
    }
    const { data, layout } = structuredClone(sent.figure); // plotly writes into what it is given
    const touch = matchMedia("(pointer: coarse)").matches; // a finger scrolls the page
    wrapTitle(layout, width, themeOf(box).font);
    if (width < 480) narrow(data, layout, width, themeOf(box).font);
    const height = heightOf(layout, (sent.height * taller) / scale, width);
    frame.style.height = `${height * scale}px`;
    Object.assign(box.style, { width: `${width}px`, height: `${height}px`, transform: scale === 1 ? "" : `scale(${scale})` });
    chart.looks = looksOf(chart);
    Object.assign(layout, { template: templateOf(themeOf(box), width), width, height, uirevision: layout.uirevision ?? "kept" });
    if (touch || looksBack(layout)) layout.dragmode = false;
    box.classList.toggle("looks-back", looksBack(layout) && !touch);
    if (chart.failed) box.textContent = "";
    chart.failed = false;
    try {
      await plotly.react(box, applyZoom(chart, data, layout), layout, configOf(layout));
      sharpenImages(box);
      placeToolbar(box, scale);
      if (!chart.mark.isConnected) box.append(chart.mark); // plotly empties the box when it first draws
      showCursor(chart);
      if (!chart.listening) listen(chart);
      box.dataset.drawn = Number(box.dataset.drawn ?? 0) + 1;
    } catch (error) {
      console.error("live_plot", error);
    }
    chart.queued = false;
    if (chart.sent !== sent || chart.looks !== looksOf(chart)) draw(chart);
  });
}

const looksOf = ({ frame }) => `${frame.clientWidth} ${magnification()} ${stretch()}`;

function sharpenImages(box) {
  for (const image of box.querySelectorAll(".layer-below image, .imagelayer image")) {
    const meta = box.layout.meta?.pixels; // [width, height] of the PNG
    const enlarged = !meta || image.getBoundingClientRect().width >= meta[0];
    image.style.imageRendering = enlarged ? "pixelated" : "auto";
  }
}

// meta.frames = {chart: key of another chart, corners: by row and column}: while the pointer is over a cell, the first
// shape of that chart lies around its corners [x0, x1, y0, y1]
function frameElsewhere(chart) {
  let before = null;
  const move = (other, [x0, x1, y0, y1]) =>
    chart.plotly.relayout(other, { "shapes[0].x0": x0, "shapes[0].x1": x1, "shapes[0].y0": y0, "shapes[0].y1": y1 });
  chart.box.on("plotly_hover", ({ points }) => {
    const frames = chart.box.layout.meta?.frames;
    const other = frames && document.querySelector(`.st-key-${frames.chart} .glassnet-plot`);
    const shape = other?.layout?.shapes?.[0];
    const [row, column] = [points?.[0]?.pointNumber ?? []].flat();
    const corners = frames?.corners[row]?.[column];
    if (!shape || !corners) return;
    before ??= { other, drawn: other.dataset.drawn, corners: [shape.x0, shape.x1, shape.y0, shape.y1] };
    move(other, corners);
  });
  chart.box.on("plotly_unhover", () => {
    if (before && before.other.dataset.drawn === before.drawn) move(before.other, before.corners); // else it was redrawn
    before = null;
  });
}

function listen(chart) {
  chart.listening = true;
  frameElsewhere(chart);
  listenToZoom(chart);
  dragThroughTime(chart.box);
  pressMarks(chart);
  chart.box.on("plotly_click", ({ points, event }) => {
    const point = points?.[0];
    if (!point || !chart.sent.clickable) return;
    chart.trigger("click", {
      curve: point.curveNumber ?? null,
      name: point.data?.name ?? null,
      point: point.pointNumber ?? point.pointIndex ?? null,
      x: point.x ?? null,
      y: point.y ?? null,
      z: point.z ?? null,
      customdata: ArrayBuffer.isView(point.customdata) ? Array.from(point.customdata) : (point.customdata ?? null),
      shift: Boolean(event?.shiftKey),
    });
  });
}

// ---------------------------------------------------------------------------------------- mounting

function mount(parentElement) {
  const frame = document.createElement("div");
  frame.style.overflow = "clip"; // what is magnified takes its place before
  const box = document.createElement("div");
  box.className = "glassnet-plot";
  box.setAttribute("role", "figure");
  box.style.transformOrigin = "0 0";
  frame.appendChild(box);
  parentElement.appendChild(frame);
  const chart = { frame, box, looks: "", plotly: null, sent: null, queued: false, listening: false, failed: false, gone: false, zoom: {} };
  listenToKeys(chart);
  chart.resized = () => chart.looks !== looksOf(chart) && draw(chart);
  chart.observer = new ResizeObserver(chart.resized);
  chart.observer.observe(frame);
  window.addEventListener("resize", chart.resized); // a higher window, larger type
  charts.set(parentElement, chart);
  return chart;
}

function unmount(parentElement) {
  const chart = charts.get(parentElement);
  if (!chart) return;
  charts.delete(parentElement);
  chart.gone = true;
  chart.observer.disconnect();
  window.removeEventListener("resize", chart.resized);
  if (chart.plotly) chart.plotly.purge(chart.box);
  chart.frame.remove();
}

let askedFor = null; // the theme for which a rerun was asked, so that it is asked for only once

function prepare(message, parentElement, setTriggerValue) {
  const container = parentElement.closest('[data-testid="stElementContainer"]');
  if (container) container.style.display = "none"; // nothing to see
  loadLibrary(message.version).catch(() => {});
  const shown = isDark(themeOf(parentElement).background) ? "dark" : "light";
  if (shown === message.theme) askedFor = null;
  else if (shown !== askedFor) setTriggerValue("theme", (askedFor = shown)); // data colours come from Python
}

function isDark(colour) {
  const context = document.createElement("canvas").getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue] = context.getImageData(0, 0, 1, 1).data;
  return 0.299 * red + 0.587 * green + 0.114 * blue < 128;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const text = new TextDecoder().decode(data);
  const message = JSON.parse(text);
  if (!message.figure) {
    prepare(message, parentElement, setTriggerValue);
    return () => {};
  }
  const chart = charts.get(parentElement) ?? mount(parentElement);
  const { frame, box } = chart;
  chart.trigger = setTriggerValue;
  const seen = text + JSON.stringify(themeOf(box)); // a rerun of the page that changes nothing here draws nothing
  if (chart.seen === seen) return () => unmount(parentElement);
  chart.seen = seen;
  chart.sent = message;
  box.style.cursor = message.clickable ? "pointer" : "";
  box.classList.toggle("clickable", message.clickable);
  showCursor(chart);
  if (!frame.style.height) frame.style.height = `${message.height * stretch()}px`; // held until the first drawing
  loadLibrary(message.version).then(
    (plotly) => {
      chart.plotly = plotly;
      draw(chart);
    },
    ({ message: address }) => {
      chart.failed = true;
      box.textContent = `The chart library could not be loaded from ${address}; reload the page to try again.`;
    },
  );
  return () => unmount(parentElement);
}
