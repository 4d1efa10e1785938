// What may be joined to what, and in which order steps come; pure.
import { around, bodiesOf, crossing, endsOfWire, placeOf, ROOT, same, stepsIn, waitsFor } from "./nesting.js";

const WIRE = /^\s*([a-z][a-z0-9_]*)\.([A-Za-z_]\w*)\s*->\s*([a-z][a-z0-9_]*)(?:\.([A-Za-z_]\w*))?\s*$/;

export const AFTER = "after";

export const parseWire = (text) => {
  const [, source, output, target, port = AFTER] = WIRE.exec(text);
  return { id: text, source, output, target, port };
};

export const wireText = ({ source, output, target, port }) =>
  port === AFTER ? `${source}.${output} -> ${target}` : `${source}.${output} -> ${target}.${port}`;

const ENTRY = { name: AFTER, kind: "any", many: true };

const named = (ports, name) => (ports ?? []).find((each) => each.name === name);
const bodyOf = (step, body) => bodiesOf(step).find(({ name }) => name === body);

/** The port of a step by name, on the inside of a body when one is said; `after` is one although no list holds it. */
export const inputOf = (step, port, body) => {
  if (body) return named(bodyOf(step, body)?.takes, port);
  return port === AFTER ? step.entry !== false && ENTRY : named(step.inputs, port);
};
export const outputOf = (step, port, body) => named(body ? bodyOf(step, body)?.gives : step.outputs, port);

const waiting = new WeakMap();

/** Whom each step waits for, by wires, references and because it stands inside. */
const before = (model) => {
  const known = waiting.get(model.wires);
  if (known?.steps === model.steps) return known.found;
  const found = {};
  for (const wire of Object.values(model.wires)) {
    if (!model.steps[wire.source] || !model.steps[wire.target]) continue;
    const waits = waitsFor(model, ...endsOfWire(model, wire));
    if (waits) (found[waits] ??= []).push(wire.source);
  }
  for (const id of model.order) if (placeOf(model, id).step) (found[id] ??= []).push(placeOf(model, id).step);
  waiting.set(model.wires, { steps: model.steps, found });
  return found;
};

/** Steps that a step waits for, and the same over many. */
export const ancestors = (model, step) => {
  const known = before(model);
  const found = new Set();
  const todo = [step];
  while (todo.length)
    for (const source of known[todo.pop()] ?? [])
      if (!found.has(source)) {
        found.add(source);
        todo.push(source);
      }
  return found;
};

/**
 * Why an output cannot be joined to an input, as [English template, values], or null when it can.
 * waited: `ancestors` of the output's step, when there are many inputs to ask for.
 */
export const refusal = (model, accepts, from, to, waited = ancestors(model, from.step)) => {
  const across = crossing(model, from, to);
  if (across) return across;
  const waits = waitsFor(model, from, to);
  if (waits && (waits === from.step || waited.has(waits))) return ["The two steps would wait for each other.", {}];
  const output = outputOf(model.steps[from.step], from.port, from.body);
  const input = inputOf(model.steps[to.step], to.port, to.body);
  if (!output || !input) return ["The step no longer has this port.", {}];
  if (model.wires[wireText({ source: from.step, output: from.port, target: to.step, port: to.port })])
    return ["This wire is there already.", {}];
  const source = output.kind ?? "any";
  const target = input.kind ?? "any";
  if (to.port !== AFTER && !accepts[target].includes(source))
    return ["It gives {source}, and here goes {target}.", { source: `kind:${source}`, target: `kind:${target}` }];
  return null;
};

/** Whether an expression of a step may read an output: it is seen from there and nobody waits in a circle. */
export const mayRead = (model, from, id, waited = ancestors(model, from.step)) => {
  const to = { step: id, port: AFTER };
  const waits = !crossing(model, from, to) && waitsFor(model, from, to);
  return waits === null || Boolean(waits && waits !== from.step && !waited.has(waits));
};

