// What a visitor has zoomed to stays while the chart is drawn anew; axes that nobody has zoomed follow what Python sends.
// A double click ends a zoom; where there is none it shows everything, and another one goes back. Stands before
// live_plot.js, in one module with it.

const zoomable = (layout) => ["xaxis", "yaxis"].filter((name) => layout?.[name] && !layout[name].fixedrange);

// chart.zoom = {name of an axis: {of: its uirevision, range: [from, to], or null for all of it}}
function applyZoom(chart, data, layout) {
  for (const name of zoomable(layout)) {
    const axis = layout[name];
    const zoom = chart.zoom[name];
    if (zoom && zoom.of !== axis.uirevision) delete chart.zoom[name]; // of other axes, which it does not fit
    else if (zoom?.range) axis.range = zoom.range;
    else if (zoom) {
      axis.autorange = axis.range?.[0] > axis.range?.[1] ? "reversed" : true;
      delete axis.range;
    }
    axis.uirevision = (chart.drawings = (chart.drawings ?? 0) + 1); // plotly's own memory would keep ranges that follow
  }
  return chart.zoom.yaxis ? data.filter((trace) => !trace.uid?.startsWith("beyond")) : data; // marks of the edge that was
}

function listenToZoom(chart) {
  const { box } = chart;
  const keep = (name, range) => (chart.zoom[name] = { of: chart.sent.figure.layout[name].uirevision, range });
  box.on("plotly_relayout", (change) => {
    const before = JSON.stringify(chart.zoom);
    for (const name of zoomable(chart.sent.figure.layout)) {
      const range = change[`${name}.range`] ?? [change[`${name}.range[0]`], change[`${name}.range[1]`]];
      if (change[`${name}.autorange`]) keep(name, null);
      else if (range[0] !== undefined) keep(name, [...range]);
    }
    if (JSON.stringify(chart.zoom) !== before) draw(chart);
  });
  box.on("plotly_doubleclick", () => {
    if (Object.keys(chart.zoom).length) chart.zoom = {};
    else zoomable(chart.sent.figure.layout).forEach((name) => keep(name, null));
    draw(chart);
  });
}
