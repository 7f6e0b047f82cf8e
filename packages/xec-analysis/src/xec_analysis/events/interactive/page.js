"use strict";

/* Fills the figure with one event at a time. Numbers, scales and words come from the page's data. */

const page = JSON.parse(document.getElementById("page-data").textContent);
const plot = document.getElementById("plot");
const state = { event: page.first, scale: page.scale, theme: "light", ready: false };
const element = (id) => document.getElementById(id);

async function inflate(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

function half(code) {
  const sign = code & 0x8000 ? -1 : 1, exponent = (code >> 10) & 31, fraction = code & 1023;
  if (exponent === 31) return null; // dead
  return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
}

/* The readings of an event: photons and times (ns) of all sensors, null where there is none. */
function readings(event) {
  const sensors = page.sensors.face.length, all = sensors * page.events.length;
  const photons = new Array(sensors), times = new Array(sensors);
  for (let i = 0; i < sensors; i++) {
    const at = event * sensors + i;
    const value = half(page.bytes[at] | (page.bytes[all + at] << 8));
    photons[i] = value === null ? null : value * page.photon_factors[event];
    const code = ((page.bytes[2 * all + at] | (page.bytes[3 * all + at] << 8)) << 16) >> 16;
    times[i] = code === page.no_time ? null : page.time_origins[event] + code * page.time_steps[event];
  }
  return { photons, times };
}

const minus = (text) => text.replaceAll("-", "−");
const digits = (value) => minus(Math.abs(value) >= 999.5 ? value.toFixed(0) : String(Number(value.toPrecision(3))));

function hover(sensor, { photons, times }) {
  const { face, x, y, z } = page.sensors;
  const place = [x, y, z].map((axis) => axis[sensor].toFixed(2)).join(", ");
  const light = photons[sensor] === null ? "dead" : `${digits(photons[sensor])} photons`;
  const time = times[sensor] === null ? "no time" : `${minus(times[sensor].toFixed(3))} ns`;
  return `<b>sensor ${sensor}</b>, ${page.faces[face[sensor]]}<br>(x, y, z) = (${minus(place)}) cm<br>${light}<br>${time}`;
}

/* Colours: the ends of the scale and, for a logarithm, values and ticks by powers of ten. */
function colours(panel) {
  const info = page.events[state.event];
  if (panel === 1) return { low: info.time[0], high: info.time[1], of: (value) => value, ticks: null };
  if (state.scale === "linear") return { low: info.linear[0], high: info.linear[1], of: (value) => value, ticks: null };
  const [low, high] = info.log.map(Math.log10);
  const ticks = [];
  for (let power = Math.ceil(low - 1e-9); power <= high; power++) ticks.push(power);
  return { low, high, of: (value) => Math.log10(Math.max(value, info.log[0])), ticks };
}

function pixels() {
  const axis = plot._fullLayout.xaxis;
  return axis._length / Math.abs(axis.range[1] - axis.range[0]);
}

const theme = () => state.theme === "dark"
  ? { paper: "#15181c", ink: "#e9e9e9", empty: "#3d434b", line: "#6a717b" }
  : { paper: "#ffffff", ink: "#1a1a1a", empty: "#cfcfcf", line: "#9a9a9a" };

function traces(read) {
  const { u, v } = page.sensors, found = [];
  const estimates = page.events[state.event].estimates.filter((one) => one.uv);
  [read.photons, read.times].forEach((values, panel) => {
    const colour = colours(panel), scaled = (i) => (values[i] === null ? null : colour.of(values[i]));
    const points = (ids) => ({ x: ids.map((i) => u[i]), y: ids.map((i) => v[i]), hovertext: ids.map((i) => hover(i, read)), ids: ids.map(String) });
    const full = page.pmts.filter((i) => values[i] !== null);
    const without = page.pmts.filter((i) => values[i] === null && read.photons[i] !== null);
    const dead = read.photons.flatMap((value, i) => (value === null ? [i] : []));
    const marks = { x: estimates.map((one) => one.uv[0]), y: estimates.map((one) => one.uv[1]) };
    const shape = { symbol: estimates.map((one) => one.symbol), size: 15 };
    found.push(
      { z: page.inner.map((row) => row.map(scaled)), hovertext: page.inner.map((row) => row.map((i) => hover(i, read))) },
      { ...points(full), marker: { color: full.map(scaled) } },
      { ...points(without), marker: { color: theme().empty } },
      { ...points(dead), marker: { symbol: dead.map((i) => (i < page.inner.length * page.inner[0].length ? "square-x" : "circle-x")) } },
      { ...marks, marker: { ...shape, line: { width: 5 } } },
      { ...marks, marker: { ...shape, color: estimates.map((one) => one.color), line: { width: 2.4, color: estimates.map((one) => one.color) } } },
    );
  });
  return found;
}

function merged(base, more) {
  const result = { ...base };
  for (const [key, value] of Object.entries(more)) {
    const nested = value && typeof value === "object" && !Array.isArray(value);
    result[key] = nested ? merged(base[key] || {}, value) : value;
  }
  return result;
}

function sizes(data) {
  const scale = pixels(), { sipm, pmt } = page.widths;
  for (const trace of data) {
    if (trace.name === "pmts" || trace.name === "without") trace.marker.size = pmt * scale;
    if (trace.name === "dead") trace.marker.size = trace.marker.symbol.map((name) => (name === "square-x" ? sipm : pmt) * scale);
  }
}

async function draw() {
  const info = page.events[state.event], read = readings(state.event), { paper, ink, empty, line } = theme();
  const filled = traces(read);
  const data = page.figure.data.map((trace, i) => merged(trace, filled[i]));
  const layout = structuredClone(page.figure.layout);
  Object.assign(layout, { paper_bgcolor: paper, plot_bgcolor: paper, font: { color: ink, size: 13, family: "DejaVu Sans, Verdana, sans-serif" } });
  for (const shape of layout.shapes) Object.assign(shape, { fillcolor: empty, line: { color: line, width: 1 } });
  for (const annotation of layout.annotations) annotation.font = { color: ink };
  ["coloraxis", "coloraxis2"].forEach((name, panel) => {
    const { low, high, ticks } = colours(panel), bar = layout[name].colorbar;
    Object.assign(layout[name], { cmin: low, cmax: high });
    if (ticks) Object.assign(bar, { tickvals: ticks, ticktext: ticks.map((power) => String(10 ** power)) });
    Object.assign(bar, { tickcolor: ink, outlinecolor: line });
  });
  if (plot._fullLayout) for (const axis of ["xaxis", "yaxis"]) layout[axis].range = [...plot._fullLayout[axis].range];
  if (!state.ready) await Plotly.newPlot(plot, data, layout, { responsive: true, displaylogo: false, modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]] });
  sizes(data);
  await Plotly.react(plot, data, layout);
  element("title").textContent = document.title = info.title;
  element("numbers").textContent = info.numbers;
  element("event").value = state.event;
  element("previous").disabled = state.event === 0;
  element("next").disabled = state.event === page.events.length - 1;
  element("scale").textContent = state.scale === "log" ? "log" : "linear";
  element("theme").textContent = state.theme === "dark" ? "dark" : "light";
  element("estimates").replaceChildren(...info.estimates.map(legend));
  document.body.dataset.event = String(state.event);
}

