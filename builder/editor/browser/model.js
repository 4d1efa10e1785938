// The flow as the browser knows it, and what an edit makes of it before the server has answered; pure.
import { crossing, endsOfWire, insideOf, placeSaid, waitsFor } from "./nesting.js";
import { AFTER, ancestors, inputOf, outputOf, parseWire } from "./wires.js";

export const EMPTY = { name: "", description: "", steps: {}, order: [], wires: {}, notes: {}, problems: [], running: {}, limits: {} };

/** A model from what the server opened. */
export const modelOf = (view) => ({ ...EMPTY, ...view, order: Object.keys(view.steps) });

/** The model with what the server says has changed. */
export const patched = (model, changes) => {
  const next = { ...model };
  for (const part of ["steps", "wires", "notes"])
    if (changes[part]) {
      next[part] = { ...model[part] };
      for (const [id, value] of Object.entries(changes[part]))
        if (value === null) delete next[part][id];
        else next[part][id] = value;
    }
  for (const part of ["order", "name", "description", "problems", "running", "limits"]) if (part in changes) next[part] = changes[part];
  return next;
};

/** The model after an edit that is on its way; kinds: of the catalog, for the ports of a new step. */
export const applied = (model, edit, kinds) => (DO[edit.do] ? DO[edit.do](model, edit, kinds) : model);

const withStep = (model, id, change) =>
  model.steps[id] ? { ...model, steps: { ...model.steps, [id]: { ...model.steps[id], ...change } } } : model;

const without = (all, gone) => Object.fromEntries(Object.entries(all).filter(([, value]) => !gone(value)));

/** Whether a wire joins what it may join, now that its steps stand elsewhere. */
const leads = (model, wire) => {
  const [from, to] = endsOfWire(model, wire);
  if (!model.steps[from.step] || !model.steps[to.step] || crossing(model, from, to)) return false;
  if (!outputOf(model.steps[from.step], from.port, from.body) || !inputOf(model.steps[to.step], to.port, to.body)) return false;
  const waits = waitsFor(model, from, to);
  return !waits || !ancestors(model, from.step).has(waits);
};

const DO = {
  batch: (model, { edits }, kinds) => edits.reduce((next, edit) => applied(next, edit, kinds), model),

  add: (model, { step, kind, config = {}, at = [0, 0], title = "", within = "" }, kinds) => {
    if (model.steps[step]) return model;
    const known = kinds[kind] ?? { label: kind, icon: "puzzle", group: "unknown", inputs: [], outputs: [] };
    const { label, icon, group, inputs = [], outputs = [], bodies = [], trigger = "" } = known;
    const { step: parent, body } = placeSaid(model, within);
    const card = { id: step, kind, label, icon, group, at, parent, body, title, config, inputs, outputs, bodies, entry: !trigger };
    return { ...model, steps: { ...model.steps, [step]: card }, order: [...model.order, step] };
  },

  paste: (model, { steps, names, edges = [] }, kinds) => {
    const to = (name) => names[name] ?? name;
    const within = (text = "") => text.replace(/^[^.]+/, to);
    const copies = steps.map((step) => ({ ...step, do: "add", step: to(step.step), within: within(step.within) }));
    const wires = edges.map((edge) => edge.replace(/^(\w+)|(-> )(\w+)/g, (all, source, arrow, target) => (source ? to(source) : arrow + to(target))));
    return [...copies, { do: "connect", edges: wires }].reduce((next, edit) => applied(next, edit, kinds), model);
  },

  remove: (model, { steps }) => {
    const gone = new Set(steps.flatMap((id) => [id, ...insideOf(model, id)]));
    return {
      ...model,
      steps: without(model.steps, (step) => gone.has(step.id)),
      order: model.order.filter((id) => !gone.has(id)),
      wires: without(model.wires, (wire) => gone.has(wire.source) || gone.has(wire.target)),
    };
  },

  move: (model, { steps }) => {
    const next = { ...model.steps };
    for (const [id, at] of Object.entries(steps)) if (next[id] && at) next[id] = { ...next[id], at };
    return { ...model, steps: next };
  },

  nest: (model, { steps, within = "" }) => {
    const { step: parent, body } = placeSaid(model, within);
    const next = { ...model.steps };
    for (const [id, at] of Object.entries(steps)) if (next[id]) next[id] = { ...next[id], parent, body, ...(at ? { at } : {}) };
    const nested = { ...model, steps: next };
    const moved = new Set(Object.keys(steps).flatMap((id) => [id, ...insideOf(nested, id)]));
    const cut = (wire) => !wire.reference && (moved.has(wire.source) || moved.has(wire.target)) && !leads(nested, wire);
    return { ...nested, wires: without(model.wires, cut) };
  },

  connect: (model, { edges }) => {
    let next = { ...model, wires: { ...model.wires } };
    for (const wire of edges.map(parseWire)) {
      next.wires[wire.id] = wire;
      const target = next.steps[wire.target];
      const inner = next.steps[wire.source]?.parent === wire.target; // it fills what the frame around its step takes
      // A wire into a setting makes it a port; the server will say of which kind.
      if (target && !inner && wire.port !== AFTER && !(target.inputs ?? []).some((port) => port.name === wire.port))
        next = withStep(next, wire.target, {
          inputs: [...(target.inputs ?? []), { name: wire.port, setting: true }],
        });
    }
    return next;
  },

  disconnect: (model, { edges }) => {
    const gone = new Set(edges);
    return { ...model, wires: without(model.wires, (wire) => gone.has(wire.id)) };
  },

  set: (model, { step, field, value }) =>
    withStep(model, step, { config: { ...model.steps[step]?.config, [field]: value } }),

  unset: (model, { step, field }) => {
    const { [field]: _, ...config } = model.steps[step]?.config ?? {};
    return withStep(model, step, { config });
  },

  set_step: (model, { do: _, step, ...said }) => withStep(model, step, said),

  describe: (model, { do: _, ...said }) => ({ ...model, ...said }),

  configure: (model, { do: _, ...said }) => ({ ...model, ...said }),

  add_note: (model, { note, text = "", at = [0, 0], size = [240, 120] }) => ({
    ...model,
    notes: { ...model.notes, [note]: { id: note, text, at, size } },
  }),

  set_note: (model, { do: _, note, ...said }) =>
    model.notes[note] ? { ...model, notes: { ...model.notes, [note]: { ...model.notes[note], ...said } } } : model,

  remove_note: (model, { note }) => ({ ...model, notes: without(model.notes, (each) => each.id === note) }),
};
