// Filter the issues, navigate between them, and plot those that come into view.
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

  const CONFIG = { displayModeBar: false, responsive: false, doubleClick: "reset+autosize" };
  const heightAt = (width) => figureHeight(data.panels.length, width);

  function drawIssue(place, node) {
    const issue = data.issues[place];
    const kind = getComputedStyle(node).getPropertyValue("--kind").trim();
    const tracks = issue.tracks.map((index) => data.tracks[index]);
    const { traces, layout } = makeFigure({ panels: data.panels, issue, tracks, width: node.clientWidth, color, kind });
    Plotly.newPlot(node, traces, layout, CONFIG);
  }

  function drawTimeline(place, node) {
    const timeline = data.timelines[place];
    const names = timeline.tracks.map(({ track }) => (track < 0 ? "no ID" : `track ${track}`));
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
    const layout = { ...baseLayout(color), width: node.clientWidth, height, hovermode: "closest", margin: { l: 74, r: 8, t: 4, b: 30 },
      xaxis: { ...axis(color), nticks: 12, tickformat: "d", range: [0, timeline.frames + 1] },
      yaxis: { ...axis(color), showgrid: false, nticks: 0, tickvals: names.map((_, row) => row), ticktext: names, ticklen: 0,
        range: [names.length - 0.4, -0.6], fixedrange: true } };
    Plotly.newPlot(node, [bars, ...[...kinds.values()].flat()], layout, CONFIG);
    node.on("plotly_click", ({ points }) => open(points[0].customdata));
  }

  // How to draw each node. Plots that leave the view are purged.
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

  // Reserve the space of plots before they are drawn, so that nothing moves
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

// Plot the tracks that are opened.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  for (const item of document.querySelectorAll("details.track")) {
    const node = item.querySelector(".plots");
    const issue = data.whole.issues[item.dataset.number];
    const tracks = issue.tracks.map((index) => data.whole.tracks[index]);
    item.addEventListener("toggle", () => {
      if (!item.open) return Plotly.purge(node);
      node.style.height = `${figureHeight(data.panels.length, node.clientWidth)}px`;
      const { traces, layout } = makeFigure({ panels: data.panels, issue, tracks, width: node.clientWidth, color, kind: "" });
      Plotly.newPlot(node, traces, layout, { displayModeBar: false, responsive: false, doubleClick: "reset+autosize" });
    });
  }
})();
