// Which round or item of a frame the canvas shows, and what a run says there; pure.
//
// A run says something of paths: `write` on the canvas itself, `each[2]/write` inside, `try.catch/tell` in a body that
// is not the first. What it says of a frame may tell its calls, by body: {calls: {body: {keys, ended, total}}}; when it
// does not, they are found in the paths themselves.
import { bodiesOf, placeOf } from "./nesting.js";

const CALL = /^(.*?)(?:\[([^\]]*)\])?$/;
const ENDED = new Set(["done", "failed", "skipped", "cancelled"]);

const found = new WeakMap();

/** The calls that the paths of an overlay tell: {`each` or `try.catch`, with what is around it: {key: all its steps ended}}. */
const callsIn = (overlay) => {
  if (found.has(overlay)) return found.get(overlay);
  const calls = {};
  for (const [path, { state }] of Object.entries(overlay)) {
    const parts = path.split("/");
    if (/[[.]/.test(parts.at(-1))) continue; // a call itself, which has no state
    for (let depth = 1; depth < parts.length; depth++) {
      const [, call, key = ""] = CALL.exec(parts.slice(0, depth).join("/"));
      const keys = (calls[call] ??= new Map());
      keys.set(key, (keys.get(key) ?? true) && ENDED.has(state));
    }
  }
  found.set(overlay, calls);
  return calls;
};

const callOf = (model, path, step, body) => (bodiesOf(model.steps[step])[0]?.name === body ? path : `${path}.${body}`);

/**
 * The calls of a body: {path, keys, key, ended, total}. key: of the one that is shown, the latest unless another was
 * chosen. chosen: the key by call, such as {"each": "2"}. null when there were none.
 */
export const callsOf = (model, overlay, chosen, step, body) => {
  const path = pathOf(model, overlay, chosen, step);
  if (path === null) return null;
  const call = callOf(model, path, step, body);
  const told = overlay[path]?.calls?.[body];
  const known = callsIn(overlay)[call];
  const keys = told?.keys ?? (known ? [...known.keys()] : []);
  if (!keys.length) return null;
  const ended = told?.ended ?? [...known.values()].filter(Boolean).length;
  const key = keys.includes(chosen[call]) ? chosen[call] : keys.at(-1);
  return { path: call, keys, key, ended, total: told?.total ?? keys.length };
};

/** The path under which a run says something of a step, in the rounds and items that are shown; null when there is none. */
export const pathOf = (model, overlay, chosen, id) => {
  const { step, body } = placeOf(model, id);
  if (!step) return id;
  const calls = callsOf(model, overlay, chosen, step, body);
  if (!calls) return null;
  return `${calls.path}${calls.key ? `[${calls.key}]` : ""}/${id}`;
};

/** What a run says of a step. */
export const saysOf = ({ model, overlay, chosen }, id) => {
  const path = model.steps[id] ? pathOf(model, overlay, chosen, id) : id;
  return path === null ? undefined : overlay[path];
};
