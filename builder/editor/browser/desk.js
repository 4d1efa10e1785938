// The editor's state in the browser, and who is told when it changes.
import { createContext, useContext, useSyncExternalStore } from "react";
import { EMPTY } from "./model.js";

/**
 * base: the model as the server confirmed it. model: with the edits that are on their way. pending: batches
 * {id, edits, sent} or {id, walk, sent}, oldest first; sent: at least once. sending: the id of the one under way. save:
 * "saved", "saving", "failed", "stale". overlay: what a run says of each step, by path (see scopes.js). chosen: the rounds and items that are shown
 * where it is not the latest, {"each": "2"}. selected: ids of steps, wires and notes. dragging: the pointer
 * holds steps. tiny: the view is so far away that the whole flow is in it. linking: the loose end of a wire {step,
 * port, type, kind}, what takes it, and how it is drawn. reveal: a place to go to {step, field, n}. panel: what a small screen shows.
 * adding: the list of kinds over the canvas {x, y, at, end}. renaming: the last change of a step's id, {from, to}.
 * help: the list of shortcuts is open. configuring: the settings of the flow are. collapsed: frames drawn as cards, {id: true}. over: the place {step, body} over
 * which the pointer holds steps. moving: the steps whose new place is being chosen. said: the latest word for screen readers, as [English template, values].
 */
const START = {
  flow: "",
  tab: "",
  revision: 0,
  base: EMPTY,
  model: EMPTY,
  pending: [],
  sending: null,
  save: "saved",
  reason: null,
  undo: null,
  redo: null,
  catalog: { groups: [], kinds: {}, accepts: {}, limits: [] },
  icons: {},
  choices: { models: [], secrets: [], flows: [] },
  overlay: {},
  chosen: {},
  collapsed: {},
  over: null,
  moving: null,
  selected: { steps: [], wires: [], notes: [] },
  dragging: false,
  tiny: false,
  linking: null,
  reveal: null,
  adding: null,
  panel: "canvas",
  help: false,
  configuring: false,
  recovered: [],
  renaming: null,
  refusals: [],
  said: null,
};

/** A state of its own for one canvas: {get, set, subscribe, watch}. */
export const createDesk = () => {
  let state = START;
  const listeners = new Set();
  const get = () => state;
  const set = (change) => {
    state = { ...state, ...change };
    for (const listener of listeners) listener();
  };
  const subscribe = (listener) => {
    listeners.add(listener);
    return () => listeners.delete(listener);
  };
  /** Call whenever the selected part becomes another object, outside of React; returns how to stop. */
  const watch = (select, then) => {
    let before = select(state);
    return subscribe(() => {
      const now = select(state);
      if (now === before) return;
      const old = before;
      before = now;
      then(now, old);
    });
  };
  return { get, set, subscribe, watch };
};

/** The desk on which a flow is drawn: a page has one, since its header, its panels and its keys are about one flow. */
export const drawing = createDesk();
export const { get, set, watch } = drawing;

export const reset = () => set({ ...START, catalog: get().catalog, icons: get().icons, choices: get().choices });

/** Whose state the components inside show; a canvas that only shows a flow brings a desk of its own. */
export const DeskContext = createContext(drawing);

/** A part of the state; the component is drawn again when that part is another object. */
export const useDesk = (select) => {
  const desk = useContext(DeskContext);
  const part = () => select(desk.get());
  return useSyncExternalStore(desk.subscribe, part, part);
};

/** What a run says, keeping the objects of steps that it says nothing new of. */
export const renewed = (before, overlay) => {
  const same = (one, other) => one && Object.keys(other).every((key) => one[key] === other[key]);
  const kept = ([step, says]) => [step, same(before[step], says) ? before[step] : says];
  return Object.fromEntries(Object.entries(overlay ?? {}).map(kept));
};

/** A word for screen readers. */
export const say = (said) => set({ said });
