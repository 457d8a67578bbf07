// Draws each figure's chart, keeps its sliders in the address, and lets the keyboard reach what scrolls.
"use strict";

(() => {
  const PAUSE = 150; // ms without a move, before the address and the screen reader follow
  const NARROW = 340; // pixels

  /** What the address says: the id of a figure and its sliders, from `#explorer?epochs=12`. */
  const address = () => {
    const [id, query] = location.hash.slice(1).split("?");
    return { id, values: new URLSearchParams(query ?? "") };
  };

  /** A value from an address as a parameter can take it: on a step, within its ends, among its options. */
  const fitting = ({ bind }, text) => {
    if (bind.input === "select") return bind.options.find((option) => String(option) === text);
    if (text.trim() === "" || !Number.isFinite(Number(text))) return undefined;
    const { min, max, step } = bind;
    const steps = Math.round((Math.min(max, Math.max(min, Number(text))) - min) / step);
    return Number((min + steps * step).toFixed(10));
  };

  /** The values that an address has for these parameters; what doesn't fit is left out. */
  const read = (bound, values) =>
    bound
      .filter(({ name }) => values.has(name))
      .map((param) => [param.name, fitting(param, values.get(param.name))])
      .filter(([, value]) => value !== undefined);

  const after = (pause, work) => {
    let waiting;
    return () => {
      clearTimeout(waiting);
      waiting = setTimeout(work, pause);
    };
  };

  const figures = [...document.querySelectorAll("figure.chart")];
  const drawn = new Map(); // a figure → its view, what its sliders set, and whether it is being led

  /** Move a figure's sliders for its reader, who has followed a link. */
  const lead = (figure, values) => {
    const chart = drawn.get(figure);
    const news = values.filter(([name, value]) => chart.view.signal(name) !== value);
    if (news.length === 0) return;
    chart.led = true;
    for (const [name, value] of news) chart.view.signal(name, value);
    chart.view.runAsync();
  };

  /** Draw a figure, or draw it anew. Gives the view. */
  async function embed(spec) {
    const plot = this.querySelector(".plot");
    const { title } = spec.config ?? {};
    // A line that is wider than the chart would make it shrink.
    if (plot.clientWidth < NARROW) spec.config = { ...spec.config, title: { ...title, fontSize: 11 } };
    this.view?.finalize();
    ({ view: this.view } = await vegaEmbed(plot, spec, { renderer: "svg", actions: false }));
    await this.view.resize().runAsync(); // Vega fits by the places of words at first, and not by those where they end up
    // A screen reader gets one picture with one description, not a tree of its marks.
    plot.querySelector("svg").setAttribute("aria-hidden", "true");
    return this.view;
  }

  const draw = async (figure) => {
    const spec = JSON.parse(document.getElementById(figure.dataset.chart).textContent);
    const bound = (spec.params ?? []).filter((param) => param.bind?.input); // not a legend
    const asked = address();
    if (asked.id === figure.id)
      for (const [name, value] of read(bound, asked.values))
        bound.find((param) => param.name === name).value = value;
    const plot = figure.querySelector(".plot");
    figure.embed = embed; // for recording.js
    const view = await figure.embed(spec);
    const chart = { view, bound, led: false };
    drawn.set(figure, chart);
    figure.dispatchEvent(new Event("drawn"));

    const svg = plot.querySelector("svg");
    plot.removeAttribute("aria-roledescription");
    plot.setAttribute("role", bound.length > 0 ? "group" : "img");
    if (bound.length === 0) return;

    // Where there are sliders, it is told what the title says, and says after each move.
    const title = () =>
      [...svg.querySelectorAll(".role-title :is(tspan, text:not(:has(tspan)))")]
        .map((line) => line.textContent)
        .join(". ");
    const spoken = document.createElement("output");
    spoken.className = "spoken visually-hidden"; // the latter is Furo's
    spoken.textContent = title();
    figure.append(spoken);
    const settle = after(PAUSE, () => {
      spoken.ariaLive = chart.led ? "off" : "polite";
      spoken.textContent = title();
      if (!chart.led) {
        const values = bound.map(({ name }) => [name, view.signal(name)]);
        history.replaceState(null, "", `#${figure.id}?${new URLSearchParams(values)}`);
        history.scrollRestoration = "manual"; // a reload lands on the chart, not where the page was left
      }
      chart.led = false;
    });
    for (const { name } of bound) view.addSignalListener(name, settle);
  };

  const follow = () => {
    const { id, values } = address();
    const figure = document.getElementById(id);
    if (!drawn.has(figure)) return;
    lead(figure, read(drawn.get(figure).bound, values));
    figure.scrollIntoView({ block: "center" });
  };

  /** The keyboard can scroll what is wider than the screen. */
  const reach = () => {
    for (const box of document.querySelectorAll("pre, .table-wrapper, .equation")) {
      if (box.scrollWidth > box.clientWidth) box.setAttribute("tabindex", "0");
      else box.removeAttribute("tabindex");
    }
  };

  const left = new AbortController();

  /** Go where the address says once more: charts above it have grown. Whoever has scrolled since is left alone. */
  const land = (asked) => {
    const moves = asked?.matches("figure, .controls");
    const [{ type }] = performance.getEntriesByType("navigation");
    if (!asked || left.signal.aborted || !(moves || type === "navigate")) return;
    asked.scrollIntoView({ block: moves ? "center" : "start", behavior: "instant" });
  };

  const start = async () => {
    for (const move of ["wheel", "touchmove", "keydown", "pointerdown"])
      window.addEventListener(move, () => left.abort(), { signal: left.signal });
    document.documentElement.classList.remove("no-js"); // Furo does so too, but later: a hidden chart has no width
    reach();
    window.addEventListener("resize", after(PAUSE, reach));
    document.addEventListener("toggle", reach, { capture: true }); // of an answer
    window.addEventListener("hashchange", follow);
    window.addEventListener("beforeprint", () => {
      for (const answer of document.querySelectorAll("details")) answer.open = true;
    });
    const asked = document.getElementById(address().id);
    const first = asked?.matches("figure.chart") ? asked : undefined;
    if (first) {
      history.scrollRestoration = "manual";
      await draw(first);
      first.scrollIntoView({ block: "center", behavior: "instant" });
    }
    for (const figure of figures) if (figure !== first) await draw(figure);
    land(asked);
    document.documentElement.dataset.drawn = "all";
  };

  start();
})();
