// The model as nodes and edges of React Flow; pure.
import { boxesOf, inFrame, shownAs, sizeOf } from "./frames.js";
import { handleId, handlesOf, portsKey } from "./geometry.js";
import { endsOfWire, placeOf } from "./nesting.js";
import { flowOrder, inputOf, outputOf } from "./wires.js";

/**
 * Nodes in the order of the flow, which is the order of the Tab key; those in `before` are kept where they can be.
 * collapsed: the ids of frames whose inside is not drawn.
 */
export const nodesOf = (model, before = [], renaming = null, collapsed = {}) => {
  const old = new Map(before.map((node) => [node.id, node]));
  const formerly = renaming && !old.has(renaming.to) && old.get(renaming.from);
  if (formerly) old.set(renaming.to, { ...formerly, id: renaming.to, domAttributes: named(renaming.to) }); // stays selected
  const boxes = boxesOf(model, collapsed);
  const seen = flowOrder(model).filter((id) => shownAs(model, collapsed, id) === id);
  const steps = seen.map((id) => stepNode(model, boxes, model.steps[id], old.get(id)));
  const notes = Object.values(model.notes).map((note) => noteNode(note, old.get(`note:${note.id}`)));
  return [...notes, ...steps];
};

const stepNode = (model, boxes, step, old) => {
  const { id } = step;
  const box = boxes[id];
  const position = inFrame(model, boxes, id);
  const parentId = placeOf(model, id).step || undefined;
  const key = `${portsKey(step)};${JSON.stringify(box)}`;
  const kept = old?.data;
  if (kept?.step === step && kept.key === key && same(kept.position, position) && old.parentId === parentId) return old;
  const data = { step, box: kept?.key === key ? kept.box : box, key, position };
  if (!old) return { ...sized(boxes, step), id, type: "step", parentId, position, data, domAttributes: named(id) };
  const stays = old.parentId === parentId && (old.dragging || same(old.position, position));
  return { ...old, data, parentId, position: stays ? old.position : position, ...(kept.key === key ? {} : sized(boxes, step)) };
};

const same = (one, other) => one.x === other.x && one.y === other.y;

const sized = (boxes, step) => {
  const [width, height] = sizeOf(boxes, step);
  return { handles: handlesOf(step, boxes[step.id]), measured: { width, height } };
};

const named = (id) => ({ "aria-labelledby": `step-${id}`, "aria-roledescription": undefined });

const noteNode = (note, old) => {
  if (old?.data.note === note) return old;
  const [width, height] = note.size;
  return {
    ...old,
    id: `note:${note.id}`,
    type: "note",
    position: { x: note.at[0], y: note.at[1] },
    width,
    height,
    zIndex: -1,
    data: { note },
  };
};

const MANY = 40; // references

/** Whether a flow has so few references that all are drawn; of more, only those of the selected steps. */
export const fewReferences = ({ wires }) => Object.values(wires).filter((wire) => wire.reference).length <= MANY;

/**
 * Edges, without those whose ends are not there to be joined, or not drawn. chosen: the ids of the selected steps.
 */
export const edgesOf = (model, chosen, before = [], collapsed = {}) => {
  const old = new Map(before.map((edge) => [edge.id, edge]));
  const few = fewReferences(model);
  const near = new Set(chosen);
  const edges = [];
  for (const wire of Object.values(model.wires)) {
    if (wire.reference && !few && !near.has(wire.source) && !near.has(wire.target)) continue;
    const made = edgeOf(model, wire, collapsed);
    if (!made) continue;
    const kept = old.get(wire.id);
    const alike = kept && ["data", "source", "target", "sourceHandle", "targetHandle"].every((part) => kept[part] === made[part]);
    edges.push(alike ? kept : { ...kept, ...made });
  }
  return edges;
};

/** An edge of React Flow; null when it would begin or end nowhere. What goes into a collapsed frame ends at its edge. */
const edgeOf = (model, wire, collapsed) => {
  const { source, target } = wire;
  if (!model.steps[source] || !model.steps[target]) return null;
  const [from, to] = endsOfWire(model, wire);
  const [begins, leads] = [shownAs(model, collapsed, source), shownAs(model, collapsed, target)];
  if (!outputOf(model.steps[source], from.port, from.body)) return null;
  if (begins !== source || (from.body && collapsed[source]) || (to.body && collapsed[target])) return null;
  if (to.body && !inputOf(model.steps[target], to.port, to.body)) return null;
  return {
    id: wire.id,
    type: "wire",
    source,
    sourceHandle: handleId(from),
    target: leads,
    targetHandle: leads === target ? handleId(to) : "after",
    selectable: !wire.reference,
    ariaLabel: `${source} → ${target}`,
    data: wire,
  };
};
