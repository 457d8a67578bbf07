// Plays a recording: what the notebook shows at each place of its controls, with no kernel (blog/recording.py).
"use strict";

(() => {
  const PAUSE = 150; // ms without a move, before the address and the screen reader follow

  const inputs = [...document.querySelectorAll(".controls :is(input, select)")];
  if (inputs.length === 0) return;

  /** The place where a control stands, counted from 0. */
  const place = (input) => (input.type === "checkbox" ? Number(input.checked) : Number(input.value));

  const words = new Map(inputs.map((input) => [input, JSON.parse(input.dataset.words)]));

  /** Have a control stand at a place, and say so. */
  const put = (input, at) => {
    if (input.type === "checkbox") input.checked = at === 1;
    else input.value = at;
    if (input.type !== "range") return;
    input.setAttribute("aria-valuetext", words.get(input)[at]);
    input.nextElementSibling.textContent = words.get(input)[at];
  };

  const named = (name) => inputs.filter((input) => input.name === name);

  // What follows from the controls.

  const boxes = [...document.querySelectorAll("[data-recorded]")].map((element) => ({
    element,
    kind: 0,
    ...JSON.parse(document.getElementById(element.dataset.recorded).textContent),
  }));

  /** The number of what a box shows, where the controls stand now; the last one's places come fastest. */
  const due = ({ controls, states }) =>
    states[controls.reduce((sum, { name, places }) => sum * places + place(named(name)[0]), 0)];

  const write = (box, now) => {
    const open = [...box.element.querySelectorAll("details")].map((answer) => answer.open);
    box.element.innerHTML = box.words[now];
    box.element.querySelectorAll("details").forEach((answer, i) => (answer.open = open[i] ?? false));
  };

  /** Rows, from their number and their columns. */
  const rows = ([count, columns]) =>
    Array.from({ length: count }, (_, i) =>
      Object.fromEntries(
        Object.entries(columns).map(([name, values]) => [name, Array.isArray(values) ? values[i] : values]),
      ),
    );

  /** Put rows and parameters into a chart; only one of another kind is drawn anew. */
  const draw = async (box, now) => {
    const { element } = box;
    const { kind, description, data, params } = box.charts[now];
    const plot = element.querySelector(".plot");
    if (kind !== box.kind) {
      const base = document.getElementById(element.dataset.chart).textContent;
      const spec = kind === 0 ? JSON.parse(base) : structuredClone(box.kinds[kind - 1]);
      element.view.finalize();
      ({ view: element.view } = await vegaEmbed(plot, spec, { renderer: "svg", actions: false }));
      plot.querySelector("svg").setAttribute("aria-hidden", "true");
      box.kind = kind;
    }
    const { view } = element;
    for (const [name, columns] of Object.entries(data)) view.data(name, rows(columns));
    for (const [name, value] of Object.entries(params)) view.signal(name, value);
    plot.setAttribute("aria-label", description);
    await view.runAsync();
  };

  const show = async (box) => {
    const now = due(box);
    if (now === box.now || (box.charts && !box.element.view)) return;
    box.now = now;
    await (box.charts ? draw(box, now) : write(box, now));
    if (box.now !== now) await show(box); // it was moved on while it was drawn
  };

  const showAll = () => Promise.all(boxes.map(show));

  // Moves, the address, and what is said of them.

  const after = (pause, work) => {
    let waiting;
    return (...those) => {
      clearTimeout(waiting);
      waiting = setTimeout(work, pause, ...those);
    };
  };

  /** What a panel's controls say in an address: `learning_rate=0.5&epochs=10`. */
  const said = (panel) =>
    new URLSearchParams(
      [...panel.querySelectorAll("input, select")].map((input) => [input.name, words.get(input)[place(input)]]),
    );

  const settle = after(PAUSE, (panel) => {
    history.replaceState(null, "", `#${panel.id}?${said(panel)}`);
    history.scrollRestoration = "manual"; // a reload lands on the panel, not where the page was left
    const following = boxes.filter(({ controls }) =>
      controls.some(({ name }) => panel.querySelector(`[name="${name}"]`)),
    );
    panel.querySelector(".spoken").textContent = following
      .map(({ charts, now, element }) => (charts ? charts[now].description : element.textContent))
      .join(" ");
  });

  const moved = ({ target }) => {
    for (const twin of named(target.name)) put(twin, place(target));
    showAll();
    settle(target.closest(".controls"));
  };

  /** Go where the address says; what it names and the page lacks is left out. Gives the panel. */
  const follow = () => {
    const [id, query] = location.hash.slice(1).split("?");
    const panel = document.getElementById(id);
    if (query === undefined || !panel?.matches(".controls")) return undefined;
    for (const [name, value] of new URLSearchParams(query))
      for (const input of named(name))
        if (words.get(input).includes(value)) put(input, words.get(input).indexOf(value));
    showAll();
    panel.scrollIntoView({ block: "center", behavior: "instant" });
    return panel;
  };

  for (const panel of document.querySelectorAll(".controls")) {
    const spoken = document.createElement("output");
    spoken.className = "spoken visually-hidden"; // the latter is Furo's
    panel.append(spoken);
    panel.addEventListener("input", moved);
  }
  for (const box of boxes) {
    box.now = 0; // what the page was written with
    if (box.charts) box.element.addEventListener("drawn", () => show(box));
  }
  // A browser may put inputs back where they stood before a reload.
  for (const input of inputs) put(input, place(input));
  showAll();
  window.addEventListener("hashchange", follow);
  if (follow()) {
    history.scrollRestoration = "manual";
    // The charts above it grow as they are drawn; whoever scrolls meanwhile is left alone.
    const left = new AbortController();
    for (const move of ["wheel", "touchmove", "keydown", "pointerdown"])
      window.addEventListener(move, () => left.abort(), { once: true, signal: left.signal });
    document.addEventListener("drawn", follow, { signal: left.signal });
  }
})();
