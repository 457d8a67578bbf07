// Plays a recording: what the notebook shows at each place of its controls, with no kernel (blog/recording.py).
"use strict";

(() => {
  const PAUSE = 150; // ms without a move, before the address and the screen reader follow

  // A control is an input, a choice, or a fieldset of inputs: of them it has the name and the words.
  const CONTROL = "[data-words]";
  const controls = [...document.querySelectorAll(`.controls ${CONTROL}`)];
  if (controls.length === 0) return;

  const words = new Map(controls.map((control) => [control, JSON.parse(control.dataset.words)]));
  const parts = (fieldset) => [...fieldset.querySelectorAll("input")];
  const labels = (span) => words.get(span).filter((said) => new Set(said.split(" to ")).size === 1);
  const label = (span, step) => labels(span)[step].split(" to ")[0];

  /** The place where a control stands, counted from 0. */
  const place = (control) => {
    if (control.type === "checkbox") return Number(control.checked);
    if (!control.matches("fieldset")) return Number(control.value);
    if (control.matches(".span")) {
      const [low, high] = parts(control).map((end) => label(control, end.value));
      return words.get(control).indexOf(`${low} to ${high}`);
    }
    const on = parts(control).filter((input) => input.checked);
    return on.reduce((sum, input) => sum + Number(input.value), 0);
  };

  /** Have a control stand at a place, and say so. */
  const put = (control, at) => {
    const said = words.get(control)[at];
    if (control.type === "checkbox") control.checked = at === 1;
    else if (control.matches(".radio")) for (const one of parts(control)) one.checked = Number(one.value) === at;
    else if (control.matches(".several"))
      for (const one of parts(control)) one.checked = (at & Number(one.value)) > 0;
    else if (control.matches(".span"))
      for (const [i, end] of parts(control).entries()) {
        end.value = labels(control).findIndex((one) => one.split(" to ")[0] === said.split(" to ")[i]);
        end.setAttribute("aria-valuetext", said.split(" to ")[i]);
      }
    else control.value = at;
    if (control.type === "range") control.setAttribute("aria-valuetext", said);
    const output = control.matches(".span") ? control.querySelector("output") : control.nextElementSibling;
    if (output?.matches("output")) output.textContent = said;
  };

  /** An end of a span that is drawn over the other one takes it along. */
  const push = (span, moved) => {
    const [low, high] = parts(span);
    if (Number(low.value) > Number(high.value)) (moved === low ? high : low).value = moved.value;
  };

  const named = (name) => controls.filter((control) => control.name === name);

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

  /** Put rows and parameters into a chart; only one of another kind, or with dates, is drawn anew. */
  const draw = async (box, now) => {
    const { element } = box;
    const { kind, description, data, params } = box.charts[now];
    const plot = element.querySelector(".plot");
    if (kind !== box.kind || box.anew) {
      const base = document.getElementById(element.dataset.chart).textContent;
      const spec = kind === 0 ? JSON.parse(base) : structuredClone(box.kinds[kind - 1]);
      if (box.anew) for (const [name, columns] of Object.entries(data)) spec.datasets[name] = rows(columns);
      await element.embed(spec);
      box.kind = kind;
    }
    const { view } = element;
    const lines = ({ said }) => [said].flat().length; // of a title
    const grown = params.said !== undefined && lines(params) !== lines({ said: view.signal("said") });
    if (!box.anew) for (const [name, columns] of Object.entries(data)) view.data(name, rows(columns));
    for (const [name, value] of Object.entries(params)) view.signal(name, value);
    plot.setAttribute("aria-label", description);
    await view.runAsync();
    if (grown) await view.resize().runAsync(); // else the first line stands outside of the picture
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
      [...panel.querySelectorAll(CONTROL)].map((control) => [control.name, words.get(control)[place(control)]]),
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
    const control = target.closest(CONTROL);
    if (control.matches(".span")) push(control, target);
    for (const twin of named(control.name)) put(twin, place(control));
    showAll();
    settle(control.closest(".controls"));
  };

  /** Go where the address says; what it names and the page lacks is left out. Gives the panel. */
  const follow = () => {
    const [id, query] = location.hash.slice(1).split("?");
    const panel = document.getElementById(id);
    if (query === undefined || !panel?.matches(".controls")) return undefined;
    for (const [name, value] of new URLSearchParams(query))
      for (const control of named(name))
        if (words.get(control).includes(value)) put(control, words.get(control).indexOf(value));
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
  for (const control of controls) put(control, place(control));
  showAll();
  window.addEventListener("hashchange", follow);
  if (follow()) history.scrollRestoration = "manual";
})();
