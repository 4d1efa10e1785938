// What a person does, as edits.
import { get, say, set } from "./desk.js";
import { COLUMN, freeSpot, snapped, WIDTH } from "./geometry.js";
import { fitting, joining, offers } from "./landing.js";
import { applied } from "./model.js";
import { edit, walk } from "./queue.js";
import { freeId } from "./wires.js";

const CLIP = "canevas/steps";

let surface = {}; // what the canvas lends: {middle(): [x, y], select(ids), focus(id)}

export const lend = (methods) => {
  surface = methods;
};

/** What people call a step. */
export const nameOf = (step, t = (label) => label) => step?.title || (step?.label && t(step.label)) || step?.id || "";

/** Go to a step on the canvas, and to a setting of it when one is named. */
export const reveal = (step, field = "") => {
  set({ reveal: { step, field, n: (get().reveal?.n ?? 0) + 1 }, ...(field ? { panel: "properties" } : {}) });
  surface.select?.([step]);
};

export const select = (ids) => surface.select?.(ids);

/** Add a step of a kind; `end`, a loose end of a wire, is joined to what of it takes it best. */
export const add = (kind, at = null, end = null) => {
  const { model, catalog } = get();
  const known = catalog.kinds[kind];
  const step = freeId(known.stem, model.steps);
  const spot = at ? snapped(at) : freeSpot(model.steps, beside(), { ...known, summary: "" });
  const fresh = { do: "add", step, kind, version: known.version, at: spot };
  const other = end && fitting(known, catalog, end, step);
  edit(fresh, ...(other ? joining(applied(model, fresh, catalog.kinds), end, other) : []));
  set({ adding: null, linking: null, panel: "canvas" });
  say(["Added {name}.", { name: known.label }]);
  surface.select?.([step]);
  surface.focus?.(step);
  return step;
};

/** To the right of what is selected, else where the person looks. */
const beside = () => {
  const { model, selected } = get();
  const last = model.steps[selected.steps.at(-1)];
  if (last) return [last.at[0] + COLUMN, last.at[1]];
  const [x, y] = surface.middle?.() ?? [0, 0];
  return [x - WIDTH / 2, y - 60];
};

/** Join two ends, or fill a setting; whoever asks has made sure that they fit. */
export const join = (one, other) => {
  edit(...joining(get().model, one, other));
  set({ linking: null });
  say(["Connected to {name}.", { name: nameOf(get().model.steps[other.step]) }]);
};

/** Begin a wire at a port: what takes it is lit. how: "held" by a pointer, or offered as a "list" for the keyboard. */
export const link = (end, how = "") => {
  const { model, catalog } = get();
  const found = offers(model, catalog, end);
  const lit = { [end.step]: new Set([`${end.type}.${end.port}`]) };
  for (const { step, type, port } of found) (lit[step] ??= new Set()).add(`${type}.${port}`);
  set({ linking: { ...end, partners: found, lit, how } });
};

/** Begin a wire at one of a step's outputs, by the keyboard. */
export const linkFrom = (id, port = get().model.steps[id]?.outputs?.[0]) => {
  if (port) link({ step: id, port: port.name, type: "source", kind: port.kind ?? "any" }, "list");
};

export const unlink = () => get().linking && set({ linking: null });

export const remove = () => {
  const { steps, wires, notes } = get().selected;
  const { model } = get();
  const cut = wires.filter((id) => model.wires[id] && !model.wires[id].reference && !steps.some((step) => touches(model.wires[id], step)));
  const edits = [
    ...(cut.length ? [{ do: "disconnect", edges: cut }] : []),
    ...(steps.length ? [{ do: "remove", steps }] : []),
    ...notes.map((note) => ({ do: "remove_note", note })),
  ];
  if (!edits.length) return;
  edit(...edits);
  say(["Removed.", {}]);
};

const touches = (wire, step) => wire.source === step || wire.target === step;

/** Move what is selected by some pixels. */
export const nudge = (right, down) => {
  const { selected, model } = get();
  if (!selected.steps.length) return;
  const steps = selected.steps.filter((id) => model.steps[id]);
  edit({ do: "move", steps: Object.fromEntries(steps.map((id) => [id, moved(model.steps[id].at, right, down)])) });
};

const moved = ([x, y], right, down) => [x + right, y + down];

/** The selected steps and the wires between them, as text for the clipboard; empty when nothing is selected. */
export const copied = () => {
  const { selected, model } = get();
  const chosen = new Set(selected.steps);
  if (!chosen.size) return "";
  const steps = model.order.filter((id) => chosen.has(id)).map((id) => said(model.steps[id]));
  const edges = Object.values(model.wires)
    .filter((wire) => !wire.reference && chosen.has(wire.source) && chosen.has(wire.target))
    .map((wire) => wire.id);
  return JSON.stringify({ [CLIP]: 1, steps, edges });
};

const said = ({ id, kind, config, at, title, retry, timeout, on_error }) => ({ id, kind, config, at, title, retry, timeout, on_error });

/** Add copied steps with names of their own; whether the text held any. */
export const paste = (text, offset = 32) => {
  let clip;
  try {
    clip = JSON.parse(text);
  } catch {
    return false;
  }
  if (!clip?.[CLIP] || !Array.isArray(clip.steps) || !Array.isArray(clip.edges)) return false;
  const { model, catalog } = get();
  const names = {};
  const taken = { ...model.steps };
  const adds = clip.steps.map(({ id, at = [0, 0], ...rest }) => {
    const stem = id.replace(/_\d+$/, "");
    names[id] = freeId(taken[stem] || !taken[id] ? stem : id, taken);
    taken[names[id]] = true;
    const spoken = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined && value !== null));
    return { do: "add", step: names[id], version: catalog.kinds[rest.kind]?.version ?? 1, at: moved(at, offset, offset), ...spoken };
  });
  const edges = clip.edges.map((edge) => edge.replace(/^(\w+)|(-> )(\w+)/g, (all, source, arrow, target) => source ? names[source] : arrow + names[target]));
  edit(...adds, ...(edges.length ? [{ do: "connect", edges }] : []));
  surface.select?.(Object.values(names));
  return true;
};

export const duplicate = () => paste(copied());

export const addNote = (at) => {
  const note = freeId("note", get().model.notes);
  edit({ do: "add_note", note, text: "", at: snapped(at ?? surface.middle?.() ?? [0, 0]), size: [240, 120] });
};

/** Put every step into columns. */
export const tidy = () => walk("tidy");