const STROKES = { "cross-thin-open": "M1 7H13M7 1V13", "x-thin-open": "M2 2L12 12M12 2L2 12", "circle-open": "M7 2a5 5 0 1 0 .01 0" };

function legend(one) {
  const item = document.createElement("li");
  if (one.uv) {
    const color = one.color === "#222222" && state.theme === "dark" ? "#e9e9e9" : one.color;
    item.innerHTML = `<svg width="14" height="14"><path d="${STROKES[one.symbol]}" fill="none" stroke="${color}" stroke-width="2"/></svg>`;
  }
  item.append(one.text);
  return item;
}

function go(event) {
  if (event < 0 || event >= page.events.length) return;
  state.event = event;
  draw();
}

function turnScale() {
  state.scale = state.scale === "log" ? "linear" : "log";
  draw();
}

function turnTheme(to) {
  state.theme = to;
  document.documentElement.dataset.theme = to;
  if (state.ready) draw();
}

async function begin() {
  if (typeof DecompressionStream === "undefined") {
    element("numbers").textContent = "This browser is too old: expected Firefox 113, Safari 16.4, Chrome 80 or later.";
    return;
  }
  const library = document.createElement("script");
  library.textContent = new TextDecoder().decode(await inflate(element("library").textContent));
  document.head.append(library);
  page.bytes = await inflate(page.data);
  page.events.forEach((info, i) => element("event").add(new Option(info.name, i)));
  const dark = matchMedia("(prefers-color-scheme: dark)");
  turnTheme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => turnTheme(dark.matches ? "dark" : "light"));
  await draw();
  state.ready = true;
  plot.on("plotly_relayout", (change) => {
    // Sensors keep their size in the detector; hovering and the like change nothing.
    if (Object.keys(change).some((key) => key.includes("range") || key.includes("autosize"))) {
      sizes(plot.data);
      Plotly.restyle(plot, { "marker.size": plot.data.map((trace) => trace.marker && trace.marker.size) });
    }
  });
  element("previous").onclick = () => go(state.event - 1);
  element("next").onclick = () => go(state.event + 1);
  element("event").onchange = (change) => go(Number(change.target.value));
  element("scale").onclick = turnScale;
  element("theme").onclick = () => turnTheme(state.theme === "dark" ? "light" : "dark");
  document.addEventListener("keydown", (key) => {
    if (key.target.tagName === "SELECT") return;
    const action = { ArrowLeft: () => go(state.event - 1), ArrowRight: () => go(state.event + 1), s: turnScale, d: element("theme").onclick }[key.key];
    if (action) action();
  });
  document.body.dataset.ready = "yes";
}

begin();
