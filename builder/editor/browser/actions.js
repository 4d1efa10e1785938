// What a person does, as edits.
import { drawing, get, say, set, watch } from "./desk.js";
import { absolute, boxesOf, countedIn, sizeOf } from "./frames.js";
import { COLUMN, freeInRoom, freeSpot, handleId, snapped, WIDTH } from "./geometry.js";
import { fitting, joining, offers } from "./landing.js";
import { applied } from "./model.js";
import { around, bodiesOf, insideOf, placeOf, placeSaid, ROOT, same, stepsIn, withinText } from "./nesting.js";
import { remember } from "./folded.js";
import { edit, walk } from "./queue.js";
import { callsOf } from "./scopes.js";
import { flowOrder, freeId, portsOf } from "./wires.js";

const CLIP = "canevas/steps";

let surface = {}; // what the canvas lends: {middle(): [x, y], select(ids), focus(id), fit()}

export const lend = (methods) => {
  surface = methods;
};

/** What people call a step. */
export const nameOf = (step, t = (label) => label) => step?.title || (step?.label && t(step.label)) || step?.id || "";

/** Go to a step on the canvas, and to a setting of it when one is named. */
export const reveal = (step, field = "") => {
  unfold(step);
  set({ reveal: { step, field, n: (get().reveal?.n ?? 0) + 1 }, ...(field ? { panel: "properties" } : {}) });
  surface.select?.([step]);
};

export const select = (ids) => surface.select?.(ids);

/**
 * Add a step of a kind. at: on the canvas. end: a loose end of a wire, which is joined to what of the step takes it
 * best. place: where it goes, else beside what is selected.
 */
export const add = (kind, at = null, end = null, place = placeForNew()) => {
  const { model, catalog, collapsed } = get();
  const known = catalog.kinds[kind];
  const step = freeId(known.stem, model.steps);
  const room = staysOut(known) ? ROOT : place;
  const fresh = { do: "add", step, kind, version: known.version, within: withinText(model, room), at: [0, 0] };
  const spot = at ? countedIn(model, boxesOf(model, collapsed), room, at) : besideIn(room);
  const trial = applied(model, fresh, catalog.kinds);
  const boxes = boxesOf(trial, collapsed);
  const free = room.step ? freeInRoom : freeSpot;
  fresh.at = at && !room.step ? snapped(spot) : free(stepsIn(model, room).map((id) => model.steps[id]), spot, trial.steps[step], (each) => sizeOf(boxes, each));
  if (!fresh.within) delete fresh.within;
  const other = end && fitting(known, catalog, end, step);
  edit(fresh, ...(other ? joining(applied(model, fresh, catalog.kinds), end, other) : []));
  set({ adding: null, linking: null, panel: "canvas" });
  say(["Added {name}.", { name: known.label }]);
  unfold(step);
  surface.select?.([step]);
  surface.focus?.(step);
  return step;
};

/** A start and an answer concern the whole run. */
export const staysOut = (known) => Boolean(known?.trigger || known?.ends);

/** Into the selected frame, else beside the selected step. */
export const placeForNew = () => {
  const { model, selected, collapsed } = get();
  const last = model.steps[selected.steps.at(-1)];
  if (!last) return ROOT;
  const [body] = collapsed[last.id] ? [] : bodiesOf(last);
  return body ? { step: last.id, body: body.name } : placeOf(model, last.id);
};

/** To the right of what is selected there, or of the frame around it, else at the beginning of a room, else where the person looks. */
const besideIn = (place) => {
  const { model, selected, collapsed } = get();
  const last = standsIn(model, selected.steps.at(-1), place);
  const boxes = boxesOf(model, collapsed);
  if (last) return [last.at[0] + sizeOf(boxes, last)[0] + COLUMN - WIDTH, last.at[1]];
  if (place.step) return [0, 0];
  const [x, y] = surface.middle?.() ?? [0, 0];
  return [x - WIDTH / 2, y - 60];
};

/** The step of a place that holds a step, or is it; undefined when it stands elsewhere. */
const standsIn = (model, id, place) => {
  const all = model.steps[id] ? [id, ...around(model, placeOf(model, id)).map(({ step }) => step)] : [];
  return model.steps[all.find((each) => each && same(placeOf(model, each), place))];
};

