// Where steps stand: in which body of which step, and what can be seen from there; pure.

export const ROOT = { step: "", body: "" };

export const same = (one, other) => one.step === other.step && one.body === other.body;

/** What a function makes of the steps of a model, made once for each state of them. */
export const remembered = (make) => {
  const made = new WeakMap();
  return (model) => {
    if (!made.has(model.steps)) made.set(model.steps, make(model));
    return made.get(model.steps);
  };
};

const hasBody = (step, body) => (step?.bodies ?? []).some(({ name }) => name === body);

/** Where a step stands, {step, body}; a body that is not there any more counts as the canvas itself. */
export const placeOf = ({ steps }, id) => {
  const { parent, body } = steps[id] ?? {};
  return parent && hasBody(steps[parent], body) ? { step: parent, body } : ROOT;
};

const keyOf = ({ step, body }) => `${step}/${body}`;

const rooms = remembered((model) => {
  const found = {};
  for (const id of model.order) if (model.steps[id]) (found[keyOf(placeOf(model, id))] ??= []).push(id);
  return found;
});

/** The ids of the steps that stand in a place, in the order they were drawn. */
export const stepsIn = (model, place) => rooms(model)[keyOf(place)] ?? [];

export const bodiesOf = (step) => step?.bodies ?? [];

/** Everything that stands inside a step, however deep. */
export const insideOf = (model, id) =>
  bodiesOf(model.steps[id]).flatMap(({ name }) => stepsIn(model, { step: id, body: name }).flatMap((each) => [each, ...insideOf(model, each)]));

/** A place and those around it, from the inside out; the last is the canvas itself. */
export const around = (model, place) => (place.step ? [place, ...around(model, placeOf(model, place.step))] : [ROOT]);

/** The body of `other` in which a step stands, however deep; undefined when it stands elsewhere. */
export const bodyAround = (model, id, other) => around(model, placeOf(model, id)).find(({ step }) => step && step === other)?.body;

/** A place as the document says it: `each`, `try.catch`, or nothing. */
export const withinText = (model, { step, body }) => (!step ? "" : bodiesOf(model.steps[step])[0]?.name === body ? step : `${step}.${body}`);

/** The place that a document says. */
export const placeSaid = ({ steps }, within = "") => {
  const [step, body] = within.split(".");
  const known = bodiesOf(steps[step]);
  const found = body ? known.find(({ name }) => name === body) : known[0];
  return found ? { step, body: found.name } : ROOT;
};

/** The inner end of a port: at `body` of its step, or undefined when it is one on the outside. */
export const endsOfWire = (model, { source, output, target, port = "after" }) => {
  const home = placeOf(model, source);
  return [
    { step: source, port: output, body: bodyAround(model, target, source) },
    { step: target, port, body: home.step === target ? home.body : undefined },
  ];
};

/** Where a value is read that goes into an end. */
const readIn = (model, from, to) => (to.body ? placeOf(model, from.step) : placeOf(model, to.step));

/** Who waits for `from`: the reader, or the step around it that stands where `from` does; null when nobody has to. */
export const waitsFor = (model, from, to) => {
  const home = placeOf(model, from.step);
  const place = readIn(model, from, to);
  let waiting = same(placeOf(model, to.step), place) ? to.step : null;
  for (const each of around(model, place)) {
    if (each.step && each.step === from.step) return null;
    if (same(each, home)) return waiting;
    waiting = each.step;
  }
  return null;
};

/** Why a wire would cross a frame where none may, as [English template, values], or null. */
export const crossing = (model, from, to) => {
  const called = (id) => ({ name: model.steps[id].title || id });
  if (from.step === to.step) return ["A step cannot wait for itself.", {}];
  const home = placeOf(model, from.step);
  if (from.body) {
    if (bodyAround(model, to.step, from.step) !== from.body) return ["Only steps in there get what {name} hands in.", called(from.step)];
    return to.body ? ["Only the steps in there fill what {name} takes.", called(to.step)] : null;
  }
  if (to.body) return same(home, { step: to.step, body: to.body }) ? null : ["Only the steps in there fill what {name} takes.", called(to.step)];
  if (bodyAround(model, to.step, from.step)) return ["Inside {name} there is only what it hands in.", called(from.step)];
  if (home.step === to.step || !around(model, placeOf(model, to.step)).some((place) => same(place, home)))
    return ["The wire would leave {name}. Wire it to what {name} takes inside.", called(home.step)];
  return null;
};
