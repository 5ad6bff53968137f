// Filters the issues, moves between them, and plots what comes into view.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  if (!data.issues.length) return;

  const $ = (selector) => document.querySelector(selector);
  const $$ = (selector) => [...document.querySelectorAll(selector)];
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

  // Filter ------------------------------------------------------------------

  const items = $$(".item");
  const texts = items.map((item) => item.textContent.toLowerCase());
  const filter = { kind: "", sequence: "", words: [] };
  const sequences = $("#sequence");

  function apply() {
    let count = 0;
    items.forEach((item, place) => {
      const fits =
        (!filter.kind || item.dataset.kind === filter.kind) &&
        (!filter.sequence || item.dataset.sequence === filter.sequence) &&
        filter.words.every((word) => texts[place].includes(word));
      item.hidden = !fits;
      count += fits;
    });
    const [some, all] = [count, items.length].map((number) => number.toLocaleString("en"));
    $("#count").textContent = some === all ? all : `${some} of ${all}`;
    $("#nothing").hidden = count > 0;
    for (const table of $$(".rest")) table.hidden = !table.querySelector(".item:not([hidden])");
    for (const button of $$(".kinds button")) {
      button.ariaPressed = button.dataset.kind === filter.kind;
    }
    if (sequences) sequences.value = filter.sequence;
  }

  $("#search").addEventListener("input", (event) => {
    filter.words = event.target.value.toLowerCase().split(/\s+/).filter(Boolean);
    apply();
  });
  sequences?.addEventListener("change", () => {
    filter.sequence = sequences.value;
    apply();
  });
  for (const button of $$(".kinds button")) {
    button.addEventListener("click", () => {
      filter.kind = filter.kind === button.dataset.kind ? "" : button.dataset.kind;
      apply();
    });
  }
  for (const button of $$(".summary button")) {
    button.addEventListener("click", () => {
      filter.kind = button.dataset.kind;
      filter.sequence = button.dataset.sequence;
      apply();
      $(".tools").scrollIntoView();
    });
  }

  // Moving between issues -----------------------------------------------------

  let current = null;

  function select(item) {
    current?.classList.remove("current");
    current = item;
    current.classList.add("current");
    current.focus({ preventScroll: true });
    current.scrollIntoView();
    history.replaceState(null, "", `#${current.id}`);
  }

  function step(by) {
    const shown = $$(".issue:not([hidden])");
    const place = shown.indexOf(current);
    const next = shown[place < 0 ? 0 : place + by];
    if (next) select(next);
  }

  function open(place) {
    const item = items[place];
    if (item.hidden) {
      Object.assign(filter, { kind: "", sequence: "", words: [] });
      $("#search").value = "";
      apply();
    }
    if (item.matches(".issue")) select(item);
    else location.hash = item.id;
  }

  const keys = {
    j: () => step(1),
    k: () => step(-1),
    b: () => document.body.classList.toggle("bare"),
    "/": () => $("#search").focus(),
  };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") return event.target.blur();
    if (event.target.matches("input, select") || !keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });

  // Plots -----------------------------------------------------------------------

  const ROW = 104, GAP = 34, FOOT = 22, LEFT = 46, SPACE = 58;
  const CONFIG = { displayModeBar: false, responsive: false, doubleClick: "reset+autosize" };

  const rowsAt = (width) => Math.ceil(data.panels.length / Math.max(1, Math.floor(width / 225)));
  const columnsAt = (width) => Math.ceil(data.panels.length / rowsAt(width));
  const heightAt = (width) => rowsAt(width) * (ROW + GAP) + FOOT;

  function baseLayout() {
    return {
      font: { family: "system-ui, sans-serif", size: 11, color: color("quiet") },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      showlegend: false,
      dragmode: "zoom",
      hoverlabel: { bgcolor: color("card"), bordercolor: color("line"), font: { color: color("text"), size: 11 } },
    };
  }

  const axis = () => ({
    gridcolor: color("grid"), linecolor: color("line"), zeroline: false, ticklen: 3, tickcolor: color("line"), nticks: 5,
  });

  const rollingMean = (track, name) =>
    track[name].map((value, row) => (value === null ? null : value - track[`${name}_deviation`][row]));

  // A panel's lines: [name, frames, values, line]
  function linesOf(panel, track, other) {
    const lines = panel.columns.map((column, place) => [
      panel.names[place] ?? panel.title, track.frame, track[column], { color: color(`line-${place + 1}`), width: 1.4 },
    ]);
    if (panel.rolling_mean) {
      const name = panel.columns[0];
      lines.unshift(["rolling mean", track.frame, rollingMean(track, name), { color: color("mean"), width: 1.2, dash: "dot" }]);
      if (other) lines.unshift(["other track", other.frame, other[name], { color: color("other"), width: 1.2 }]);
    }
    return lines;
  }

  // The title, which tells several lines apart by their colors
  function titleOf({ title, names }) {
    const parts = names.map((name, place) => `<span style="color: ${color(`line-${place + 1}`)}">${name}</span>`);
    return [title, ...parts].join("  ");
  }

  function valuesIn(lines, [first, last]) {
    const values = [];
    for (const [, frames, column] of lines) {
      frames.forEach((frame, row) => {
        if (frame !== null && frame >= first && frame <= last && column[row] !== null) values.push(column[row]);
      });
    }
    return values;
  }

  // Those of all tracks, and the track's own
  const thresholdsOf = (panel, issue) => [
    ...panel.thresholds, ...panel.columns.map((column) => issue.limits[column]).filter((limit) => limit !== undefined),
  ];

  function rangeOf(panel, lines, issue, view) {
    if (panel.limits) return [panel.limits[0] - 0.04, panel.limits[1] + 0.04];
    const values = [...valuesIn(lines, view), ...thresholdsOf(panel, issue)];
    if (!values.length) return [0, 1];
    const low = Math.min(...values), high = Math.max(...values);
    const pad = (high - low) * 0.1 || Math.abs(high) * 0.05 || 1;
    return [low - pad, high + pad];
  }

  function drawIssue(place, node) {
    const issue = data.issues[place];
    const [track, other] = issue.tracks.map((index) => data.tracks[index]);
    const columns = columnsAt(node.clientWidth), rows = rowsAt(node.clientWidth);
    const width = node.clientWidth, height = heightAt(width);
    const span = (width - LEFT - 8 - (columns - 1) * SPACE) / columns;
    const area = { width: width - LEFT - 8, height: height - FOOT };
    const kind = getComputedStyle(node).getPropertyValue("--kind").trim();
    const layout = { ...baseLayout(), width, height, hovermode: "x unified", hoversubplots: "axis",
      margin: { l: LEFT, r: 8, t: 0, b: FOOT }, shapes: [], annotations: [] };
    const view = [issue.view[0] - 0.5, issue.view[1] + 0.5];
    const traces = [];
    data.panels.forEach((panel, number) => {
      const column = number % columns, row = Math.floor(number / columns);
      const x = column ? `x${column + 1}` : "x", y = number ? `y${number + 1}` : "y";
      const top = 1 - (row * (ROW + GAP) + GAP - 8) / area.height;
      const bottom = top - ROW / area.height;
      const lines = linesOf(panel, track, other);
      const left = (column * (span + SPACE)) / area.width;
      // The last panel of a column carries the column's frames
      layout[x.replace("x", "xaxis")] = { ...axis(), range: view, anchor: y, matches: column ? "x" : undefined,
        domain: [left, left + span / area.width], tickformat: "d", unifiedhovertitle: { text: "frame %{x}" },
        showspikes: true, spikemode: "across", spikethickness: 1, spikedash: "dot", spikecolor: color("quiet") };
      layout[y.replace("y", "yaxis")] = { ...axis(), anchor: x, domain: [Math.max(0, bottom), top], range: rangeOf(panel, lines, issue, view) };
      for (const [name, frames, values, line] of lines) {
        traces.push({ type: "scatter", mode: "lines+markers", name, x: frames, y: values, line, xaxis: x, yaxis: y,
          marker: { size: line.dash ? 0.1 : 3, color: line.color }, hovertemplate: "%{y}" });
      }
      for (const value of thresholdsOf(panel, issue)) {
        layout.shapes.push({ type: "line", xref: `${x} domain`, yref: y, x0: 0, x1: 1, y0: value, y1: value,
          line: { color: color("threshold"), width: 1, dash: "dash" } });
      }
      layout.shapes.push({ type: "rect", layer: "below", xref: x, yref: `${y} domain`, x0: issue.first - 0.5, x1: issue.last + 0.5,
        y0: 0, y1: 1, fillcolor: kind, opacity: 0.2, line: { width: 0 } });
      layout.annotations.push({ text: titleOf(panel), showarrow: false, xref: `${x} domain`, yref: `${y} domain`, x: 0, y: 1,
        xanchor: "left", yanchor: "bottom", font: { size: 12, color: color("text") } });
    });
    Plotly.newPlot(node, traces, layout, CONFIG);
  }

  function drawTimeline(place, node) {
    const timeline = data.timelines[place];
    const names = timeline.tracks.map(({ track }) => (track < 0 ? "no identity" : `track ${track}`));
    const bars = { type: "scatter", mode: "lines", x: [], y: [], line: { color: color("bar"), width: 9 }, hoverinfo: "skip" };
    const kinds = new Map();
    timeline.tracks.forEach(({ runs, issues }, row) => {
      for (const [first, last] of runs) {
        bars.x.push(first - 0.5, last + 0.5, null);
        bars.y.push(row, row, null);
      }
      for (const issue of issues) {
        const { kind, first, last } = data.listed[issue];
        if (!kinds.has(kind)) {
          const line = { color: data.kinds[kind].color, width: 9 };
          kinds.set(kind, [
            { type: "scatter", mode: "lines", x: [], y: [], line, hoverinfo: "skip" },
            { type: "scatter", mode: "markers", x: [], y: [], text: [], customdata: [], hovertemplate: "%{text}<extra></extra>",
              marker: { color: line.color, size: 9, symbol: "square" } },
          ]);
        }
        const [spans, marks] = kinds.get(kind);
        spans.x.push(first - 0.5, last + 0.5, null);
        spans.y.push(row, row, null);
        marks.x.push((first + last) / 2);
        marks.y.push(row);
        marks.text.push(`#${issue + 1} ${data.kinds[kind].name}, ${first === last ? `frame ${first}` : `frames ${first}–${last}`}`);
        marks.customdata.push(issue);
      }
    });
    const height = names.length * 22 + 34;
    const layout = { ...baseLayout(), width: node.clientWidth, height, hovermode: "closest", margin: { l: 74, r: 8, t: 4, b: 30 },
      xaxis: { ...axis(), nticks: 12, tickformat: "d", range: [0, timeline.frames + 1] },
      yaxis: { ...axis(), showgrid: false, nticks: 0, tickvals: names.map((_, row) => row), ticktext: names, ticklen: 0,
        range: [names.length - 0.4, -0.6], fixedrange: true } };
    Plotly.newPlot(node, [bars, ...[...kinds.values()].flat()], layout, CONFIG);
    node.on("plotly_click", ({ points }) => open(points[0].customdata));
  }

  // [node, how to draw it]; what leaves the view is let go again
  const plots = new Map();
  $$(".issue .plots").forEach((node, place) => {
    if (data.issues[place].tracks.length) plots.set(node, () => drawIssue(place, node));
    else node.remove();
  });
  $$(".timeline .plot").forEach((node, place) => {
    node.style.height = `${data.timelines[place].tracks.length * 22 + 34}px`;
    plots.set(node, () => drawTimeline(place, node));
  });
  const drawn = new Set();

  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { target, isIntersecting } of entries) {
        if (isIntersecting) plots.get(target)();
        else if (drawn.has(target)) Plotly.purge(target);
        if (isIntersecting) drawn.add(target);
        else drawn.delete(target);
      }
    },
    { rootMargin: "400px 0px" },
  );

  // The space of a plot is there before the plot, so that nothing moves
  function fit() {
    const width = ($(".issue:not([hidden]) .plots") ?? document.body).clientWidth;
    for (const node of $$(".issue .plots")) node.style.height = `${heightAt(width)}px`;
    document.documentElement.style.setProperty("--tools", `${$(".tools").offsetHeight + 12}px`);
    for (const node of drawn) plots.get(node)();
  }

  let timer;
  window.addEventListener("resize", () => {
    clearTimeout(timer);
    timer = setTimeout(fit, 150);
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", fit);

  apply();
  fit();
  for (const node of plots.keys()) watcher.observe(node);
  const linked = location.hash && items.findIndex((item) => `#${item.id}` === location.hash);
  if (linked > -1 && location.hash) open(linked);
})();