/** Where a step goes that is joined to a loose end: where it was let go, else where the wire may lead. */
export const placeForEnd = (end, place) => {
  const { model } = get();
  if (!end) return place;
  const home = end.body ? { step: end.step, body: end.body } : placeOf(model, end.step);
  if (end.body && end.type === "target") return home;
  const seen = end.type === "source" ? around(model, place).some((each) => same(each, home)) : around(model, home).some((each) => same(each, place));
  return seen ? place : home;
};

/** The places where steps could stand that stand elsewhere now, in the order of the flow. */
export const placesFor = (ids) => {
  const { model } = get();
  const moved = new Set(ids.flatMap((id) => [id, ...insideOf(model, id)]));
  const rooms = flowOrder(model)
    .filter((id) => !moved.has(id))
    .flatMap((step) => bodiesOf(model.steps[step]).map(({ name }) => ({ step, body: name })));
  return [ROOT, ...rooms].filter((place) => ids.some((id) => !same(placeOf(model, id), place)));
};

/** Why steps cannot stand in a place, as [English template, values], or null. */
export const mayStand = (ids, place) => {
  const { model, catalog } = get();
  const stays = place.step && ids.map((id) => model.steps[id]).find((step) => staysOut(catalog.kinds[step?.kind]));
  return stays ? ["{name} cannot stand inside a frame: it concerns the whole run.", { name: stays.title || stays.id }] : null;
};

/** Put steps into a place. spots: where in there, by id; else where room is. more: edits that belong to it. */
export const nest = (ids, place, spots = null, more = []) => {
  const { model, collapsed, catalog } = get();
  const boxes = boxesOf(model, collapsed);
  const there = stepsIn(model, place).map((id) => model.steps[id]);
  const steps = {};
  for (const id of ids) {
    const [x, y] = place.step ? [0, 0] : absolute(model, boxes, id);
    const free = place.step ? freeInRoom : freeSpot;
    steps[id] = spots?.[id] ?? free(there, [x, y], model.steps[id], (each) => sizeOf(boxes, each));
    there.push({ ...model.steps[id], at: steps[id] });
  }
  const wanted = { do: "nest", steps, within: withinText(model, place) };
  const cut = Object.keys(model.wires).length - Object.keys(applied(model, wanted, catalog.kinds).wires).length;
  edit(wanted, ...more);
  say(place.step ? ["Moved into {name}.", { name: nameOf(model.steps[place.step]) }] : ["Moved onto the canvas.", {}]);
  if (cut > 0) {
    const told = cut === 1 ? "One wire was cut: it would have crossed a frame." : "{count} wires were cut: they would have crossed a frame.";
    set({ refusals: [...get().refusals, [told, { count: cut }]] });
  }
};

/** Draw a frame as a card, or open it again. desk: of the canvas on which it stands. */
export const fold = (id, desk = drawing) => {
  const { [id]: closed, ...others } = desk.get().collapsed;
  foldAll(closed ? others : { ...others, [id]: true }, desk);
};

/** Draw these frames as cards, all others open; this browser remembers it. */
const foldAll = (collapsed, desk = drawing) => {
  desk.set({ collapsed });
  remember(desk.get().flow, collapsed);
};

/** Open every frame around a step. */
const unfold = (id) => {
  const { model, collapsed } = get();
  const hidden = around(model, placeOf(model, id)).filter(({ step }) => collapsed[step]);
  if (hidden.length) foldAll(Object.fromEntries(Object.entries(collapsed).filter(([step]) => !hidden.some((place) => place.step === step))));
};

/** Show another round or item of a body: the one before or after, -1 or 1. The latest is shown as it goes on. */
export const turn = (step, body, by, desk = drawing) => {
  const { model, overlay, chosen } = desk.get();
  const calls = callsOf(model, overlay, chosen, step, body);
  if (!calls) return;
  const at = Math.max(0, Math.min(calls.keys.length - 1, calls.keys.indexOf(calls.key) + by));
  const { [calls.path]: _, ...others } = chosen;
  desk.set({ chosen: at === calls.keys.length - 1 ? others : { ...others, [calls.path]: calls.keys[at] } });
};