/** Both ends in the order of the wire, whichever was taken first. */
export const ends = (one, other) => (one.type === "source" ? [one, other] : [other, one]);

/** Every port that a loose end can be joined to: [{step, port, body, type, kind}], in the order of the flow. */
export const partners = (model, accepts, end) => {
  const found = [];
  const type = end.type === "source" ? "target" : "source";
  const waited = end.type === "source" ? ancestors(model, end.step) : null;
  for (const id of flowOrder(model))
    for (const { body, ...port } of portsOf(model.steps[id], type)) {
      const other = { step: id, port: port.name, type, ...(body ? { body } : {}) };
      const [from, to] = ends(end, other);
      if (!port.lost && !refusal(model, accepts, from, to, waited ?? ancestors(model, from.step)))
        found.push({ ...other, kind: port.kind ?? "any" });
    }
  return found;
};

/** All ports of one type, those on the inside with their body. */
export const portsOf = (step, type) => {
  const inner = bodiesOf(step).flatMap(({ name, gives = [], takes = [] }) => (type === "source" ? gives : takes).map((port) => ({ ...port, body: name })));
  if (type === "source") return [...(step.outputs ?? []), ...inner];
  return [...(step.inputs ?? []), ...(step.entry === false ? [] : [ENTRY]), ...inner];
};

const orders = new WeakMap();

/** The ids of all steps, each after those it waits for and followed by what is inside; among equals as drawn. */
export const flowOrder = (model) => {
  const known = orders.get(model.wires);
  if (known?.steps === model.steps && known.drawn === model.order) return known.order;
  const joins = joinsByPlace(model);
  const inside = (place) =>
    sorted(stepsIn(model, place), joins.get(`${place.step}/${place.body}`) ?? []).flatMap((id) => [
      id,
      ...bodiesOf(model.steps[id]).flatMap(({ name }) => inside({ step: id, body: name })),
    ]);
  const order = inside(ROOT);
  if (order.length < model.order.length) {
    const seen = new Set(order); // what stands in itself, in a broken file, stands nowhere
    order.push(...model.order.filter((id) => model.steps[id] && !seen.has(id)));
  }
  orders.set(model.wires, { steps: model.steps, drawn: model.order, order });
  return order;
};

/** Who comes before whom, by the innermost place that holds both. */
const joinsByPlace = (model) => {
  const found = new Map();
  for (const { source, target } of Object.values(model.wires)) {
    if (source === target || !model.steps[source] || !model.steps[target]) continue;
    const outer = around(model, placeOf(model, target));
    const place = around(model, placeOf(model, source)).find((each) => outer.some((other) => same(each, other)));
    const [one, other] = [upTo(model, source, place), upTo(model, target, place)];
    if (one === other) continue;
    const key = `${place.step}/${place.body}`;
    if (!found.has(key)) found.set(key, []);
    found.get(key).push([one, other]);
  }
  return found;
};

/** The step, or the one around it that stands in a place. */
const upTo = (model, id, place) => {
  let at = id;
  while (!same(placeOf(model, at), place)) at = placeOf(model, at).step;
  return at;
};

const sorted = (ids, joins) => {
  const waits = {};
  const after = {};
  for (const [source, target] of joins) {
    waits[target] = (waits[target] ?? 0) + 1;
    (after[source] ??= []).push(target);
  }
  const order = [];
  const visit = (id) => {
    const todo = [id];
    while (todo.length) {
      const next = todo.pop();
      order.push(next);
      for (const target of (after[next] ?? []).toReversed()) if (--waits[target] === 0) todo.push(target);
    }
  };
  for (const id of ids) if (!waits[id] && !(id in waits)) visit(id);
  const seen = new Set(order); // steps in a circle are in none of these
  return [...order, ...ids.filter((id) => !seen.has(id))];
};

/** A name that nothing has yet: `classify`, then `classify_2`. */
export const freeId = (stem, taken) => {
  let id = stem;
  for (let number = 2; id in taken; number++) id = `${stem}_${number}`;
  return id;
};
