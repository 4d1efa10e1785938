// The keyboard on the canvas: everything that a mouse can do there.
import { addNote, copied, duplicate, fold, linkFrom, nudge, outermost, paste, remove, select, turnAround, unlink } from "./actions.js";
import { drawing, get, set } from "./desk.js";
import { bodiesOf } from "./nesting.js";
import { walk } from "./queue.js";
import { fit, intoSight, lasting } from "./sight.js";

const ARROWS = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8] };

const typing = (target) => target.closest("input, textarea, select, [contenteditable]") !== null;

/** The step that has the focus, if one has. */
const stepOf = (target) => target.closest(".react-flow__node-step")?.dataset.id;

export const useKeys = (flow, store) => (event) => {
  if (typing(event.target) || event.defaultPrevented) return;
  const step = stepOf(event.target);
  const command = event.ctrlKey || event.metaKey;
  const done = command ? commanded(event, flow) : pressed(event, step, flow, store);
  if (done) event.preventDefault();
};

const commanded = (event, flow) => {
  const { order } = get().model;
  const key = event.key.toLowerCase();
  if (key === "a") select(order);
  else if (key === "d") duplicate();
  else if (key === "c" && copied()) navigator.clipboard?.writeText(copied());
  else if (key === "x" && copied()) navigator.clipboard?.writeText(copied()).then(remove);
  else if (key === "v") navigator.clipboard?.readText().then((text) => paste(text));
  else if (key === "0") flow.zoomTo(1, { duration: lasting(200) });
  else return false;
  return true;
};

const pressed = (event, step, flow, store) => {
  const { key, shiftKey, target } = event;
  if (key === "Tab") return step ? walkOn(step, shiftKey ? -1 : 1, flow, store, target) : false;
  if (key in ARROWS) return move(step, ARROWS[key], shiftKey ? 5 : 1);
  if (key === "Delete" || key === "Backspace") return discard(step);
  if (key === "Escape") return escape(flow);
  if (key === "Enter" && step) return configure(step);
  if (key === " " && step) return toggle(step);
  if (key === "c" && step) return linkFrom(step) ?? true;
  if (key === "m") return relocate(step);
  if (key === "o" && step) return bodiesOf(get().model.steps[step]).length > 0 && (fold(step) ?? true);
  if ((key === "," || key === ".") && step) return turnAround(drawing, step, key === "." ? 1 : -1);
  if (key === "a" || key === "/") return add(step);
  if (key === "n") return addNote() ?? true;
  if (key === "?") return set({ help: true }) ?? true;
  if (key === "1" || key === "f") return Boolean(fit(flow));
  if (key === "+" || key === "=") return Boolean(flow.zoomIn({ duration: lasting(200) }));
  if (key === "-") return Boolean(flow.zoomOut({ duration: lasting(200) }));
  return false;
};

/** To the next step in the order of the flow, which may be out of sight and so not in the page. */
const walkOn = (step, by, flow, store, target) => {
  const nodes = flow.getNodes().filter((node) => node.type === "step");
  const node = nodes[nodes.findIndex((each) => each.id === step) + by];
  if (!node) return false; // out of the canvas
  const next = flow.getInternalNode(node.id);
  const root = target.closest(".surface");
  intoSight(flow, store, next);
  const focus = (tries) => {
    const element = root.querySelector(`.react-flow__node[data-id="${next.id}"]`);
    if (element) element.focus();
    else if (tries) requestAnimationFrame(() => focus(tries - 1));
  };
  focus(10);
  return true;
};

const move = (step, [right, down], times) => {
  const { selected } = get();
  if (step && !selected.steps.includes(step)) select([step]);
  if (!step && !selected.steps.length) return false;
  // The selection of a step that was just selected arrives with React Flow's next turn.
  requestAnimationFrame(() => nudge(right * times, down * times));
  return true;
};

/** Remove what is selected; a step that has the focus and is not among it is what the person means. */
const discard = (step) => {
  if (step && !get().selected.steps.includes(step)) select([step]);
  requestAnimationFrame(remove); // as above
  return true;
};

/** Choose another place for the step, or for all that are selected. */
const relocate = (step) => {
  const { selected, model } = get();
  const ids = step && !selected.steps.includes(step) ? [step] : outermost(model, selected.steps);
  if (!ids.length) return false;
  set({ moving: ids });
  return true;
};

/** A list of kinds; what is chosen goes into the frame that has the focus, or beside the step. */
const add = (step) => {
  if (step && !get().selected.steps.includes(step)) select([step]);
  // The selection arrives with React Flow's next turn.
  requestAnimationFrame(() => set({ adding: { x: null, y: null, at: null, end: null } }));
  return true;
};

const configure = (step) => {
  select([step]);
  set({ reveal: { step, field: "*", n: (get().reveal?.n ?? 0) + 1 }, panel: "properties" });
  return true;
};

const toggle = (step) => {
  const { steps } = get().selected;
  select(steps.includes(step) ? steps.filter((id) => id !== step) : [...steps, step]);
  return true;
};

const escape = (flow) => {
  if (get().linking) unlink();
  else if (get().adding) set({ adding: null });
  else select([]);
  return true;
};

/** Undo and redo, wherever the focus is, except in a text that has an undo of its own. */
export const onWindowKeys = (event) => {
  if (!(event.ctrlKey || event.metaKey) || typing(event.target)) return;
  const key = event.key.toLowerCase();
  if (key === "z") walk(event.shiftKey ? "redo" : "undo");
  else if (key === "y") walk("redo");
  else if (key === "k") set({ adding: { x: null, y: null, at: null, end: null } });
  else return;
  event.preventDefault();
};