/** The same for a frame, or for the one around a step; whether there is one. */
export const turnAround = (desk, id, by) => {
  const { model } = desk.get();
  const place = placeOf(model, id);
  const [body] = bodiesOf(model.steps[id]);
  if (body) turn(id, body.name, by, desk);
  else if (place.step) turn(place.step, place.body, by, desk);
  else return false;
  return true;
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
  const lit = { [end.step]: new Set([`${end.type}.${handleId(end)}`]) };
  for (const { step, type, port, body } of found) (lit[step] ??= new Set()).add(`${type}.${handleId({ port, body })}`);
  set({ linking: { ...end, partners: found, lit, how } });
};

/** Begin a wire at one of a step's outputs, by the keyboard. */
export const linkFrom = (id, port = portsOf(get().model.steps[id], "source")[0]) => {
  if (port) link({ step: id, port: port.name, type: "source", kind: port.kind ?? "any", ...(port.body ? { body: port.body } : {}) }, "list");
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

/** Move what is selected by some pixels; what stands inside of it comes along. */
export const nudge = (right, down) => {
  const { selected, model } = get();
  const steps = outermost(model, selected.steps);
  if (!steps.length) return;
  edit({ do: "move", steps: Object.fromEntries(steps.map((id) => [id, kept(model, id, moved(model.steps[id].at, right, down))])) });
};

const moved = ([x, y], right, down) => [x + right, y + down];
const kept = (model, id, [x, y]) => (placeOf(model, id).step ? [Math.max(0, x), Math.max(0, y)] : [x, y]);

/** Those steps that do not stand inside of another one of them. */
export const outermost = (model, ids) => ids.filter((id) => model.steps[id] && !around(model, placeOf(model, id)).some(({ step }) => ids.includes(step)));

/** The selected steps, what is inside of them and the wires between, as text for the clipboard; empty without any. */
export const copied = () => {
  const { selected, model } = get();
  const chosen = new Set(selected.steps.filter((id) => model.steps[id]).flatMap((id) => [id, ...insideOf(model, id)]));
  if (!chosen.size) return "";
  const steps = model.order.filter((id) => chosen.has(id)).map((id) => said(model, model.steps[id]));
  const edges = Object.values(model.wires)
    .filter((wire) => !wire.reference && chosen.has(wire.source) && chosen.has(wire.target))
    .map((wire) => wire.id);
  return JSON.stringify({ [CLIP]: 1, steps, edges });
};

const said = (model, { id, kind, config, at, title, retry, timeout, on_error }) => ({ id, kind, config, at, title, within: withinText(model, placeOf(model, id)), retry, timeout, on_error });

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
  const taken = { ...model.steps, ...Object.fromEntries(clip.steps.map(({ id }) => [id, true])) };
  for (const { id } of clip.steps) {
    names[id] = model.steps[id] ? freeId(id.replace(/_\d+$/, ""), taken) : id;
    taken[names[id]] = true;
  }
  const top = [];
  const steps = clip.steps.map(({ id, at = [0, 0], within = "", ...rest }) => {
    const along = within.split(".")[0] in names;
    if (!along) top.push(names[id]);
    const place = along ? within : withinText(model, placeSaid(model, within));
    const spoken = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined && value !== null));
    return { do: "add", step: id, version: catalog.kinds[rest.kind]?.version ?? 1, at: along ? at : moved(at, offset, offset), ...(place ? { within: place } : {}), ...spoken };
  });
  edit({ do: "paste", steps, names, edges: clip.edges });
  surface.select?.(top);
  if (top.length) surface.focus?.(top[0]);
  return true;
};

export const duplicate = () => paste(copied());

export const addNote = (at) => {
  const note = freeId("note", get().model.notes);
  edit({ do: "add_note", note, text: "", at: snapped(at ?? surface.middle?.() ?? [0, 0]), size: [240, 120] });
};

/** Put every step into columns, and show them all. */
export const tidy = () => {
  const stop = watch(
    ({ save }) => save,
    (save) => {
      if (save === "saving") return;
      stop();
      if (save === "saved") surface.fit?.();
    },
  );
  walk("tidy");
};
