// What may be joined to what, and in which order steps come; pure.

const WIRE = /^\s*([a-z][a-z0-9_]*)\.([A-Za-z_]\w*)\s*->\s*([a-z][a-z0-9_]*)(?:\.([A-Za-z_]\w*))?\s*$/;

export const AFTER = "after";

export const parseWire = (text) => {
  const [, source, output, target, port = AFTER] = WIRE.exec(text);
  return { id: text, source, output, target, port };
};

export const wireText = ({ source, output, target, port }) =>
  port === AFTER ? `${source}.${output} -> ${target}` : `${source}.${output} -> ${target}.${port}`;

const ENTRY = { name: AFTER, kind: "any", many: true };

/** The port of a step by name; `after` is one although no list holds it. */
export const inputOf = (step, port) =>
  port === AFTER ? step.entry !== false && ENTRY : (step.inputs ?? []).find((each) => each.name === port);
export const outputOf = (step, port) => (step.outputs ?? []).find((each) => each.name === port);

/** Steps that a step waits for, and the same over many, by wires and references. */
export const ancestors = (model, step) => {
  const before = {};
  for (const wire of Object.values(model.wires)) (before[wire.target] ??= []).push(wire.source);
  const found = new Set();
  const todo = [step];
  while (todo.length)
    for (const source of before[todo.pop()] ?? [])
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
  if (from.step === to.step) return ["A step cannot wait for itself.", {}];
  if (waited.has(to.step)) return ["The two steps would wait for each other.", {}];
  const output = outputOf(model.steps[from.step], from.port);
  const input = inputOf(model.steps[to.step], to.port);
  if (!output || !input) return ["The step no longer has this port.", {}];
  if (model.wires[wireText({ source: from.step, output: from.port, target: to.step, port: to.port })])
    return ["This wire is there already.", {}];
  const source = output.kind ?? "any";
  const target = input.kind ?? "any";
  if (to.port !== AFTER && !accepts[target].includes(source))
    return ["It gives {source}, and here goes {target}.", { source: `kind:${source}`, target: `kind:${target}` }];
  return null;
};

/** Both ends in the order of the wire, whichever was taken first. */
export const ends = (one, other) => (one.type === "source" ? [one, other] : [other, one]);

/** Every port that a loose end can be joined to: [{step, port, type, name, kind}], in the order of the flow. */
export const partners = (model, accepts, end) => {
  const found = [];
  const waited = end.type === "source" ? ancestors(model, end.step) : null;
  for (const id of flowOrder(model)) {
    const step = model.steps[id];
    const ports =
      end.type === "source"
        ? [...(step.inputs ?? []), ...(step.entry === false ? [] : [ENTRY])]
        : (step.outputs ?? []);
    for (const port of ports) {
      const other = { step: id, port: port.name, type: end.type === "source" ? "target" : "source" };
      const [from, to] = ends(end, other);
      if (!port.lost && !refusal(model, accepts, from, to, waited ?? ancestors(model, from.step)))
        found.push({ ...other, kind: port.kind ?? "any" });
    }
  }
  return found;
};

/** The ids of all steps, each after those it waits for; among equals as they were drawn. */
export const flowOrder = (model) => {
  const waits = {};
  const after = {};
  for (const { source, target } of Object.values(model.wires)) {
    if (source === target) continue;
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
  for (const id of model.order) if (!waits[id] && !(id in waits)) visit(id);
  const seen = new Set(order); // steps in a circle are in none of these
  return [...order, ...model.order.filter((id) => !seen.has(id))];
};

/** A name that nothing has yet: `classify`, then `classify_2`. */
export const freeId = (stem, taken) => {
  let id = stem;
  for (let number = 2; id in taken; number++) id = `${stem}_${number}`;
  return id;
};
