// What a wire does that is let go over a step as a whole: it fills what the step waits for; pure.
import { bodyAround, placeOf } from "./nesting.js";
import { AFTER, ancestors, ends, flowOrder, mayRead, partners, refusal, wireText } from "./wires.js";

const WRITTEN = new Set(["text", "multiline", "expression", "json"]); // settings that one expression can fill

/** The edits that join two ends, or write what an output gives into a setting: `other` is then {step, field}. */
export const joining = (model, one, other) => {
  if (!other.field) return [wired(...ends(one, other))];
  const { step, field } = other;
  const entry = { step, port: AFTER, type: "target" };
  // An expression only reads; the wire decides whether the step runs, also once the text has grown.
  const order = model.steps[step].entry !== false && !model.wires[textOf(one, entry)];
  const value = `{{ ${one.step}.${one.port} }}`;
  return [{ do: "set", step, field: field.name, value }, ...(order ? [wired(one, entry)] : [])];
};

const textOf = (from, to) => wireText({ source: from.step, output: from.port, target: to.step, port: to.port });
const wired = (from, to) => ({ do: "connect", edges: [textOf(from, to)] });

/**
 * Where on a step a loose end goes that is let go over it: {end, says}, or {why} when nothing there takes it. end: as
 * `joining` takes it. says, why: [English template, values].
 */
export const landing = (model, catalog, end, id) => (end.type === "source" ? onInput : onOutput)(model, catalog, end, id);

const onInput = (model, { kinds, accepts }, end, id) => {
  const step = model.steps[id];
  const waited = ancestors(model, end.step);
  const inner = placeOf(model, end.step).step === id && !end.body && takenInside(model, accepts, end, waited);
  if (inner) return inner;
  const at = (port) => ({ step: id, port, type: "target" });
  const why = (port) => refusal(model, accepts, end, at(port), waited);
  const taken = takenPorts(model);
  const awaited = (step.inputs ?? []).find(
    ({ name, required, many, lost }) => required && !lost && (many || !taken.has(`${id}.${name}`)) && !why(name),
  );
  if (awaited) return { end: at(awaited.name), says: ["fills {name}", { name: awaited.name }] };
  const field = mayRead(model, end, id, waited) && emptySetting(step, kinds[step.kind], taken);
  if (field) return { end: { step: id, field }, says: ["fills {name}", { name: field.label }] };
  if (step.entry === false) return { why: ["A start takes no wire.", {}] };
  const no = why(AFTER);
  return no ? { why: no } : { end: at(AFTER), says: ["runs after it", {}] };
};

/** A wire let go over the frame around its step fills what that takes inside. */
const takenInside = (model, accepts, end, waited) => {
  const { step, body } = placeOf(model, end.step);
  const { takes = [] } = model.steps[step].bodies.find(({ name }) => name === body);
  const ends = takes.filter(({ lost }) => !lost).map(({ name }) => ({ step, port: name, type: "target", body }));
  const free = ends.find((to) => !refusal(model, accepts, end, to, waited));
  if (free) return { end: free, says: ["fills {name}", { name: free.port }] };
  return ends.length ? { why: refusal(model, accepts, end, ends[0], waited) } : null;
};

const onOutput = (model, { accepts }, end, id) => {
  const inner = bodyAround(model, end.step, id); // the frame around the step hands it something
  const ports = inner ? model.steps[id].bodies.find(({ name }) => name === inner).gives : model.steps[id].outputs;
  const tried = (ports ?? [])
    .filter((port) => !port.lost)
    .map((port) => ({ step: id, port: port.name, type: "source", ...(inner ? { body: inner } : {}) }))
    .map((from) => ({ end: from, says: ["comes from {name}", { name: from.port }], why: refusal(model, accepts, from, end) }));
  return tried.find(({ why }) => !why) ?? { why: tried[0]?.why ?? ["It gives nothing.", {}] };
};

const takenPorts = (model) =>
  new Set(Object.values(model.wires).filter((wire) => !wire.reference).map(({ target, port = AFTER }) => `${target}.${port}`));

/** The one setting that a step cannot do without and that is still empty; of several nobody can tell which is meant. */
const emptySetting = ({ id, config = {} }, known, taken) => {
  const empty = (known?.fields ?? []).filter(
    ({ name, required }) => required && ["", null, undefined].includes(config[name]) && !taken.has(`${id}.${name}`),
  );
  return empty.length === 1 && WRITTEN.has(empty[0].widget) ? empty[0] : undefined;
};

/** Everything that a loose end can be joined to, in the order of the flow: the setting it would fill, then the ports. */
export const offers = (model, catalog, end) => {
  const ports = partners(model, catalog.accepts, end);
  if (end.type === "target") return ports;
  const waited = ancestors(model, end.step);
  const taken = takenPorts(model);
  const byStep = Object.groupBy(ports, ({ step }) => step);
  return flowOrder(model).flatMap((id) => {
    const step = model.steps[id];
    const field = mayRead(model, end, id, waited) && emptySetting(step, catalog.kinds[step.kind], taken);
    return [...(field ? [{ step: id, field }] : []), ...(byStep[id] ?? [])];
  });
};

/** The same for a kind of node that is not on the canvas yet: the best end of a fresh step, or null. */
export const fitting = (known, { accepts }, end, step = "") => {
  const { inputs = [], outputs = [], trigger } = known;
  const at = (port, type) => port && { step, port: port.name, type };
  const takes = (input, output) => accepts[input.kind ?? "any"].includes(output.kind ?? "any");
  if (end.type === "target") return at(outputs.find((port) => end.port === AFTER || takes(end, port)), "source") ?? null;
  const taking = inputs.filter((port) => takes(port, end));
  const needed = taking.find((port) => port.required);
  if (needed) return at(needed, "target");
  const field = emptySetting({ id: step }, known, new Set());
  if (field) return { step, field };
  return at(taking[0] ?? (trigger ? undefined : { name: AFTER }), "target") ?? null;
};
